package zohotest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func TestS33Revoke(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	old := g.AccountsURL("us") + "/oauth/v2/token/revoke"
	r := g.post(old, "token", login.RefreshToken)
	equal(t, "body", r.body, `{"status":"success"}`)
	wantCode(t, g.me(login.AccessToken), 401, "INVALID_TOKEN")
	wantError(t, g.refresh(login.RefreshToken), "invalid_code")
	equal(t, "again", g.post(old, "token", login.RefreshToken).status, 400)
	equal(t, "by query", g.post(old+"?token="+g.Issue(app, ann).RefreshToken).status, 200)
	equal(t, "revokes", g.Counters().Revokes, 2)
}

func TestS33RevokeNewForm(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	revoke := func(password string) reply {
		req, err := g.form(g.AccountsURL("us")+"/oauth/v2/revoke/token", "token", login.AccessToken, "token_type", "access_token")
		req.SetBasicAuth(app, password)
		return g.must(req, err)
	}
	wantError(t, revoke("wrong"), "invalid_client")
	equal(t, "me", g.me(login.AccessToken).status, 200)
	equal(t, "status", revoke(secret).str("status"), "success")
	wantCode(t, g.me(login.AccessToken), 401, "INVALID_TOKEN")
	wantTokens(t, g.refresh(login.RefreshToken))
}

func TestS35ServerInfo(t *testing.T) {
	g := newRig(t, nil)
	r := g.get(g.AccountsURL("us") + "/oauth/serverinfo")
	equal(t, "result", r.str("result"), "success")
	locations, _ := r.json["locations"].(map[string]any)
	equal(t, "number", len(locations), 3)
	equal(t, "eu", locations["eu"], any(g.AccountsURL("eu")))
}

func TestS36UserInfo(t *testing.T) {
	g := newRig(t, nil)
	endpoint := g.AccountsURL("us") + "/oauth/user/info"
	r := g.crm(http.MethodGet, endpoint, g.Issue(app, ann).AccessToken, "")
	equal(t, "Email", r.str("Email"), ann)
	equal(t, "First_Name", r.str("First_Name"), "Ann")
	equal(t, "Last_Name", r.str("Last_Name"), "Lee")
	equal(t, "Display_Name", r.str("Display_Name"), "Ann Lee")
	if r.str("ZUID") == "" {
		t.Error("no ZUID")
	}
	equal(t, "without scope", g.crm(http.MethodGet, endpoint, g.Issue(app, ann, "ZohoCRM.org.READ").AccessToken, "").status, 401)
	equal(t, "without token", g.get(endpoint).status, 401)
}

func TestS37AdminActions(t *testing.T) {
	for _, tc := range []struct {
		name string
		act  func(rig, zohotest.Issued)
		want string // "": the token lives
	}{
		{"remove app", func(g rig, _ zohotest.Issued) { g.RemoveApp(app, ann) }, "invalid_code"},
		{"change password", func(g rig, _ zohotest.Issued) { g.ChangePassword(ann, false) }, ""},
		{"change password, terminate", func(g rig, _ zohotest.Issued) { g.ChangePassword(ann, true) }, "invalid_code"},
		{"delete client", func(g rig, _ zohotest.Issued) { g.DeleteClient(app) }, "invalid_client"},
		{"revoke", func(g rig, i zohotest.Issued) { g.RevokeRefreshToken(i.RefreshToken) }, "invalid_code"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, nil)
			login := g.Issue(app, ann)
			tc.act(g, login)
			equal(t, "refresh", g.refresh(login.RefreshToken).str("error"), tc.want)
			equal(t, "access token works", g.me(login.AccessToken).status == 200, tc.want == "")
		})
	}
}

func TestS37EvictAccessToken(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	equal(t, "evict", g.EvictAccessToken(login.AccessToken), true)
	wantCode(t, g.me(login.AccessToken), 401, "INVALID_TOKEN")
	wantTokens(t, g.refresh(login.RefreshToken))
	equal(t, "evictions", g.Counters().Evictions, 0)
}

func TestAccessTokenAlive(t *testing.T) {
	g := newRig(t, nil)
	why := func(token string) string { _, why := g.AccessTokenAlive(token); return why }
	old, lost := g.Issue(app, ann).AccessToken, g.Issue(app, ann).AccessToken
	if alive, _ := g.AccessTokenAlive(old); !alive {
		t.Error("a fresh token is dead")
	}
	g.EvictAccessToken(lost)
	g.Advance(time.Hour)
	equal(t, "old", why(old), "expired")
	equal(t, "evicted", why(lost), "evicted")
	equal(t, "unknown", why("1000.x"), "unknown")
}

func TestBasicAuthIsASwitch(t *testing.T) {
	for _, accept := range []bool{false, true} {
		g := newRig(t, &zohotest.Options{AcceptBasicAuth: accept})
		req, err := g.form(g.AccountsURL("us")+"/oauth/v2/token", "grant_type", "refresh_token",
			"refresh_token", g.Issue(app, ann).RefreshToken)
		req.SetBasicAuth(app, secret)
		equal(t, "accepted", g.must(req, err).str("access_token") != "", accept)
	}
}

func TestAllDataCentres(t *testing.T) {
	f := zohotest.New(nil)
	equal(t, "number", len(zohotest.DataCentres()), 11)
	equal(t, "us", f.AccountsURL("us"), "https://accounts.zoho.com")
	equal(t, "cn", f.APIDomain("cn"), "https://www.zohoapis.com.cn")
	equal(t, "ca", f.AccountsURL("ca"), "https://accounts.zohocloud.ca")
	equal(t, "sandbox", f.EnvAPIDomain("eu", "sandbox"), "https://sandbox.zohoapis.eu")
	equal(t, "files", f.FilesURL("sa"), "https://files.zoho.sa")
	equal(t, "unknown", f.AccountsURL("xx"), "")
	if zohotest.DataCentres()[10] != "sg" {
		t.Error("sg is missing")
	}
}
