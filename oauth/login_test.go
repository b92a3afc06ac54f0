package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
)

// visit follows an authorize URL at the fake to the callback.
func visit(t *testing.T, rt http.RoundTripper, to string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get("Location")
}

// A login in a browser, a call of the API, three expiries with rotation, and a
// logout, through the Keeper.
func TestLogInOnceStayLoggedIn(t *testing.T) {
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInParams, oauth2.AuthStyleInHeader} {
		synctest.Test(t, func(t *testing.T) {
			f, cfg := newFake(), config()
			cfg.Scopes = []string{"ZohoCRM.org.READ", "offline_access"} // the fake's API is a CRM
			cfg.Endpoint.AuthStyle = style
			p := newProvider(t, cfg, options(f.Transport()))
			k := tokenkeep.New(tokenkeep.NewMemoryStore(), p, &tokenkeep.Options{Base: f.Transport()})
			defer k.Close()
			s := loggedIn(t, p, k, f.Transport())
			first := stored(t, s)
			if first.RefreshToken.IsZero() || first.AccountsServer != server || !slices.Equal(first.Scopes, cfg.Scopes) {
				t.Errorf("stored: server %q, scopes %v", first.AccountsServer, first.Scopes)
			}
			for range 3 {
				time.Sleep(2 * time.Hour)
				if resp, err := s.Client().Get("https://www.zohoapis.com/crm/v8/org"); err != nil || resp.StatusCode == http.StatusUnauthorized {
					t.Errorf("call: %v", err)
				}
			}
			c := f.Counters()
			if c.Mints != 3 || c.SpentRepresented != 0 || stored(t, s).RefreshToken.Equal(first.RefreshToken) {
				t.Errorf("%d mints, %d spent tokens sent, or not rotated", c.Mints, c.SpentRepresented)
			}
			last := stored(t, s).RefreshToken.Reveal()
			if err := k.Logout(t.Context(), s.ID()); err != nil {
				t.Error(err)
			}
			if alive, _ := f.RefreshTokenAlive(last); alive || f.Counters().Revokes != 1 {
				t.Errorf("the refresh token lives after the logout")
			}
		})
	}
}

func loggedIn(t *testing.T, p *oauth.Provider, k *tokenkeep.Keeper, rt http.RoundTripper) *tokenkeep.Session {
	t.Helper()
	a, err := p.Authorize(oauth.AuthorizeOptions{UserName: ann})
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.Callback(a, visit(t, rt, a.URL))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Login(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stored(t *testing.T, s *tokenkeep.Session) *tokenkeep.Token {
	t.Helper()
	r, err := s.Row(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The authorize URL has what RFC 6749 and 7636 want, and the parameters of the
// configuration do not change it.
func TestAuthorizeURL(t *testing.T) {
	cfg, opt := config(), options(nil)
	cfg.Endpoint.AuthURL += "?tenant=7"
	opt.AuthParams = url.Values{"audience": {"orders"}, "state": {"mine"}, "client_id": {"other"}}
	a, err := newProvider(t, cfg, opt).Authorize(oauth.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(a.URL)
	for key, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": redirectURL, "scope": "orders.read offline_access",
		"code_challenge_method": "S256", "state": a.State, "audience": "orders", "tenant": "7",
	} {
		if got := u.Query()[key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	b, _ := newProvider(t, cfg, opt).Authorize(oauth.AuthorizeOptions{})
	if len(a.State) < 40 || a.State == b.State || a.Verifier.Equal(b.Verifier) {
		t.Error("state and verifier are not random")
	}
}

func TestCallbackRefuses(t *testing.T) {
	p := newProvider(t, config(), options(nil))
	a := oauth.Authorization{State: "right", RedirectURL: redirectURL}
	for _, q := range []string{
		"", "code=c", "code=c&state=wrong", "code=c&state=", "state=right", "code=c%0A&state=right",
		"code=c&code=d&state=right", "error=access_denied&state=right", "error=x&code=c&state=right", "%zz",
	} {
		_, err := p.Callback(a, "https://app.example.net/callback?"+q)
		wantClass(t, err, tokenkeep.NeedsLogin)
	}
	if _, err := p.Callback(oauth.Authorization{}, "code=c&state="); err == nil {
		t.Error("an empty state is right")
	}
	if g, err := p.Callback(a, "?state=right&code=c"); err != nil || g.Code.Reveal() != "c" {
		t.Errorf("%v", err)
	}
}

// A refresh token from elsewhere is redeemed, and its successor kept.
func TestExchangeOfARefreshToken(t *testing.T) {
	f := newFake()
	p := newProvider(t, config(), options(f.Transport()))
	rt := f.Issue(clientID, ann).RefreshToken
	got, err := p.Exchange(t.Context(), &tokenkeep.Grant{RefreshToken: secret(rt)})
	if err != nil || got.RefreshToken.IsZero() || got.RefreshToken.Reveal() == rt {
		t.Errorf("%v", err)
	}
}

// A login is whole, or an error: what cannot be renewed and ends is none.
func TestExchangeRefuses(t *testing.T) {
	for body, want := range map[string]tokenkeep.Class{
		`{"access_token":"a","expires_in":3600}`:                      tokenkeep.Misconfigured,
		`{"access_token":"a","refresh_token":"r","token_type":"mac"}`: tokenkeep.Misconfigured,
	} {
		_, err := newProvider(t, config(), options(&stub{status: 200, body: body})).Exchange(t.Context(), &tokenkeep.Grant{Code: secret("c")})
		wantClass(t, err, want)
	}
	s := &stub{status: 200, body: `{"access_token":"forever","token_type":"bearer"}`}
	p := newProvider(t, config(), options(s))
	if got, err := p.Exchange(t.Context(), &tokenkeep.Grant{Code: secret("c")}); err != nil || !got.Expiry.IsZero() {
		t.Errorf("an access token that does not end: %v", err)
	}
	sent := len(s.seen)
	for _, g := range []*tokenkeep.Grant{{}, {Code: secret("c"), RefreshToken: secret("r")}, {Code: secret("c"), AccountsServer: "https://evil.example"}} {
		if _, err := p.Exchange(t.Context(), g); !errors.Is(err, tokenkeep.ErrMisconfigured) {
			t.Errorf("%v", err)
		}
	}
	if len(s.seen) != sent {
		t.Error("something was sent")
	}
}
