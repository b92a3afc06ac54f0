package zoho_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	clientID     = "1000.APPAPPAPPAPPAPPAPPAPPAPPAPPAPP"
	clientSecret = "canary5ecret0123456789abcdef0123456789ab"
	redirectURL  = "https://app.example/callback"
	ann          = "ann@example.com"
)

func secret(v string) tokenkeep.Secret { return tokenkeep.NewSecret(v) }

// config is that of a client in all data centres.
func config(rt http.RoundTripper) zoho.Config {
	return zoho.Config{
		ClientID:      clientID,
		ClientSecrets: []tokenkeep.Secret{secret(clientSecret)},
		RedirectURL:   redirectURL,
		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
		Transport:     rt,
	}
}

func newProvider(t *testing.T, cfg zoho.Config) *zoho.Provider {
	t.Helper()
	p, err := zoho.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newFake is Zoho in memory, with one client and a user in each of two data
// centres.
func newFake(opts *zohotest.Options) *zohotest.Fake {
	f := zohotest.New(opts)
	f.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL}, DCs: zohotest.DataCentres()})
	f.AddUser(zohotest.User{Email: ann, ZGID: "700001"})
	f.AddUser(zohotest.User{Email: "eve@example.com", DC: "eu", ZGID: "700002"})
	return f
}

// login is a whole login at the fake, as a row.
func login(f *zohotest.Fake, email string) *tokenkeep.Token {
	i := f.Issue(clientID, email)
	return &tokenkeep.Token{
		ClientID: clientID, RefreshToken: secret(i.RefreshToken), AccessToken: secret(i.AccessToken),
		APIDomain: i.APIDomain, AccountsServer: i.AccountsURL,
	}
}

// A sent request, as a stub saw it.
type sent struct {
	method, url string
	header      http.Header
	form        url.Values
}

// A stub answers every request alike and remembers them. It is safe for
// concurrent use.
type stub struct {
	status int
	body   string
	header http.Header
	err    error
	answer func(sent) (int, string) // instead of status and body

	mu   sync.Mutex
	seen []sent
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	req := sent{r.Method, r.URL.String(), r.Header, form}
	s.mu.Lock()
	s.seen = append(s.seen, req)
	s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	status, text := s.status, s.body
	if s.answer != nil {
		status, text = s.answer(req)
	}
	header := s.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func (s *stub) requests() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// asError returns err as the provider's error.
func asError(t *testing.T, err error) *tokenkeep.Error {
	t.Helper()
	e, ok := errors.AsType[*tokenkeep.Error](err)
	if !ok {
		t.Fatalf("error %v (%T) is no *tokenkeep.Error", err, err)
	}
	return e
}

func wantClass(t *testing.T, err error, class tokenkeep.Class) *tokenkeep.Error {
	t.Helper()
	e := asError(t, err)
	if e.Class != class {
		t.Fatalf("class %q, want %q: %v", e.Class, class, err)
	}
	return e
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}

// newLog returns a logger and what it wrote.
func newLog() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
