package zohotest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func offline() zohotest.GrantOptions { return zohotest.GrantOptions{Offline: true} }

func TestS13NotPost(t *testing.T) {
	g := newRig(t, nil)
	r := g.get(g.AccountsURL("us") + "/oauth/v2/token?grant_type=refresh_token")
	equal(t, "status", r.status, 400)
	wantPage(t, r, "server error")
	r = g.token("us")
	equal(t, "status without grant_type", r.status, 400)
	wantPage(t, r, "server error")
}

func TestS14WhereParametersMayBe(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	kv := []string{"client_id", app, "client_secret", secret, "grant_type", "refresh_token", "refresh_token", login.RefreshToken}
	endpoint := g.AccountsURL("us") + "/oauth/v2/token"
	wantTokens(t, g.post(endpoint+"?"+values(kv...).Encode()))
	wantTokens(t, g.post(endpoint, kv...))
	wantTokens(t, g.postMultipart(endpoint, kv))
	wantError(t, g.postJSON(endpoint, `{"grant_type":"refresh_token","client_id":"`+app+`"}`), "invalid_client")
}

func (g rig) postMultipart(rawURL string, kv []string) reply {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(kv); i += 2 {
		if err := w.WriteField(kv[i], kv[i+1]); err != nil {
			g.t.Fatal(err)
		}
	}
	_ = w.Close()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, rawURL, &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return g.must(req, err)
}

func (g rig) postJSON(rawURL, body string) reply {
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, rawURL, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	return g.must(req, err)
}

func TestS15ErrorsAre200(t *testing.T) {
	g := newRig(t, nil)
	r := g.refresh("1000.unknown")
	wantError(t, r, "invalid_code")
	equal(t, "Content-Type", r.header.Get("Content-Type"), "application/json;charset=UTF-8")
	equal(t, "Server", r.header.Get("Server"), "ZGS")
	if len(r.header.Values("Set-Cookie")) == 0 {
		t.Error("no cookies")
	}
}

func TestS16InvalidClient(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	kv := []string{"grant_type", "refresh_token", "refresh_token", login.RefreshToken}
	wantError(t, g.token("us", append(kv, "client_id", "1000.NOBODY")...), "invalid_client")
	wantError(t, g.token("cn", kv...), "invalid_client") // no multi-DC for cn
	wantError(t, g.token("us", append(kv, "grant_type", "password")...), "invalid_client")
}

func TestS17InvalidSecret(t *testing.T) {
	g := newRig(t, nil)
	g.AddClient(zohotest.Client{ID: app, Secret: secret, DCs: []string{"eu"}, SecretByDC: map[string]string{"eu": "europe"}})
	us, eu := g.Issue(app, ann).RefreshToken, g.Issue(app, eva).RefreshToken
	try := func(dc, token, secret string) reply {
		return g.token(dc, "grant_type", "refresh_token", "refresh_token", token, "client_secret", secret)
	}
	for _, wrong := range []string{"", "nope", secret + "\n", " " + secret, "europe"} {
		wantError(t, try("us", us, wrong), "invalid_client_secret")
	}
	wantError(t, try("eu", eu, secret), "invalid_client_secret")
	wantTokens(t, try("us", us, secret))
	wantTokens(t, try("eu", eu, "europe"))
}

func TestS18RedirectMismatch(t *testing.T) {
	g := newRig(t, nil)
	code := g.code(offline())
	wantError(t, g.exchange(code, "redirect_uri", callback+"/"), "invalid_redirect_uri")
	wantError(t, g.exchange(code, "redirect_uri", ""), "invalid_redirect_uri")
	self := g.SelfClientCode(selfApp, ann, []string{"ZohoCRM.org.READ"})
	r := g.token("us", "client_id", selfApp, "grant_type", "authorization_code", "code", self)
	wantTokens(t, r)
	equal(t, "scope", r.str("scope"), "ZohoCRM.org.READ")
	if r.str("refresh_token") == "" {
		t.Error("self client got no refresh token")
	}
}

func TestS19ForeignCode(t *testing.T) {
	g := newRig(t, nil)
	code := g.code(offline())
	wantError(t, g.exchange(code, "client_id", selfApp), "invalid_code")
	wantError(t, g.exchange("1000.nonsense"), "invalid_code")
	wantTokens(t, g.exchange(code)) // the failures did not use it up
}

func TestS20to23WhenThereIsARefreshToken(t *testing.T) {
	g := newRig(t, nil)
	got := func(opt zohotest.GrantOptions) string {
		r := g.exchange(g.code(opt))
		wantTokens(t, r)
		return r.str("refresh_token")
	}
	equal(t, "S23 online", got(zohotest.GrantOptions{}), "")
	first := got(offline())
	if first == "" {
		t.Error("S20: no refresh token at the first offline consent")
	}
	equal(t, "S21 second offline", got(offline()), "")
	again := got(zohotest.GrantOptions{Offline: true, PromptConsent: true})
	if again == "" || again == first {
		t.Error("S22: prompt=consent gave no new refresh token")
	}
	equal(t, "S23 online with prompt", got(zohotest.GrantOptions{PromptConsent: true}), "")
	wantTokens(t, g.refresh(first)) // the older one lives on
}

func TestS24SuccessAnswer(t *testing.T) {
	g := newRig(t, nil)
	scopes := []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"}
	r := g.exchange(g.code(zohotest.GrantOptions{Offline: true, Scopes: scopes}))
	equal(t, "scope", r.str("scope"), "ZohoCRM.modules.ALL ZohoCRM.users.READ")
	equal(t, "api_domain", r.str("api_domain"), g.APIDomain("us"))
	equal(t, "token_type", r.str("token_type"), "Bearer")
	equal(t, "expires_in", r.json["expires_in"], any(3600.0))
	shape := regexp.MustCompile(`^1000\.[0-9a-f]{32}\.[0-9a-f]{32}$`)
	if !shape.MatchString(r.str("access_token")) || !shape.MatchString(r.str("refresh_token")) {
		t.Errorf("shape of tokens: %s", r.body)
	}
}

func TestS24Environment(t *testing.T) {
	g := newRig(t, nil)
	r := g.exchange(g.code(zohotest.GrantOptions{Env: zohotest.Sandbox}))
	sandbox := g.EnvAPIDomain("us", zohotest.Sandbox)
	equal(t, "api_domain", r.str("api_domain"), sandbox)
	wantCode(t, g.me(r.str("access_token")), 401, "INVALID_TOKEN")
	equal(t, "at the sandbox", g.crm(http.MethodGet, sandbox+"/crm/v8/org", r.str("access_token"), "").status, 200)
}

func TestS24SandboxAnswersProduction(t *testing.T) {
	g := newRig(t, &zohotest.Options{SandboxAnswersProduction: true})
	equal(t, "api_domain", g.IssueIn(zohotest.Sandbox, app, ann).APIDomain, g.APIDomain("us"))
}

func TestS24LegacyExpiry(t *testing.T) {
	g := newRig(t, &zohotest.Options{LegacyExpiry: true, NoScope: true})
	r := g.refresh(g.Issue(app, ann).RefreshToken)
	equal(t, "expires_in", r.json["expires_in"], any(3_600_000.0))
	equal(t, "expires_in_sec", r.json["expires_in_sec"], any(3600.0))
	equal(t, "scope", r.json["scope"], nil)
}

func TestS31PKCE(t *testing.T) {
	const verifier = "the-quick-brown-fox-jumps-over-the-lazy-dog"
	sum := sha256.Sum256([]byte(verifier))
	s256 := base64.RawURLEncoding.EncodeToString(sum[:])
	g := newRig(t, nil)
	for _, tc := range []struct {
		challenge, method, verifier string
		ok                          bool
	}{
		{s256, "S256", verifier, true},
		{s256, "S256", "other", false},
		{s256, "S256", "", false},
		{s256, "S256", s256, false},
		{verifier, "plain", verifier, true},
		{verifier, "", verifier, true},
		{verifier, "", "other", false},
		{"", "", "unasked", true},
	} {
		code := g.code(zohotest.GrantOptions{CodeChallenge: tc.challenge, CodeChallengeMethod: tc.method})
		r := g.exchange(code, "code_verifier", tc.verifier)
		if tc.ok {
			wantTokens(t, r)
			continue
		}
		wantError(t, r, "invalid_code")
	}
}

func TestS31PublicClient(t *testing.T) {
	g := newRig(t, nil)
	g.AddClient(zohotest.Client{ID: app, Secret: secret, RedirectURIs: []string{callback}, Type: zohotest.ClientMobile})
	code := g.code(zohotest.GrantOptions{CodeChallenge: "v"})
	wantTokens(t, g.exchange(code, "client_secret", "", "code_verifier", "v"))
	stolen := g.code(zohotest.GrantOptions{CodeChallenge: "v"})
	wantError(t, g.exchange(stolen, "client_secret", ""), "invalid_code")
	plain := g.code(zohotest.GrantOptions{})
	wantError(t, g.exchange(plain, "client_secret", "", "code_verifier", "v"), "invalid_client_secret")
	wantError(t, g.token("us", "client_secret", "", "code_verifier", "v", "grant_type", "refresh_token",
		"refresh_token", g.Issue(app, ann).RefreshToken), "invalid_client_secret")
}

func TestS32ClientCredentials(t *testing.T) {
	g := newRig(t, nil)
	kv := []string{"grant_type", "client_credentials", "client_id", selfApp, "scope", "ZohoCRM.users.READ"}
	wantError(t, g.token("us", kv...), "missing_org_info")
	wantError(t, g.token("us", append(kv, "soid", "ZohoCRM.1")...), "invalid_org_info")
	wantError(t, g.token("us", append(kv, "scope", "nonsense")...), "invalid_scope")
	zgid := g.AddUser(zohotest.User{Email: ann}).ZGID
	r := g.token("us", append(kv, "soid", "ZohoCRM."+zgid)...)
	wantTokens(t, r)
	equal(t, "refresh token", r.json["refresh_token"], nil)
	equal(t, "call", g.me(r.str("access_token")).status, 200)
}
