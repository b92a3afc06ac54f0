package zohotest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	app      = "1000.APP"
	secret   = "5ec2e7"
	callback = "http://127.0.0.1:8000/callback?app=1"
	ann      = "ann@example.com" // home us
	eva      = "eva@example.com" // home eu
	chen     = "chen@example.com"
	selfApp  = "1000.SELF"
)

// A rig is a fake with two clients and three users, and an HTTP client.
type rig struct {
	*zohotest.Fake
	t    testing.TB
	http *http.Client
}

// newRig starts a fake on loopback sockets.
func newRig(t *testing.T, opts *zohotest.Options) rig {
	t.Helper()
	if opts == nil {
		opts = &zohotest.Options{}
	}
	if opts.DataCentres == nil {
		opts.DataCentres = []string{"us", "eu", "cn"}
	}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return seeded(t, zohotest.NewServer(t, opts), tr)
}

// memoryRig uses the in-memory transport.
func memoryRig(t *testing.T, opts *zohotest.Options) rig {
	f := zohotest.New(opts)
	return seeded(t, f, f.Transport())
}

func seeded(t testing.TB, f *zohotest.Fake, tr http.RoundTripper) rig {
	f.AddClient(zohotest.Client{ID: app, Secret: secret, RedirectURIs: []string{callback}, DCs: []string{"eu"}})
	f.AddClient(zohotest.Client{ID: selfApp, Secret: secret, Self: true})
	f.AddUser(zohotest.User{Email: ann, First: "Ann", Last: "Lee"})
	f.AddUser(zohotest.User{Email: eva, First: "Eva", DC: "eu"})
	f.AddUser(zohotest.User{Email: chen, DC: "cn"})
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return rig{f, t, &http.Client{Transport: tr, CheckRedirect: noRedirects}}
}

// A reply is a response read whole.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil: not JSON
}

func (r reply) str(key string) string { s, _ := r.json[key].(string); return s }

func (g rig) do(req *http.Request) (reply, error) {
	resp, err := g.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if json.Unmarshal(body, &r.json) != nil {
		r.json = nil
	}
	return r, err
}

func (g rig) must(req *http.Request, err error) reply {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := g.do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g rig) get(rawURL string) reply {
	g.t.Helper()
	return g.must(http.NewRequestWithContext(g.t.Context(), http.MethodGet, rawURL, nil))
}

func (g rig) form(rawURL string, kv ...string) (*http.Request, error) {
	body := strings.NewReader(values(kv...).Encode())
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, rawURL, body)
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

func (g rig) post(rawURL string, kv ...string) reply {
	g.t.Helper()
	return g.must(g.form(rawURL, kv...))
}

func values(kv ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v
}

// token posts to the token endpoint of a data centre with the app's credentials;
// later pairs win.
func (g rig) token(dc string, kv ...string) reply {
	g.t.Helper()
	return g.post(g.AccountsURL(dc)+"/oauth/v2/token", append([]string{"client_id", app, "client_secret", secret}, kv...)...)
}

func (g rig) refresh(token string) reply {
	g.t.Helper()
	return g.token("us", "grant_type", "refresh_token", "refresh_token", token)
}

func (g rig) exchange(code string, kv ...string) reply {
	g.t.Helper()
	kv = append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback}, kv...)
	return g.token("us", kv...)
}

func (g rig) code(opt zohotest.GrantOptions) string {
	g.t.Helper()
	code, err := g.GrantCode(app, ann, opt)
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

// crm calls the CRM with a token.
func (g rig) crm(method, rawURL, token, body string) reply {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, rawURL, bytes.NewReader([]byte(body)))
	if err == nil && token != "" {
		req.Header.Set("Authorization", "Zoho-oauthtoken "+token)
	}
	return g.must(req, err)
}

// me asks who the token belongs to.
func (g rig) me(token string) reply {
	g.t.Helper()
	return g.crm(http.MethodGet, g.APIDomain("us")+"/crm/v8/users?type=CurrentUser", token, "")
}

// authURL is a good authorize request; pairs override.
func (g rig) authURL(dc string, kv ...string) string {
	v := values(append([]string{
		"response_type", "code", "client_id", app, "redirect_uri", callback,
		"scope", "ZohoCRM.modules.ALL,ZohoCRM.users.READ", "access_type", "offline",
	}, kv...)...)
	return g.AccountsURL(dc) + "/oauth/v2/auth?" + v.Encode()
}

func wantError(t testing.TB, r reply, code string) {
	t.Helper()
	if r.status != http.StatusOK || r.str("error") != code {
		t.Fatalf("got %d %s, want 200 with error %q", r.status, r.body, code)
	}
}

func wantTokens(t testing.TB, r reply) {
	t.Helper()
	if r.status != http.StatusOK || r.str("access_token") == "" {
		t.Fatalf("got %d %s, want tokens", r.status, r.body)
	}
}

func wantThrottled(t testing.TB, r reply) {
	t.Helper()
	if r.status != http.StatusBadRequest || r.str("status") != "failure" || r.str("error_description") == "" {
		t.Fatalf("got %d %s, want the throttle", r.status, r.body)
	}
}

func wantCode(t testing.TB, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.str("code") != code {
		t.Fatalf("got %d %s, want %d %s", r.status, r.body, status, code)
	}
}

func wantPage(t testing.TB, r reply, text string) {
	t.Helper()
	if !strings.Contains(r.body, text) || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") ||
		r.header.Get("Location") != "" {
		t.Fatalf("got %d %q %s, want a page with %q", r.status, r.header, r.body, text)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

const minute = time.Minute
