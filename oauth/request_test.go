package oauth_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
)

const success = `{"access_token":"access.1","refresh_token":"refresh.1","expires_in":3600,"token_type":"Bearer"}`

// One refresh is one POST with a form, and with the credentials in one place.
func TestRefreshIsOneRequest(t *testing.T) {
	for style, inForm := range map[oauth2.AuthStyle]bool{
		oauth2.AuthStyleAutoDetect: false, oauth2.AuthStyleInHeader: false, oauth2.AuthStyleInParams: true,
	} {
		s, cfg := &stub{status: 200, body: success}, config()
		cfg.Endpoint.AuthStyle = style
		got, err := newProvider(t, cfg, options(s)).Refresh(t.Context(), row("refresh.0"))
		if err != nil || got.RefreshToken.Reveal() != "refresh.1" || len(s.seen) != 1 {
			t.Fatalf("%v, %d requests", err, len(s.seen))
		}
		req, form := s.seen[0], s.forms[0]
		user, password, basic := req.BasicAuth()
		if basic == inForm || form.Has("client_secret") != inForm || form.Has("client_id") != inForm {
			t.Errorf("style %d: Basic %t, form %t", style, basic, form.Has("client_secret"))
		}
		if basic && (user != "app%3A1" || !strings.Contains(password, "%2F")) {
			t.Errorf("the Basic header is not form-encoded: %q", user)
		}
		if req.Method != http.MethodPost || req.URL.RawQuery != "" || form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != "refresh.0" {
			t.Errorf("%s %s %v", req.Method, req.URL, form["grant_type"])
		}
		if req.GetBody != nil || req.Header.Get("Idempotency-Key")+req.Header.Get("X-Idempotency-Key") != "" {
			t.Error("a transport may repeat the request")
		}
	}
}

// A client without a secret is public: it sends its id and no credentials.
func TestPublicClient(t *testing.T) {
	s, cfg := &stub{status: 200, body: success}, config()
	cfg.ClientSecret = ""
	if _, err := newProvider(t, cfg, options(s)).Refresh(t.Context(), row("refresh.0")); err != nil {
		t.Fatal(err)
	}
	if s.forms[0].Get("client_id") != clientID || s.forms[0].Has("client_secret") || s.seen[0].Header.Get("Authorization") != "" {
		t.Errorf("%v", s.forms[0]["client_id"])
	}
}

// No failure of the wire or of the server is answered by a second request, over a
// real socket.
func TestNothingIsSentTwice(t *testing.T) {
	var requests atomic.Int64
	var behave atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		behave.Load().(http.HandlerFunc)(w, r)
	}))
	defer srv.Close()
	cfg, opt := config(), options(nil)
	cfg.Endpoint.TokenURL = srv.URL + "/token"
	p := newProvider(t, cfg, opt)
	r := row("refresh.0")
	r.AccountsServer = srv.URL
	for name, b := range map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusFound)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = w.Write([]byte("{"))
		},
		"wrong style": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		},
	} {
		requests.Store(0)
		behave.Store(b)
		_, err := p.Refresh(t.Context(), r)
		e, ok := errors.AsType[*tokenkeep.Error](err)
		if !ok || requests.Load() != 1 {
			t.Errorf("%s: %v, %d requests", name, err, requests.Load())
		}
		if lost := name == "cut" || name == "half"; ok && e.Unknown != lost {
			t.Errorf("%s: Unknown is %t: %v", name, e.Unknown, err)
		}
	}
}

// What never reached a server is known to have spent nothing.
func TestNoConnectionIsKnown(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	cfg := config()
	cfg.Endpoint.TokenURL = "http://" + ln.Addr().String()
	r := row("refresh.0")
	r.AccountsServer = ""
	_, err = newProvider(t, cfg, options(nil)).Refresh(t.Context(), r)
	if e := wantClass(t, err, tokenkeep.RetryLater); e.Unknown {
		t.Errorf("%v", err)
	}
}

// A server that does not end is given up, and its answer may be lost.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	cfg, opt := config(), options(nil)
	cfg.Endpoint.TokenURL, opt.Timeout = srv.URL, 50*time.Millisecond
	r := row("refresh.0")
	r.AccountsServer = ""
	_, err := newProvider(t, cfg, opt).Refresh(t.Context(), r)
	if e := wantClass(t, err, tokenkeep.RetryLater); !e.Unknown {
		t.Errorf("%v", err)
	}
}

// A row of another client or server is refused before anything is sent, and its
// token goes nowhere.
func TestForeignRows(t *testing.T) {
	s := &stub{status: 200, body: success}
	p := newProvider(t, config(), options(s))
	other, elsewhere := row("r"), row("r")
	other.ClientID, elsewhere.AccountsServer = "another", "https://id.example.com"
	for _, r := range []*tokenkeep.Token{other, elsewhere} {
		_, err := p.Refresh(t.Context(), r)
		wantClass(t, err, tokenkeep.Misconfigured)
		wantClass(t, p.Revoke(t.Context(), r), tokenkeep.Misconfigured)
		a, err := p.Audience(r)
		wantClass(t, err, tokenkeep.Misconfigured)
		if len(a.Hosts) > 0 {
			t.Errorf("it may go to %v", a.Hosts)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d requests", len(s.seen))
	}
	_, err := p.Refresh(t.Context(), &tokenkeep.Token{ClientID: clientID})
	wantClass(t, err, tokenkeep.NeedsLogin)
}

func TestAudience(t *testing.T) {
	opt := options(nil)
	opt.APIs = []string{"https://API.example.com:443/v2/", "https://files.example.com:8443"}
	a, err := newProvider(t, config(), opt).Audience(row("r"))
	if err != nil || a.Scheme != "Bearer" || a.BaseURL != "https://API.example.com:443/v2" ||
		!slices.Equal(a.Hosts, []string{"api.example.com", "files.example.com:8443"}) {
		t.Errorf("%+v, %v", a, err)
	}
	opt.APIs = nil
	_, err = newProvider(t, config(), opt).Audience(row("r"))
	wantClass(t, err, tokenkeep.Misconfigured)
}

// A missing scope refreshes nothing.
func TestRefused(t *testing.T) {
	p := newProvider(t, config(), options(nil))
	for challenge, want := range map[string]bool{
		"": true, "Bearer": true, `Bearer realm="x", error="invalid_token", error_description="expired"`: true,
		`Bearer error="insufficient_scope", scope="a"`: false, `Bearer error=invalid_request`: false,
	} {
		if got := p.Refused(http.Header{"Www-Authenticate": {challenge}}, nil); got != want {
			t.Errorf("%s: %t", challenge, got)
		}
	}
}
