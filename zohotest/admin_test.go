package zohotest_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func (g rig) admin(path, body string) reply {
	g.t.Helper()
	return g.postJSON(g.AdminURL()+"/admin/"+path, body)
}

// TestAdminDrivesTheFake uses nothing but HTTP.
func TestAdminDrivesTheFake(t *testing.T) {
	g := newRig(t, nil)
	equal(t, "client", g.admin("clients", `{"id":"1000.X","secret":"s3","redirect_uris":["http://x/"]}`).status, 200)
	equal(t, "user", g.admin("users", `{"email":"z@example.com"}`).status, 200)
	login := g.admin("issue", `{"client":"1000.X","email":"z@example.com"}`)
	use := func() reply {
		return g.token("us", "client_id", "1000.X", "client_secret", "s3",
			"grant_type", "refresh_token", "refresh_token", login.str("refresh_token"))
	}
	wantTokens(t, use())
	equal(t, "fault", g.admin("faults", `{"kind":"status","status":502,"times":1}`).status, 200)
	equal(t, "faulty", use().status, 502)
	equal(t, "me", g.me(login.str("access_token")).status, 200)
	equal(t, "evict", g.admin("evict", `{"token":"`+login.str("access_token")+`"}`).status, 200)
	wantCode(t, g.me(login.str("access_token")), 401, "INVALID_TOKEN")
	before := g.Now()
	g.admin("advance", `{"seconds":600}`)
	equal(t, "advanced", g.Now().Sub(before) >= 10*minute, true)
	equal(t, "revoke", g.admin("revoke", `{"token":"`+login.str("refresh_token")+`"}`).status, 200)
	wantError(t, use(), "invalid_code")
	equal(t, "nothing to revoke", g.admin("revoke", `{"token":"x"}`).status, 422)
}

func TestAdminOtherActions(t *testing.T) {
	g := newRig(t, nil)
	for _, tc := range []struct {
		path, body string
		status     int
	}{
		{"grant-code", `{"client":"` + app + `","email":"` + ann + `","offline":true}`, 200},
		{"self-client-code", `{"client":"` + selfApp + `","email":"` + ann + `"}`, 200},
		{"self-client-code", `{"client":"none","email":"` + ann + `"}`, 422},
		{"issue", `{"client":"` + app + `","email":"nobody"}`, 422},
		{"users", `{"email":"a@b.c","dc":"mars"}`, 422},
		{"users", `{}`, 422},
		{"auto-approve", `{"email":"` + ann + `"}`, 200},
		{"remove-app", `{"client":"` + app + `","email":"` + ann + `"}`, 200},
		{"change-password", `{"email":"` + ann + `","terminate":true}`, 200},
		{"delete-client", `{"client":"` + app + `"}`, 200},
		{"device/approve", `{"user_code":"x","email":"` + ann + `"}`, 422},
		{"device/deny", `{"user_code":"x"}`, 422},
		{"advance", `{"secnods":1}`, 400},
	} {
		if r := g.admin(tc.path, tc.body); r.status != tc.status {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, r.status, r.body)
		}
	}
}

func TestAdminDeletes(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).RefreshToken
	g.admin("faults", `{"kind":"status","role":"accounts","token":"`+token+`"}`)
	state := g.get(g.AdminURL() + "/admin/state")
	equal(t, "fault is shown", strings.Contains(state.body, `"kind": "status"`), true)
	equal(t, "token of the fault", strings.Contains(state.body, token), false)
	equal(t, "faulty", g.refresh(token).status, 500)
	for _, what := range []string{"faults", "counters"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, g.AdminURL()+"/admin/"+what, nil)
		equal(t, what, g.must(req, err).status, 200)
	}
	equal(t, "requests", g.Counters().TokenRequests, 0)
	wantTokens(t, g.refresh(token))
}

func TestAdminReads(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	wantTokens(t, g.refresh(login.RefreshToken))
	state := g.get(g.AdminURL() + "/admin/state")
	counters := g.get(g.AdminURL() + "/admin/counters")
	requests := g.get(g.AdminURL() + "/admin/requests")
	equal(t, "mints", counters.json["mints"], any(1.0))
	equal(t, "by token", strings.Contains(counters.body, zohotest.Fingerprint(login.RefreshToken)), true)
	equal(t, "masked", strings.Contains(state.body, zohotest.Mask(login.RefreshToken)), true)
	equal(t, "logged", strings.Contains(requests.body, `"grant": "refresh_token"`), true)
	for _, body := range []string{state.body, counters.body, requests.body} {
		wantNoSecrets(t, body, login)
	}
	equal(t, "help", strings.Contains(g.get(g.AdminURL()+"/").body, "/admin/advance"), true)
}

func wantNoSecrets(t *testing.T, text string, login zohotest.Issued) {
	t.Helper()
	for _, s := range []string{login.RefreshToken, login.AccessToken, secret} {
		if strings.Contains(text, s) {
			t.Errorf("a secret in %s", text)
		}
	}
}

func TestAdminRefusesOtherSites(t *testing.T) {
	g := newRig(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.AdminURL()+"/admin/advance", strings.NewReader(`{"seconds":1}`))
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	equal(t, "status", g.must(req, err).status, http.StatusForbidden)
}

func TestSecretsNeverInLogs(t *testing.T) {
	var log bytes.Buffer
	g := newRig(t, &zohotest.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	login := g.Issue(app, ann)
	code := g.code(offline())
	wantTokens(t, g.refresh(login.RefreshToken))
	wantTokens(t, g.exchange(code))
	g.me(login.AccessToken)
	g.post(g.AccountsURL("us")+"/oauth/v2/token/revoke?token="+login.RefreshToken, "x", "y")
	journal, err := json.Marshal(g.Requests())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "logged", len(g.Requests()), 4)
	g.Close()
	for _, text := range []string{log.String(), string(journal)} {
		wantNoSecrets(t, text, login)
		equal(t, "code in the log", strings.Contains(text, code), false)
	}
	equal(t, "lines", strings.Count(log.String(), "msg=request"), 4)
}

func TestRequestLogIsBounded(t *testing.T) {
	g := newRig(t, &zohotest.Options{RequestLog: 8})
	for range 50 {
		g.get(g.AccountsURL("us") + "/oauth/serverinfo")
	}
	if n := len(g.Requests()); n < 8 || n > 10 {
		t.Errorf("%d entries", n)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "short": "****", "1000.aaaaaaaaaaaaaaaa.bbbbbbbbcafe": "1000.****cafe",
		"0123456789abcdef0123456789": "****6789",
	} {
		equal(t, in, zohotest.Mask(in), want)
	}
}
