package zoho_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

func authorize(t *testing.T, p *zoho.Provider, opt zoho.AuthorizeOptions) (zoho.Authorization, *url.URL) {
	t.Helper()
	a, err := p.Authorize(opt)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	return a, u
}

func TestAuthorize(t *testing.T) {
	a, u := authorize(t, newProvider(t, config(nil)), zoho.AuthorizeOptions{})
	if got := u.Scheme + "://" + u.Host + u.Path; got != "https://accounts.zoho.com/oauth/v2/auth" {
		t.Errorf("URL %s", got)
	}
	for key, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": redirectURL,
		"scope":       "ZohoCRM.modules.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ",
		"access_type": "offline", "prompt": "consent", "state": a.State,
		"code_challenge": "", "client_secret": "",
	} {
		if got := u.Query().Get(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(a.State) {
		t.Errorf("the state %q is not 32 bytes in base64url", a.State)
	}
	if b, _ := authorize(t, newProvider(t, config(nil)), zoho.AuthorizeOptions{}); b.State == a.State {
		t.Error("two logins have one state")
	}
}

func TestAuthorizeOptions(t *testing.T) {
	a, u := authorize(t, newProvider(t, config(nil)), zoho.AuthorizeOptions{
		Scopes: []string{"A.b.READ, C.d.ALL"}, RedirectURL: "http://127.0.0.1:9/cb?x=1", State: "my-State_1", PKCE: true, UserName: "ann",
	})
	q := u.Query()
	if q.Get("scope") != "A.b.READ,C.d.ALL" || q.Get("redirect_uri") != "http://127.0.0.1:9/cb?x=1" || q.Get("state") != "my-State_1" || a.UserName != "ann" {
		t.Errorf("options are not kept: %v", q)
	}
	sum := sha256.Sum256([]byte(a.Verifier.Reveal()))
	if q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || q.Get("code_challenge_method") != "S256" {
		t.Error("the challenge does not belong to the verifier")
	}
	if len(a.Verifier.Reveal()) < 43 || strings.Contains(a.URL, a.Verifier.Reveal()) {
		t.Error("the verifier is short, or in the URL")
	}
}

// Users of China cannot start anywhere else.
func TestAuthorizeStartsAtTheConfiguredDataCentre(t *testing.T) {
	cfg := config(nil)
	cfg.DataCentre = zoho.DataCentre{Code: "cn"}
	if _, u := authorize(t, newProvider(t, cfg), zoho.AuthorizeOptions{}); u.Host != "accounts.zoho.com.cn" {
		t.Errorf("host %s", u.Host)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	bare := config(nil)
	bare.RedirectURL, bare.Scopes = "", nil
	for name, c := range map[string]struct {
		cfg zoho.Config
		opt zoho.AuthorizeOptions
	}{
		"bar in state":      {config(nil), zoho.AuthorizeOptions{State: "a|b"}},
		"encoded bar":       {config(nil), zoho.AuthorizeOptions{State: "a%7Cb"}},
		"blank in state":    {config(nil), zoho.AuthorizeOptions{State: "a b"}},
		"padding in state":  {config(nil), zoho.AuthorizeOptions{State: "YQ=="}},
		"no redirect URL":   {bare, zoho.AuthorizeOptions{Scopes: []string{"a"}}},
		"no scopes":         {bare, zoho.AuthorizeOptions{RedirectURL: redirectURL}},
		"relative redirect": {bare, zoho.AuthorizeOptions{RedirectURL: "cb", Scopes: []string{"a"}}},
		"script redirect":   {bare, zoho.AuthorizeOptions{RedirectURL: "javascript://x/", Scopes: []string{"a"}}},
	} {
		a, err := newProvider(t, c.cfg).Authorize(c.opt)
		if err == nil {
			t.Errorf("%s: accepted: %s", name, a.URL)
			continue
		}
		wantClass(t, err, tokenkeep.Misconfigured)
	}
}
