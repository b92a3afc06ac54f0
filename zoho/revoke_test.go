package zoho_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

func TestRevoke(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	tok := login(f, "eve@example.com")
	for range 2 { // the second time it is revoked already
		if err := p.Revoke(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	if alive, _ := f.RefreshTokenAlive(tok.RefreshToken.Reveal()); alive {
		t.Error("the refresh token lives")
	}
	if alive, _ := f.AccessTokenAlive(tok.AccessToken.Reveal()); alive {
		t.Error("its access token lives")
	}
	if n := f.Counters().Revokes; n != 1 {
		t.Errorf("%d revocations", n)
	}
}

func TestRevokeFallsBackToTheNewForm(t *testing.T) {
	for name, fault := range map[string]zohotest.Fault{
		"404":  {Path: "/oauth/v2/token/revoke", Kind: zohotest.FaultStatus, Status: 404},
		"HTML": {Path: "/oauth/v2/token/revoke", Kind: zohotest.FaultHTML200},
	} {
		f := newFake(nil)
		f.AddFault(fault)
		tok := login(f, ann)
		if err := newProvider(t, config(f.Transport())).Revoke(t.Context(), tok); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if alive, _ := f.RefreshTokenAlive(tok.RefreshToken.Reveal()); alive {
			t.Errorf("%s: the refresh token lives", name)
		}
	}
}

func TestRevokeRequests(t *testing.T) {
	s := &stub{answer: func(r sent) (int, string) {
		if strings.HasSuffix(r.url, "/token/revoke") {
			return 404, `{"code":"INVALID_URL_PATTERN"}`
		}
		return 200, `{"status":"success"}`
	}}
	p := newProvider(t, config(s))
	if err := p.Revoke(t.Context(), &tokenkeep.Token{AccessToken: secret("acc"), DataCentre: "eu"}); err != nil {
		t.Fatal(err)
	}
	first, second := s.requests()[0], s.requests()[1]
	if first.url != "https://accounts.zoho.eu/oauth/v2/token/revoke" || first.form.Get("token") != "acc" || first.header.Get("Authorization") != "" {
		t.Errorf("first request to %s", first.url)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(clientID+":"+clientSecret))
	if second.url != "https://accounts.zoho.eu/oauth/v2/revoke/token" || second.header.Get("Authorization") != want ||
		second.form.Get("token") != "acc" || second.form.Get("token_type") != "access_token" {
		t.Errorf("second request to %s", second.url)
	}
}

// The newer form takes the next client secret too.
func TestRevokeTriesTheNextSecret(t *testing.T) {
	good := "Basic " + base64.StdEncoding.EncodeToString([]byte(clientID+":new-secret"))
	s := &stub{answer: func(r sent) (int, string) {
		switch {
		case strings.HasSuffix(r.url, "/token/revoke"):
			return 404, `<html>`
		case r.header.Get("Authorization") == good:
			return 200, `{"status":"success"}`
		}
		return 200, `{"error":"invalid_client_secret"}`
	}}
	cfg := config(s)
	cfg.ClientSecrets = []tokenkeep.Secret{secret("old-secret"), secret("new-secret")}
	if err := newProvider(t, cfg).Revoke(t.Context(), row()); err != nil || len(s.requests()) != 3 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
	if err := newProvider(t, config(s)).Revoke(t.Context(), row()); err == nil {
		t.Error("a refused secret is taken for a revocation")
	}
}

func TestRevokeNothing(t *testing.T) {
	s := &stub{}
	if err := newProvider(t, config(s)).Revoke(t.Context(), &tokenkeep.Token{GrantToken: secret("g")}); err != nil || len(s.requests()) != 0 {
		t.Errorf("%d requests, %v", len(s.requests()), err)
	}
}

func TestAnswersToRevoke(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  tokenkeep.Class // empty: revoked
	}{
		"success":         {200, `{"status":"success"}`, ""},
		"unknown token":   {400, `{"error":"invalid_token"}`, ""},
		"invalid_code":    {200, `{"error":"invalid_code"}`, ""},
		"400 without":     {400, `{}`, ""},
		"throttle":        {400, throttle, tokenkeep.Throttled},
		"general_error":   {400, `{"error":"general_error"}`, tokenkeep.RetryLater},
		"empty object":    {200, `{}`, tokenkeep.RetryLater},
		"unknown code":    {200, `{"error":"brand_new"}`, tokenkeep.RetryLater},
		"invalid_client":  {200, `{"error":"invalid_client"}`, tokenkeep.Misconfigured},
		"wrong secret":    {200, `{"error":"invalid_client_secret"}`, tokenkeep.Misconfigured},
		"500":             {500, `{"status":"success"}`, tokenkeep.RetryLater},
		"page everywhere": {200, `<html>`, tokenkeep.RetryLater},
		"404 everywhere":  {404, `{"status":"success"}`, tokenkeep.RetryLater},
		"401":             {401, `{"error":"invalid_code"}`, tokenkeep.RetryLater},
	} {
		err := newProvider(t, config(&stub{status: c.status, body: c.body})).Revoke(t.Context(), row())
		if c.class == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: taken for revoked", name)
			continue
		}
		wantClass(t, err, c.class)
	}
}
