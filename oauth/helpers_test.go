package oauth_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	clientID     = "app:1"
	clientSecret = "canary5ecret/0123456789 abcdef"
	redirectURL  = "https://app.example.net/callback"
	ann          = "ann@example.com"
	server       = "https://accounts.zoho.com"
)

func secret(v string) tokenkeep.Secret { return tokenkeep.NewSecret(v) }

// config is that of a client at the fake.
func config() oauth2.Config {
	return oauth2.Config{
		ClientID: clientID, ClientSecret: strings.ReplaceAll(clientSecret, " ", "+"), RedirectURL: redirectURL,
		Scopes:   []string{"orders.read", "offline_access"},
		Endpoint: oauth2.Endpoint{AuthURL: server + "/oauth/v2/auth", TokenURL: server + "/oauth/v2/token"},
	}
}

// options send through rt.
func options(rt http.RoundTripper) oauth.Options {
	return oauth.Options{
		APIs: []string{"https://www.zohoapis.com"}, Rotation: tokenkeep.RotationStrict,
		RevokeURL: server + "/oauth/v2/token/revoke", Transport: rt,
	}
}

func newProvider(t *testing.T, cfg oauth2.Config, opt oauth.Options) *oauth.Provider {
	t.Helper()
	p, err := oauth.New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newFake is a strict rotator in memory, with one client and one user.
func newFake() *zohotest.Fake {
	f := zohotest.New(&zohotest.Options{AutoApprove: ann, Profile: &zohotest.Profile{Rotation: zohotest.RotateStrict}})
	f.AddClient(zohotest.Client{ID: clientID, Secret: config().ClientSecret, RedirectURIs: []string{redirectURL}})
	f.AddUser(zohotest.User{Email: ann})
	return f
}

// row is a login at the fake.
func row(refresh string) *tokenkeep.Token {
	return &tokenkeep.Token{ClientID: clientID, AccountsServer: server, RefreshToken: secret(refresh), AccessToken: secret("access.0")}
}

// A stub answers every request alike and remembers them.
type stub struct {
	status int
	body   string
	header http.Header
	err    error

	mu    sync.Mutex
	seen  []*http.Request
	forms []url.Values
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	s.mu.Lock()
	s.seen, s.forms = append(s.seen, r), append(s.forms, form)
	s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	header := s.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: s.status, Header: header, Body: io.NopCloser(strings.NewReader(s.body)), Request: r}, nil
}

func wantClass(t *testing.T, err error, class tokenkeep.Class) *tokenkeep.Error {
	t.Helper()
	e, ok := errors.AsType[*tokenkeep.Error](err)
	if !ok || e.Class != class {
		t.Fatalf("error %v (%T), want the class %s", err, err, class)
	}
	return e
}
