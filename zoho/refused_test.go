package zoho_test

import (
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

func TestRefused(t *testing.T) {
	p, err := zoho.New(zoho.Config{ClientID: "1000.C", ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("s")}})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]bool{
		`{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}`: true,
		`{"code":"INVALID_OAUTHTOKEN"}`:     true,
		`{"code":"AUTHENTICATION_FAILURE"}`: true,
		`{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"Unauthorized","status":"error"}`: false,
		`<html>`: true,
		``:       true,
	} {
		if got := p.Refused(nil, []byte(body)); got != want {
			t.Errorf("Refused(%q) = %t", body, got)
		}
	}
}
