package tokenkeep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	clientID     = "1000.CLIENTCANARY"
	clientSecret = "5ec2e7c4n4ry00000000000000000000000000000"
	redirectURL  = "http://localhost:8765/callback"
)

// A world is a fake Zoho, a store, and the log of everything that ran.
type world struct {
	fake  *zohotest.Fake
	store tokenkeep.TokenStore
	mu    sync.Mutex
	log   bytes.Buffer
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func newWorld() *world { return newWorldOf(nil) }

func newWorldOf(o *zohotest.Options) *world {
	w := &world{fake: zohotest.New(o), store: tokenkeep.NewMemoryStore()}
	w.fake.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL}, DCs: []string{"us", "eu", "in"}})
	w.fake.AddUser(zohotest.User{Email: "patricia@zylker.com", DC: "us"})
	w.fake.AddUser(zohotest.User{Email: "boyle@zylker.eu", DC: "eu"})
	return w
}

func (w *world) provider(t *testing.T, secret string) *zoho.Provider {
	t.Helper()
	p, err := zoho.New(zoho.Config{
		ClientID: clientID, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(secret)}, RedirectURL: redirectURL,
		Scopes: zohotest.DefaultScopes(), Transport: w.fake.Transport(), Logger: w.logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// process returns a Keeper that shares nothing with others but the store.
func (w *world) process(t *testing.T) *tokenkeep.Keeper {
	t.Helper()
	return tokenkeep.New(w.store, w.provider(t, clientSecret), &tokenkeep.Options{Logger: w.logger(), Base: w.fake.Transport()})
}

// login walks through the authorization code flow as a browser does.
func (w *world) login(t *testing.T, k *tokenkeep.Keeper, email string) *tokenkeep.Session {
	t.Helper()
	p := w.provider(t, clientSecret)
	a, err := p.Authorize(zoho.AuthorizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.fake.SetAutoApprove(email)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.fake.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	grant, err := p.Callback(a, resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Login(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func row(t *testing.T, s *tokenkeep.Session) *tokenkeep.Token {
	t.Helper()
	r, err := s.Row(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func crm(ctx context.Context, s *tokenkeep.Session, path string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://www.zohoapis.com"+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestLogInOnceStayLoggedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.process(t)
		s := w.login(t, k, "boyle@zylker.eu") // starts at the US server; the user lives in the EU
		r := row(t, s)
		if r.DataCentre != "eu" || r.AccountsServer != "https://accounts.zoho.eu" || r.APIDomain != "https://www.zohoapis.eu" {
			t.Errorf("data centre %q, %q, %q", r.DataCentre, r.AccountsServer, r.APIDomain)
		}
		if !strings.HasPrefix(r.UserName, "boyle@zylker.eu:") {
			t.Errorf("user name %q, want email:zgid", r.UserName)
		}
		for hour := range 48 { // two days, a new process each hour
			k := w.process(t)
			s, err := k.Session(t.Context(), r.UserName)
			if err != nil {
				t.Fatal(err)
			}
			status, body, err := crm(t.Context(), s, "/crm/v8/users?type=CurrentUser")
			if err != nil || status != 200 || !strings.Contains(body, "boyle@zylker.eu") {
				t.Fatalf("hour %d: %d %v", hour, status, err)
			}
			_ = k.Close()
			time.Sleep(time.Hour)
		}
		if c := w.fake.Counters(); c.Exchanges != 1 || c.Mints != 47 || c.Unauthorized != 0 || c.Throttles != 0 {
			t.Errorf("exchanges %d, mints %d, 401s %d, throttles %d", c.Exchanges, c.Mints, c.Unauthorized, c.Throttles)
		}
	})
}

// Each answer of the token endpoint that Zoho or a proxy is known to give, and
// what it means.
func TestEveryAnswerOfTheTokenEndpoint(t *testing.T) {
	answer := func(status int, body string) zohotest.Fault {
		return zohotest.Fault{Kind: zohotest.FaultBody, Status: status, Body: body}
	}
	const throttle = `{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}`
	for name, c := range map[string]struct {
		fault zohotest.Fault
		want  tokenkeep.Class
	}{
		"invalid_code":          {answer(200, `{"error":"invalid_code"}`), tokenkeep.NeedsLogin},
		"invalid_grant":         {answer(200, `{"error":"invalid_grant"}`), tokenkeep.NeedsLogin},
		"invalid_client":        {answer(200, `{"error":"invalid_client"}`), tokenkeep.Misconfigured},
		"invalid_client_secret": {answer(200, `{"error":"invalid_client_secret"}`), tokenkeep.Misconfigured},
		"invalid_redirect_uri":  {answer(200, `{"error":"invalid_redirect_uri"}`), tokenkeep.Misconfigured},
		"invalid_scope":         {answer(200, `{"error":"invalid_scope"}`), tokenkeep.Misconfigured},
		"throttle 400":          {answer(400, throttle), tokenkeep.Throttled},
		"throttle 200":          {answer(200, throttle), tokenkeep.Throttled},
		"throttle in Chinese":   {answer(400, `{"error":"拒绝访问","error_description":"您连续请求过多","status":"failure"}`), tokenkeep.Throttled},
		"general_error":         {answer(200, `{"error":"general_error"}`), tokenkeep.RetryLater},
		"unknown error":         {answer(200, `{"error":"moon_phase"}`), tokenkeep.RetryLater},
		"500 HTML":              {zohotest.Fault{Kind: zohotest.FaultStatus, Status: 500}, tokenkeep.RetryLater},
		"502 HTML":              {zohotest.Fault{Kind: zohotest.FaultStatus, Status: 502}, tokenkeep.RetryLater},
		"503 with invalid_code": {answer(503, `{"error":"invalid_code"}`), tokenkeep.RetryLater},
		"429":                   {answer(429, `Too Many Requests`), tokenkeep.RetryLater},
		"400 HTML":              {answer(400, `<html>server error</html>`), tokenkeep.RetryLater},
		"200 HTML":              {zohotest.Fault{Kind: zohotest.FaultHTML200}, tokenkeep.RetryLater},
		"200 {}":                {zohotest.Fault{Kind: zohotest.FaultEmptyJSON}, tokenkeep.RetryLater},
		"200 empty":             {zohotest.Fault{Kind: zohotest.FaultEmptyBody}, tokenkeep.RetryLater},
		"empty access token":    {answer(200, `{"access_token":"","expires_in":3600}`), tokenkeep.RetryLater},
		"truncated":             {zohotest.Fault{Kind: zohotest.FaultTruncate}, tokenkeep.RetryLater},
		"cut before":            {zohotest.Fault{Kind: zohotest.FaultCutBefore}, tokenkeep.RetryLater},
		"cut after":             {zohotest.Fault{Kind: zohotest.FaultCutAfter}, tokenkeep.RetryLater},
		"no answer":             {zohotest.Fault{Kind: zohotest.FaultSlowBefore, Delay: time.Hour}, tokenkeep.RetryLater},
		"no expiry":             {zohotest.Fault{Kind: zohotest.FaultNoExpiry}, ""},
		"no API domain":         {zohotest.Fault{Kind: zohotest.FaultNoAPIDomain}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { oneAnswer(t, c.fault, c.want) })
		})
	}
}

func oneAnswer(t *testing.T, fault zohotest.Fault, want tokenkeep.Class) {
	w := newWorld()
	s := w.login(t, w.process(t), "boyle@zylker.eu")
	before := row(t, s)
	time.Sleep(2 * time.Hour)
	w.fake.ResetCounters()
	fault.Path, fault.Grant = "/oauth/v2/token", "refresh_token"
	disarm := w.fake.AddFault(fault)
	for range 10 {
		if _, err := s.Token(t.Context()); tokenkeep.ClassOf(err) != want || (err != nil) != (want != "") {
			t.Fatalf("error %v, want class %q", err, want)
		} else if err != nil {
			w.nextStep(t, err)
		}
	}
	if n := w.fake.Counters().TokenRequests; n != 1 {
		t.Errorf("%d token requests for ten calls", n)
	}
	after := row(t, s)
	if !after.RefreshToken.Equal(before.RefreshToken) || after.APIDomain != before.APIDomain || len(after.Scopes) != len(before.Scopes) {
		t.Error("the login's material changed")
	}
	disarm()
	if want == tokenkeep.NeedsLogin {
		s = w.login(t, w.process(t), "boyle@zylker.eu")
	}
	time.Sleep(15 * time.Minute)
	if status, _, err := crm(t.Context(), s, "/crm/v8/org"); status != 200 || err != nil {
		t.Errorf("it does not heal: %d %v", status, err)
	}
	w.noSecrets(t)
}

// nextStep checks that an error tells what to do.
func (w *world) nextStep(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*tokenkeep.Error](err)
	if !ok || e.Hint == "" || e.Reason == "" {
		t.Errorf("no reason or next step in %v", err)
	}
	if (e.Class == tokenkeep.Throttled || e.Class == tokenkeep.RetryLater) && !e.Until.After(time.Now()) {
		t.Errorf("class %s without a time", e.Class)
	}
	fmt.Fprintf(w, "%v %+v %#v\n", err, err, e)
}

// noSecrets greps everything that was logged and printed.
func (w *world) noSecrets(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	out := w.log.String()
	w.mu.Unlock()
	secrets := []string{clientSecret}
	for r, err := range w.store.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, r.AccessToken.Reveal(), r.RefreshToken.Reveal(), r.GrantToken.Reveal())
	}
	for _, s := range secrets {
		if s != "" && (strings.Contains(out, s) || strings.Contains(out, url.QueryEscape(s))) {
			t.Errorf("a secret was printed or logged (%s…)", s[:6])
		}
	}
	if len(out) == 0 {
		t.Error("nothing was logged: the check is blind")
	}
}

func TestLostAnswerCostsOneMintAndNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.login(t, w.process(t), "patricia@zylker.com")
		time.Sleep(2 * time.Hour)
		w.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Path: "/oauth/v2/token", Times: 1})
		if _, err := s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrRetryLater) {
			t.Fatal(err)
		}
		if n := len(row(t, s).Mints); n != 1 {
			t.Errorf("the lost mint is not in the budget: %d", n)
		}
		time.Sleep(2 * time.Second)
		if _, err := s.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWrongSecretHealsWithoutLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.login(t, w.process(t), "patricia@zylker.com")
		name := row(t, s).UserName
		wrong := tokenkeep.New(w.store, w.provider(t, "wrong"), &tokenkeep.Options{Base: w.fake.Transport()})
		for range 7 * 24 { // a week
			time.Sleep(time.Hour)
			s, err := wrong.Session(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrMisconfigured) {
				t.Fatal(err)
			}
		}
		right, err := w.process(t).Session(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := right.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCentralRevocationReachesOtherProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		operator, app := w.process(t), w.process(t)
		victim := w.login(t, app, "patricia@zylker.com")
		other := w.login(t, app, "boyle@zylker.eu")
		if err := operator.Logout(t.Context(), victim.ID()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := crm(t.Context(), victim, "/crm/v8/org"); !errors.Is(err, tokenkeep.ErrNeedsLogin) {
			t.Errorf("the revoked user: %v", err)
		}
		if status, _, err := crm(t.Context(), other, "/crm/v8/org"); status != 200 || err != nil {
			t.Errorf("the other user: %d %v", status, err)
		}
	})
}

func TestUsersNeverExchangeTokens(t *testing.T) {
	w := newWorld()
	k := w.process(t)
	sessions := map[string]*tokenkeep.Session{}
	for _, email := range []string{"patricia@zylker.com", "boyle@zylker.eu"} {
		sessions[email] = w.login(t, k, email)
	}
	var wg sync.WaitGroup
	for range 8 {
		for email, s := range sessions {
			wg.Go(func() {
				for range 60 {
					status, body, err := crm(t.Context(), s, "/crm/v8/users?type=CurrentUser")
					if err != nil || status != 200 || !strings.Contains(body, email) {
						t.Errorf("%s: %d %v", email, status, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}
