package zoho_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

func TestIdentify(t *testing.T) {
	for _, c := range []struct {
		scopes []string
		want   string // empty: an error
	}{
		{nil, "eve@example.com:700002"},
		{[]string{"ZohoCRM.users.READ", "ZohoCRM.org.READ"}, "eve@example.com:700002"},
		{[]string{"ZohoCRM.users.READ"}, "eve@example.com"},
		{[]string{"AaaServer.profile.READ"}, "eve@example.com"},
		{[]string{"ZohoCRM.modules.ALL"}, ""},
	} {
		f := newFake(nil)
		i := f.Issue(clientID, "eve@example.com", c.scopes...)
		p := newProvider(t, config(f.Transport()))
		got, err := p.Identify(t.Context(), &tokenkeep.Token{AccessToken: secret(i.AccessToken), APIDomain: i.APIDomain})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("scopes %q: %q, %v", c.scopes, got, err)
		}
		if err != nil {
			wantText(t, wantClass(t, err, tokenkeep.Misconfigured).Hint, "ZohoCRM.users.READ", "AaaServer.profile.READ")
		}
	}
}

// A look-up that fails for the moment must not give a lesser name for ever.
func TestIdentifyWaitsForTheOrganisation(t *testing.T) {
	f := newFake(nil)
	tok := login(f, ann)
	f.AddFault(zohotest.Fault{Path: "/crm/v8/org", Kind: zohotest.FaultStatus, Status: 503})
	name, err := newProvider(t, config(f.Transport())).Identify(t.Context(), tok)
	if name != "" || !errors.Is(err, tokenkeep.ErrRetryLater) {
		t.Errorf("%q, %v", name, err)
	}
}

func TestIdentifyRefusesStrangeAnswers(t *testing.T) {
	for _, body := range []string{
		``, `<html>`, `{}`, `{"users":[]}`, `{"users":{}}`, `{"users":[{"email":""}]}`, `{"users":[{"email":"a\nb"}]}`,
		`{"users":[{"email":"` + strings.Repeat("x", 400) + `"}]}`, `{"users":[{"email":["a"]}]}`,
	} {
		if name, err := newProvider(t, config(&stub{status: 200, body: body})).Identify(t.Context(), &tokenkeep.Token{AccessToken: secret("1000.a.b")}); err == nil {
			t.Errorf("%q: %q", body, name)
		}
	}
}

func TestIdentifySendsTheTokenHomeOnly(t *testing.T) {
	s := &stub{status: 200, body: `{"users":[{"email":"a@b.example"}],"org":[{"zgid":700001}]}`}
	p := newProvider(t, config(s))
	name, err := p.Identify(t.Context(), &tokenkeep.Token{AccessToken: secret("1000.a.b"), APIDomain: "https://www.zohoapis.eu"})
	if err != nil || name != "a@b.example:700001" {
		t.Errorf("%q, %v", name, err)
	}
	for _, r := range s.requests() {
		if !strings.HasPrefix(r.url, "https://www.zohoapis.eu/crm/v8/") || r.method != "GET" || r.header.Get("Authorization") != "Zoho-oauthtoken 1000.a.b" {
			t.Errorf("%s %s %q", r.method, r.url, r.header.Get("Authorization"))
		}
	}
	_, err = p.Identify(t.Context(), &tokenkeep.Token{AccessToken: secret("1000.a.b"), APIDomain: "https://evil.example"})
	wantClass(t, err, tokenkeep.Misconfigured)
	_, err = p.Identify(t.Context(), &tokenkeep.Token{DataCentre: "eu"})
	wantClass(t, err, tokenkeep.Misconfigured)
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}
