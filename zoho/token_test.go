package zoho_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// code returns what the browser comes back with for a user of dc.
func callbackOf(t *testing.T, f *zohotest.Fake, a zoho.Authorization, email, dc string) string {
	t.Helper()
	u, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	code, err := f.GrantCode(clientID, email, zohotest.GrantOptions{
		Scopes: strings.Split(q.Get("scope"), ","), RedirectURI: q.Get("redirect_uri"),
		Offline: q.Get("access_type") == "offline", PromptConsent: q.Get("prompt") == "consent",
		CodeChallenge: q.Get("code_challenge"), CodeChallengeMethod: q.Get("code_challenge_method"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a.RedirectURL + "?state=" + a.State + "&code=" + code + "&location=" + dc +
		"&accounts-server=" + url.QueryEscape(f.AccountsURL(dc)) + "&"
}

// A user of another data centre logs in, with PKCE, and stays logged in.
func TestLoginAndRefresh(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	a, err := p.Authorize(zoho.AuthorizeOptions{PKCE: true})
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.Callback(a, callbackOf(t, f, a, "eve@example.com", "eu"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := p.Exchange(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if tok.AccountsServer != "https://accounts.zoho.eu" || tok.DataCentre != "eu" || tok.APIDomain != "https://www.zohoapis.eu" ||
		tok.ClientID != clientID || tok.RedirectURL != redirectURL || !tok.GrantToken.Equal(g.Code) {
		t.Errorf("the login lacks something: %+v", tok)
	}
	if !tok.ClientSecret.IsZero() {
		t.Error("the client secret is in the token, unasked")
	}
	if !slices.Equal(tok.Scopes, a.Scopes) {
		t.Errorf("scopes %q", tok.Scopes)
	}
	if d := time.Until(tok.Expiry); d > time.Hour || d < 59*time.Minute {
		t.Errorf("expiry in %v", d)
	}
	got, err := p.Refresh(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessToken.IsZero() || got.AccessToken.Equal(tok.AccessToken) || !got.RefreshToken.IsZero() {
		t.Error("a refresh gives a new access token and no refresh token")
	}
	if got.ClientID != "" || got.AccountsServer != "" || got.DataCentre != "" || got.UserName != "" {
		t.Errorf("the refresh holds more than the answer: %+v", got)
	}
	if c := f.Counters(); c.Exchanges != 1 || c.Mints != 1 || c.TokenRequests != 2 {
		t.Errorf("counters %+v", c)
	}
}

func TestExchangeWithARefreshToken(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	issued := f.Issue(clientID, ann, "ZohoCRM.modules.ALL")
	tok, err := p.Exchange(t.Context(), &tokenkeep.Grant{RefreshToken: secret(issued.RefreshToken)})
	if err != nil {
		t.Fatal(err)
	}
	if tok.RefreshToken.Reveal() != issued.RefreshToken || tok.AccessToken.IsZero() || tok.AccountsServer != "https://accounts.zoho.com" || !tok.GrantToken.IsZero() {
		t.Errorf("%+v", tok)
	}
	_, err = p.Exchange(t.Context(), &tokenkeep.Grant{RefreshToken: secret("1000.dead.dead")})
	wantText(t, wantClass(t, err, tokenkeep.NeedsLogin).Reason, "refresh token")
}

func TestExchangeASelfClientsCode(t *testing.T) {
	f := newFake(nil)
	f.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, Self: true})
	p := newProvider(t, config(f.Transport()))
	g := p.SelfClientGrant(f.SelfClientCode(clientID, ann, nil) + "\n")
	tok, err := p.Exchange(t.Context(), g)
	if err != nil || tok.RefreshToken.IsZero() {
		t.Fatalf("%+v, %v", tok, err)
	}
	_, err = p.Exchange(t.Context(), g)
	wantText(t, wantClass(t, err, tokenkeep.NeedsLogin).Error(), "used already")
}

func TestExchangeRefusesHalfGrants(t *testing.T) {
	s := &stub{status: 200, body: success}
	p := newProvider(t, config(s))
	for _, g := range []*tokenkeep.Grant{
		{},
		{Code: secret("c"), RefreshToken: secret("r")},
		{Code: secret("c"), AccountsServer: "https://evil.example"},
		{Code: secret("c"), AccountsServer: "https://accounts.zoho.eu", Location: "us"},
		{Code: secret("c"), Location: "mars"},
	} {
		_, err := p.Exchange(t.Context(), g)
		wantClass(t, err, tokenkeep.Misconfigured)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Zoho leaves the refresh token out at the second consent that was not shown.
func TestMissingRefreshTokenFailsTheLogin(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	code, err := f.GrantCode(clientID, ann, zohotest.GrantOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := p.Exchange(t.Context(), &tokenkeep.Grant{Code: secret(code), RedirectURL: redirectURL})
	if tok != nil {
		t.Error("half a login was returned")
	}
	if e := wantClass(t, err, tokenkeep.Misconfigured); e.Code != "no_refresh_token" {
		t.Errorf("code %q", e.Code)
	}
	wantText(t, err.Error(), "without a refresh token", "prompt=consent")
}

func TestAnswersWithoutExtras(t *testing.T) {
	s := &stub{status: 200, body: `{"access_token":"a","refresh_token":"r"}`}
	cfg := config(s)
	log, text := newLog()
	cfg.Logger, cfg.Environment = log, zoho.Sandbox
	before := time.Now()
	g := grant()
	g.Scopes = []string{"A", "B"}
	tok, err := newProvider(t, cfg).Exchange(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if tok.APIDomain != "https://sandbox.zohoapis.eu" || !slices.Equal(tok.Scopes, g.Scopes) {
		t.Errorf("%+v", tok)
	}
	if tok.Expiry.Before(before.Add(time.Hour)) || tok.Expiry.After(time.Now().Add(time.Hour)) {
		t.Errorf("expiry %v", tok.Expiry)
	}
	wantText(t, text.String(), "level=WARN", "one hour is assumed")
}

// The expiry counts from before the request: a slow answer shortens it.
func TestExpiryCountsFromBeforeTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{answer: func(sent) (int, string) {
			time.Sleep(10 * time.Second)
			return 200, `{"access_token":"a","expires_in":3600}`
		}}
		want := time.Now().Add(time.Hour)
		tok, err := newProvider(t, config(s)).Refresh(t.Context(), row())
		if err != nil || !tok.Expiry.Equal(want) {
			t.Errorf("expiry %v, want %v (%v)", tok.Expiry, want, err)
		}
	})
}

// A refresh goes to the row's own data centre, or nowhere.
func TestRefreshGoesHome(t *testing.T) {
	for _, c := range []struct {
		row  tokenkeep.Token
		host string // empty: no request
	}{
		{tokenkeep.Token{AccountsServer: "https://accounts.zoho.eu", DataCentre: "eu", APIDomain: "https://www.zohoapis.eu"}, "accounts.zoho.eu"},
		{tokenkeep.Token{AccountsServer: "https://accounts.zoho.in/"}, "accounts.zoho.in"},
		{tokenkeep.Token{DataCentre: "ca"}, "accounts.zohocloud.ca"},
		{tokenkeep.Token{APIDomain: "https://www.zohoapis.com.au"}, "accounts.zoho.com.au"}, // a row of Zoho's SDKs
		{tokenkeep.Token{APIDomain: "https://sandbox.zohoapis.jp"}, "accounts.zoho.jp"},
		{tokenkeep.Token{}, "accounts.zoho.com"},
		{tokenkeep.Token{AccountsServer: "https://evil.example", DataCentre: "eu"}, ""},
		{tokenkeep.Token{AccountsServer: "https://accounts.zoho.eu", DataCentre: "us"}, ""},
		{tokenkeep.Token{DataCentre: "mars"}, ""},
		{tokenkeep.Token{APIDomain: "https://evil.example"}, ""},
	} {
		s := &stub{status: 200, body: success}
		c.row.ClientID, c.row.RefreshToken = clientID, secret("r")
		_, err := newProvider(t, config(s)).Refresh(t.Context(), &c.row)
		if c.host == "" {
			wantClass(t, err, tokenkeep.Misconfigured)
			if len(s.requests()) != 0 {
				t.Errorf("%+v: a request was sent", c.row)
			}
			continue
		}
		if err != nil || s.requests()[0].url != "https://"+c.host+"/oauth/v2/token" {
			t.Errorf("%+v: %v, %v", c.row, s.requests(), err)
		}
	}
}

func TestRefreshWithoutARefreshToken(t *testing.T) {
	s := &stub{}
	_, err := newProvider(t, config(s)).Refresh(t.Context(), &tokenkeep.Token{AccessToken: secret("a")})
	wantClass(t, err, tokenkeep.NeedsLogin)
	if len(s.requests()) != 0 {
		t.Error("a request was sent")
	}
}

func TestDeadTokenAtTheFake(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	tok := login(f, ann)
	f.RemoveApp(clientID, ann)
	_, err := p.Refresh(t.Context(), tok)
	if e := wantClass(t, err, tokenkeep.NeedsLogin); e.Code != "invalid_code" {
		t.Errorf("code %q", e.Code)
	}
}

func TestThrottleAtTheFake(t *testing.T) {
	f := newFake(nil)
	p := newProvider(t, config(f.Transport()))
	tok := login(f, ann)
	for range p.Limits().Mints {
		if _, err := p.Refresh(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	_, err := p.Refresh(t.Context(), tok)
	if e := wantClass(t, err, tokenkeep.Throttled); e.Unknown {
		t.Error("a throttle mints nothing")
	}
	if alive, why := f.RefreshTokenAlive(tok.RefreshToken.Reveal()); !alive {
		t.Errorf("the refresh token is dead: %s", why)
	}
}

// A client that is not switched on for the user's data centre.
func TestMultiDC(t *testing.T) {
	f := newFake(nil)
	f.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL}})
	p := newProvider(t, config(f.Transport()))
	_, err := p.Exchange(t.Context(), grant())
	wantText(t, wantClass(t, err, tokenkeep.Misconfigured).Error(), "accounts.zoho.eu", "Multi-DC")
}

func TestFaultsOfTheFake(t *testing.T) {
	for _, c := range []struct {
		fault   zohotest.Fault
		unknown bool
	}{
		{zohotest.Fault{Kind: zohotest.FaultCutBefore}, true},
		{zohotest.Fault{Kind: zohotest.FaultCutAfter}, true},
		{zohotest.Fault{Kind: zohotest.FaultTruncate}, true},
		{zohotest.Fault{Kind: zohotest.FaultEmptyBody}, true},
		{zohotest.Fault{Kind: zohotest.FaultEmptyJSON}, true},
		{zohotest.Fault{Kind: zohotest.FaultHTML200}, true},
		{zohotest.Fault{Kind: zohotest.FaultStatus, Status: 502}, false},
	} {
		f := newFake(nil)
		f.AddFault(c.fault)
		_, err := newProvider(t, config(f.Transport())).Refresh(t.Context(), login(f, ann))
		if e := wantClass(t, err, tokenkeep.RetryLater); e.Unknown != c.unknown {
			t.Errorf("%s: Unknown = %v: %v", c.fault.Kind, e.Unknown, err)
		}
		if n := f.Counters().TokenRequests; n != 1 {
			t.Errorf("%s: %d requests", c.fault.Kind, n)
		}
	}
}
