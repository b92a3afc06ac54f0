package zohotest_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// press submits the consent page.
func (g rig) press(page reply, dc, email, decision string) reply {
	g.t.Helper()
	m := regexp.MustCompile(`name="request" value="([0-9a-f]+)"`).FindStringSubmatch(page.body)
	if m == nil {
		g.t.Fatalf("no consent form in %s", page.body)
	}
	return g.post(g.AccountsURL(dc)+"/oauth/v2/auth/consent", "request", m[1], "email", email, "decision", decision)
}

func TestS01AuthorizePage(t *testing.T) {
	g := newRig(t, nil)
	g.AddClient(zohotest.Client{ID: app, Secret: secret, Name: "<b>Shop</b>", RedirectURIs: []string{callback}})
	page := g.get(g.authURL("us"))
	equal(t, "status", page.status, http.StatusOK)
	wantPage(t, page, "fake Zoho")
	for _, part := range []string{"&lt;b&gt;Shop&lt;/b&gt;", "ZohoCRM.modules.ALL", ann, "Accept", "Reject"} {
		wantPage(t, page, part)
	}
	g.SetAutoApprove(ann)
	equal(t, "auto-approve", g.get(g.authURL("us")).status, http.StatusFound)
}

func TestS02ApprovalRedirect(t *testing.T) {
	g := newRig(t, nil)
	r := g.press(g.get(g.authURL("us", "state", "a b-_")), "us", ann, "accept")
	equal(t, "status", r.status, http.StatusFound)
	want := regexp.MustCompile(`^http://127\.0\.0\.1:8000/callback\?app=1&state=a\+b-_&code=1000\.[0-9a-f]{32}\.[0-9a-f]{32}` +
		`&location=us&accounts-server=` + regexp.QuoteMeta(url.QueryEscape(g.AccountsURL("us"))) + `&$`)
	if loc := r.header.Get("Location"); !want.MatchString(loc) {
		t.Errorf("Location: %s", loc)
	}
	wantTokens(t, g.exchange(locationQuery(t, r).Get("code")))
}

func locationQuery(t *testing.T, r reply) url.Values {
	t.Helper()
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusFound {
		t.Fatalf("no redirect: %d %v %s", r.status, err, r.body)
	}
	return u.Query()
}

func TestS02ConsentPageIsSingleUse(t *testing.T) {
	g := newRig(t, nil)
	page := g.get(g.authURL("us"))
	equal(t, "first", g.press(page, "us", ann, "accept").status, http.StatusFound)
	wantPage(t, g.press(page, "us", ann, "accept"), "expired")
}

func TestS03Denial(t *testing.T) {
	g := newRig(t, nil)
	q := locationQuery(t, g.press(g.get(g.authURL("us", "state", "xyz")), "us", ann, "reject"))
	equal(t, "error", q.Get("error"), "access_denied")
	equal(t, "state", q.Get("state"), "xyz")
	equal(t, "code", q.Get("code"), "")
}

func TestS04to08AuthorizeErrors(t *testing.T) {
	for _, tc := range []struct {
		name, key, value, text string
	}{
		{"S04 unknown client", "client_id", "1000.NOBODY", "Invalid Client"},
		{"S05 redirect differs", "redirect_uri", callback + "/", "Invalid Redirect Uri"},
		{"S06 unknown scope", "scope", "ZohoCRM.nonsense.READ", "Invalid OAuth Scope"},
		{"S06 scope without operation", "scope", "ZohoCRM.modules", "Invalid OAuth Scope"},
		{"S06 no scope", "scope", "", "Invalid OAuth Scope"},
		{"S07 no response type", "response_type", "", "Invalid response type"},
		{"S08 state with pipe", "state", "a|b", "Invalid Request"},
		{"S08 state with encoded pipe", "state", "a%7cb", "Invalid Request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, &zohotest.Options{AutoApprove: ann, HTMLErrorStatus: 400})
			r := g.get(g.authURL("us", tc.key, tc.value))
			equal(t, "status", r.status, 400)
			wantPage(t, r, tc.text)
		})
	}
}

func TestS09HomeDataCentre(t *testing.T) {
	g := newRig(t, &zohotest.Options{AutoApprove: eva})
	q := locationQuery(t, g.get(g.authURL("us")))
	equal(t, "location", q.Get("location"), "eu")
	equal(t, "accounts-server", q.Get("accounts-server"), g.AccountsURL("eu"))
	wantError(t, g.exchange(q.Get("code")), "invalid_code")
	args := []string{"grant_type", "authorization_code", "code", q.Get("code"), "redirect_uri", callback}
	r := g.token("eu", args...)
	wantTokens(t, r)
	equal(t, "api_domain", r.str("api_domain"), g.APIDomain("eu"))
}

func TestS10China(t *testing.T) {
	g := newRig(t, &zohotest.Options{AutoApprove: chen})
	g.AddClient(zohotest.Client{ID: app, Secret: secret, RedirectURIs: []string{callback}, DCs: []string{"cn"}})
	wantPage(t, g.get(g.authURL("us")), "Invalid User")
	equal(t, "location", locationQuery(t, g.get(g.authURL("cn"))).Get("location"), "cn")
}

func TestS11CodeIsSingleUse(t *testing.T) {
	g := newRig(t, nil)
	code := g.code(zohotest.GrantOptions{})
	wantTokens(t, g.exchange(code))
	wantError(t, g.exchange(code), "invalid_code")
	equal(t, "codes represented", g.Counters().CodesRepresented, 1)
}

func TestS11CodeExpires(t *testing.T) {
	g := newRig(t, nil)
	for _, tc := range []struct {
		name string
		code func() string
		kv   []string
		life int
	}{
		{"web", func() string { return g.code(zohotest.GrantOptions{}) }, nil, 120},
		{"self", func() string { return g.SelfClientCode(selfApp, ann, nil) }, []string{"client_id", selfApp, "redirect_uri", ""}, 180},
	} {
		t.Run(tc.name, func(t *testing.T) {
			early, late := tc.code(), tc.code()
			g.Advance(seconds(tc.life - 1))
			wantTokens(t, g.exchange(early, tc.kv...))
			g.Advance(seconds(1))
			wantError(t, g.exchange(late, tc.kv...), "invalid_code")
		})
	}
}

func TestS12EleventhCode(t *testing.T) {
	g := newRig(t, &zohotest.Options{AutoApprove: ann})
	for range 10 {
		if locationQuery(t, g.get(g.authURL("us"))).Get("code") == "" {
			t.Fatal("no code within the limit")
		}
	}
	equal(t, "error", locationQuery(t, g.get(g.authURL("us"))).Get("error"), "access_denied")
	equal(t, "throttles", g.Counters().CodeThrottles, 1)
	g.Advance(10 * minute)
	if locationQuery(t, g.get(g.authURL("us"))).Get("code") == "" {
		t.Error("still blocked after the window")
	}
}

func TestLoginHintApproves(t *testing.T) {
	g := newRig(t, nil)
	equal(t, "location", locationQuery(t, g.get(g.authURL("us", "login_hint", eva))).Get("location"), "eu")
}

func TestConsentPageKeepsToItself(t *testing.T) {
	g := newRig(t, nil)
	page := g.get(g.authURL("us"))
	if !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
	if strings.Contains(page.body, "http://") || strings.Contains(page.body, "https://") {
		t.Error("the page refers to another resource")
	}
}
