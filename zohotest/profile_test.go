package zohotest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// plainRig is a fake with a profile, in memory.
func plainRig(t *testing.T, p zohotest.Profile) rig {
	return memoryRig(t, &zohotest.Options{Profile: &p})
}

func wantPlain(t *testing.T, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.str("error") != code || (code == "") != (r.str("access_token") != "") {
		t.Errorf("HTTP %d, error %q, want %d and %q", r.status, r.str("error"), status, code)
	}
}

// A strict rotator takes each refresh token once and ends the login when a spent
// one comes again.
func TestStrictRotation(t *testing.T) {
	g := plainRig(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
	first := g.Issue(app, ann).RefreshToken
	a := g.refresh(first)
	wantPlain(t, a, http.StatusOK, "")
	if a.str("refresh_token") == first || a.str("refresh_token") == "" || a.str("api_domain") != "" || a.str("token_type") != "Bearer" {
		t.Errorf("the answer is %v", a.json)
	}
	b := g.refresh(a.str("refresh_token"))
	wantPlain(t, b, http.StatusOK, "")
	if alive, why := g.RefreshTokenAlive(first); alive || why != "spent" {
		t.Errorf("the spent one: %t %q", alive, why)
	}
	other := g.Issue(app, ann).RefreshToken
	wantPlain(t, g.refresh(first), http.StatusBadRequest, "invalid_grant")
	wantPlain(t, g.refresh(b.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	if alive, why := g.AccessTokenAlive(b.str("access_token")); alive || why != "reuse" {
		t.Errorf("the access token after the reuse: %t %q", alive, why)
	}
	wantPlain(t, g.refresh(other), http.StatusOK, "")
	c := g.Counters()
	if c.SpentRepresented != 1 || c.FamiliesRevoked != 1 || c.Mints != 3 {
		t.Errorf("counters %+v", c)
	}
}

// Within its grace a spent refresh token gives further successors, all of which
// work; then it is reuse.
func TestGraceOfRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := plainRig(t, zohotest.Profile{Rotation: zohotest.RotateGrace, Grace: 20 * time.Second})
		first := g.Issue(app, ann).RefreshToken
		a := g.refresh(first)
		time.Sleep(19 * time.Second)
		b := g.refresh(first)
		wantPlain(t, b, http.StatusOK, "")
		if a.str("refresh_token") == b.str("refresh_token") {
			t.Error("the same successor twice")
		}
		for _, r := range []reply{a, b} {
			wantPlain(t, g.refresh(r.str("refresh_token")), http.StatusOK, "")
		}
		if c := g.Counters(); c.GraceReplays != 1 || c.SpentRepresented != 0 {
			t.Errorf("counters %+v", c)
		}
		time.Sleep(time.Second) // the grace counts from the first use
		wantPlain(t, g.refresh(first), http.StatusBadRequest, "invalid_grant")
		if c := g.Counters(); c.SpentRepresented != 1 || c.FamiliesRevoked != 1 {
			t.Errorf("counters %+v", c)
		}
	})
}

func TestSingleAccessToken(t *testing.T) {
	for _, rotation := range []zohotest.Rotation{zohotest.RotateNever, zohotest.RotateStrict} {
		g := plainRig(t, zohotest.Profile{Rotation: rotation, SingleAccessToken: true})
		login := g.Issue(app, ann)
		a := g.refresh(login.RefreshToken)
		wantPlain(t, a, http.StatusOK, "")
		if alive, _ := g.AccessTokenAlive(login.AccessToken); alive {
			t.Errorf("%s: the former access token lives", rotation)
		}
		if alive, _ := g.AccessTokenAlive(a.str("access_token")); !alive || g.LiveAccessTokens(login.RefreshToken) != 1 {
			t.Errorf("%s: %d live access tokens", rotation, g.LiveAccessTokens(login.RefreshToken))
		}
	}
}

// A profile that does not rotate keeps the refresh token, without a quota.
func TestNoRotation(t *testing.T) {
	g := plainRig(t, zohotest.Profile{})
	rt := g.Issue(app, ann).RefreshToken
	for range 40 {
		r := g.refresh(rt)
		wantPlain(t, r, http.StatusOK, "")
		if r.str("refresh_token") != "" {
			t.Fatal("a new refresh token")
		}
	}
}

func TestPlainErrors(t *testing.T) {
	g := plainRig(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
	rt := g.Issue(app, ann).RefreshToken
	for _, c := range []struct {
		status int
		code   string
		form   []string
	}{
		{400, "invalid_request", []string{"client_id", app}},
		{401, "invalid_client", []string{"grant_type", "refresh_token", "client_id", "nobody", "refresh_token", rt}},
		{401, "invalid_client", []string{"grant_type", "refresh_token", "client_id", app, "client_secret", "wrong", "refresh_token", rt}},
		{400, "unsupported_grant_type", []string{"grant_type", "password", "client_id", app, "client_secret", secret}},
		{400, "invalid_grant", []string{"grant_type", "refresh_token", "client_id", app, "client_secret", secret, "refresh_token", "no such"}},
		{400, "invalid_grant", []string{"grant_type", "authorization_code", "client_id", app, "client_secret", secret, "code", "no such"}},
	} {
		wantPlain(t, g.post(g.AccountsURL("us")+"/oauth/v2/token", c.form...), c.status, c.code)
	}
	g.AddFault(zohotest.Fault{Kind: zohotest.FaultThrottle, Times: 1})
	if r := g.refresh(rt); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("throttle: HTTP %d", r.status)
	}
	wantPlain(t, g.refresh(rt), http.StatusOK, "") // nothing of that spent it
}

// A Basic header authenticates, with the form encoding of RFC 6749; what is wrong
// with it is a 401 with a challenge.
func TestPlainBasic(t *testing.T) {
	g := plainRig(t, zohotest.Profile{})
	g.AddClient(zohotest.Client{ID: "app:1", Secret: "s%/+ c"})
	rt := g.Issue("app:1", ann).RefreshToken
	for user, want := range map[string]int{"app%3A1": 200, "app%3A2": 401} {
		req, err := g.form(g.AccountsURL("us")+"/oauth/v2/token", "grant_type", "refresh_token", "refresh_token", rt)
		req.SetBasicAuth(user, "s%25%2F%2B+c")
		r := g.must(req, err)
		if r.status != want || (want == 401) != (r.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: HTTP %d", user, r.status)
		}
	}
}

// Revoking any refresh token of a login ends it all; an unknown one is no error.
func TestPlainRevocation(t *testing.T) {
	g := plainRig(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
	first := g.Issue(app, ann).RefreshToken
	a := g.refresh(first)
	revoke := func(kv ...string) reply {
		return g.post(g.AccountsURL("us")+"/oauth/v2/token/revoke", append(kv, "client_id", app)...)
	}
	if r := revoke("token", "unknown", "client_secret", secret); r.status != http.StatusOK {
		t.Errorf("unknown: HTTP %d", r.status)
	}
	if r := revoke("token", first); r.status != http.StatusUnauthorized {
		t.Errorf("without the secret: HTTP %d", r.status)
	}
	if r := revoke("token", first, "client_secret", secret); r.status != http.StatusOK {
		t.Errorf("HTTP %d", r.status)
	}
	wantPlain(t, g.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	if alive, _ := g.AccessTokenAlive(a.str("access_token")); alive || g.Counters().SpentRepresented != 0 {
		t.Error("the access token lives, or that was counted as reuse")
	}
}

// A login with a code gives a refresh token; the answer that is lost was spent.
func TestPlainLoginAndLostAnswer(t *testing.T) {
	g := plainRig(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
	code, err := g.GrantCode(app, ann, zohotest.GrantOptions{Scopes: []string{"openid", "offline_access"}})
	if err != nil {
		t.Fatal(err)
	}
	r := g.exchange(code)
	wantPlain(t, r, http.StatusOK, "")
	rt := r.str("refresh_token")
	if rt == "" || r.str("scope") != "openid offline_access" {
		t.Errorf("%v", r.json)
	}
	g.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Grant: "refresh_token", Times: 1})
	req, err := g.form(g.AccountsURL("us")+"/oauth/v2/token", "grant_type", "refresh_token", "client_id", app, "client_secret", secret, "refresh_token", rt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.do(req); err == nil {
		t.Fatal("the answer was not lost")
	}
	wantPlain(t, g.refresh(rt), http.StatusBadRequest, "invalid_grant")
	if n := g.Counters().FamiliesRevoked; n != 1 {
		t.Errorf("%d families revoked", n)
	}
}
