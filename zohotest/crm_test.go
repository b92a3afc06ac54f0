package zohotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func (g rig) crmURL(path string) string { return g.APIDomain("us") + "/crm/v8/" + path }

func (g rig) withHeader(rawURL, header, value string) reply {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, rawURL, nil)
	req.Header.Set(header, value)
	return g.must(req, err)
}

func TestS38Header(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	users := g.crmURL("users?type=CurrentUser")
	r := g.get(users)
	wantCode(t, r, 401, "AUTHENTICATION_FAILURE")
	equal(t, "body", r.body, `{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}`)
	wantCode(t, g.withHeader(users, "Authorization", "Bearer "+login.AccessToken), 401, "AUTHENTICATION_FAILURE")
	wantCode(t, g.withHeader(users, "Authorization", "Zoho-oauthtoken nonsense"), 401, "INVALID_TOKEN")
	equal(t, "good", g.withHeader(users, "Authorization", "Zoho-oauthtoken "+login.AccessToken).status, 200)
	equal(t, "unauthorized", g.Counters().Unauthorized, 3)
	equal(t, "api requests", g.Counters().APIRequests, 4)
}

func TestS38BearerIsASwitch(t *testing.T) {
	g := newRig(t, &zohotest.Options{AcceptBearer: true})
	users := g.crmURL("users?type=CurrentUser")
	equal(t, "status", g.withHeader(users, "Authorization", "Bearer "+g.Issue(app, ann).AccessToken).status, 200)
}

func TestS38WrongHost(t *testing.T) {
	g := newRig(t, nil)
	login, sandbox := g.Issue(app, ann), g.IssueIn(zohotest.Sandbox, app, ann)
	at := func(domain, token string) reply { return g.crm(http.MethodGet, domain+"/crm/v8/org", token, "") }
	wantCode(t, at(g.APIDomain("eu"), login.AccessToken), 401, "INVALID_TOKEN")
	wantCode(t, at(g.EnvAPIDomain("us", zohotest.Sandbox), login.AccessToken), 401, "INVALID_TOKEN")
	wantCode(t, at(g.EnvAPIDomain("us", zohotest.Developer), sandbox.AccessToken), 401, "INVALID_TOKEN")
	equal(t, "production", at(login.APIDomain, login.AccessToken).status, 200)
	equal(t, "sandbox", at(sandbox.APIDomain, sandbox.AccessToken).status, 200)
}

func TestS39Scopes(t *testing.T) {
	g := newRig(t, nil)
	const list, lead = "?fields=Last_Name", `{"data":[{"Last_Name":"x"}]}`
	for _, tc := range []struct {
		scopes, method, path, body string
		ok                         bool
	}{
		{"ZohoCRM.modules.ALL", "GET", "Leads" + list, "", true},
		{"ZohoCRM.modules.READ", "GET", "Leads" + list, "", true},
		{"ZohoCRM.modules.leads.READ", "GET", "Leads" + list, "", true},
		{"zohocrm.modules.Leads.all", "GET", "leads" + list, "", true},
		{"ZohoCRM.modules.leads.READ", "POST", "Leads", lead, false},
		{"ZohoCRM.modules.leads.CREATE", "POST", "Leads", lead, true},
		{"ZohoCRM.modules.leads.ALL", "GET", "Contacts" + list, "", false},
		{"ZohoCRM.modules.ALL", "GET", "users", "", false},
		{"ZohoCRM.users.ALL", "GET", "users", "", true},
		{"ZohoCRM.users.READ", "GET", "org", "", false},
	} {
		login := g.Issue(app, ann, tc.scopes)
		r := g.crm(tc.method, g.crmURL(tc.path), login.AccessToken, tc.body)
		if r.str("code") == "OAUTH_SCOPE_MISMATCH" == tc.ok {
			t.Errorf("%s %s with %s: %d %s", tc.method, tc.path, tc.scopes, r.status, r.body)
		}
		if !tc.ok {
			equal(t, "status", r.status, 401)
			equal(t, "message", r.str("message"), "Unauthorized")
		}
	}
}

func TestS40NoPermission(t *testing.T) {
	g := newRig(t, nil)
	g.AddUser(zohotest.User{Email: ann, NoAPIPermission: true})
	r := g.me(g.Issue(app, ann).AccessToken)
	wantCode(t, r, 403, "NO_PERMISSION")
	equal(t, "body", strings.Contains(r.body, `"details":{"permissions":["Crm_Implied_Api_Access"]}`), true)
}

// fill creates n leads.
func (g rig) fill(token string, n int) {
	g.t.Helper()
	for from := 0; from < n; from += 100 {
		var rows []string
		for i := from; i < min(n, from+100); i++ {
			rows = append(rows, fmt.Sprintf(`{"Last_Name":"L%04d"}`, i))
		}
		r := g.crm(http.MethodPost, g.crmURL("Leads"), token, `{"data":[`+strings.Join(rows, ",")+`]}`)
		equal(g.t, "created", r.status, 201)
	}
}

// page reads a list answer.
type page struct {
	Data []map[string]any `json:"data"`
	Info struct {
		Count         int    `json:"count"`
		Page          int    `json:"page"`
		MoreRecords   bool   `json:"more_records"`
		NextPageToken string `json:"next_page_token"`
	} `json:"info"`
}

func (g rig) list(token, query string) (reply, page) {
	g.t.Helper()
	r := g.crm(http.MethodGet, g.crmURL("Leads?"+query), token, "")
	var p page
	_ = json.Unmarshal([]byte(r.body), &p)
	return r, p
}

func TestS41List(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).AccessToken
	r, _ := g.list(token, "")
	equal(t, "body", r.body, `{"code":"REQUIRED_PARAM_MISSING","details":{"param_name":"fields"},"message":"required param is missing","status":"error"}`)
	r, _ = g.list(token, "fields=Last_Name")
	equal(t, "empty", r.status, 204)
	r, _ = g.list(token, "fields="+strings.Repeat("A,B,", 26))
	wantCode(t, r, 400, "LIMIT_EXCEEDED")
	wantCode(t, g.crm(http.MethodGet, g.crmURL("Unicorns?fields=x"), token, ""), 400, "INVALID_MODULE")
	wantCode(t, g.crm(http.MethodGet, g.crmURL("a/b/c/d"), token, ""), 404, "INVALID_URL_PATTERN")
	wantCode(t, g.crm(http.MethodPatch, g.crmURL("org"), token, ""), 400, "INVALID_REQUEST_METHOD")
}

func TestS41Pages(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).AccessToken
	g.fill(token, 2100)
	_, first := g.list(token, "fields=Last_Name&sort_by=id&sort_order=asc")
	equal(t, "first", first.Data[0]["Last_Name"], any("L0000"))
	equal(t, "count", first.Info.Count, 200)
	r, _ := g.list(token, "fields=Last_Name&page=11")
	wantCode(t, r, 400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
	n, p := len(first.Data), first
	for p.Info.MoreRecords {
		_, p = g.list(token, "fields=Last_Name&sort_by=id&sort_order=asc&page_token="+p.Info.NextPageToken)
		n += len(p.Data)
	}
	equal(t, "records by token", n, 2100)
	equal(t, "last page", p.Info.Page, 11)
	r, _ = g.list(token, "fields=Email&page_token="+first.Info.NextPageToken)
	wantCode(t, r, 400, "TOKEN_BOUND_DATA_MISMATCH")
	g.Advance(24 * time.Hour)
	r, _ = g.list(g.Issue(app, ann).AccessToken, "fields=Last_Name&sort_by=id&sort_order=asc&page_token="+first.Info.NextPageToken)
	wantCode(t, r, 400, "EXPIRED_VALUE")
}

func TestS41IfModifiedSince(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).AccessToken
	g.fill(token, 1)
	get := func(since time.Time) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.crmURL("Leads?fields=id"), nil)
		req.Header.Set("Authorization", "Zoho-oauthtoken "+token)
		req.Header.Set("If-Modified-Since", since.Format(time.RFC3339))
		return g.must(req, err).status
	}
	equal(t, "changed", get(g.Now().Add(-minute)), 200)
	equal(t, "unchanged", get(g.Now().Add(minute)), 304)
}

func TestS42Create(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).AccessToken
	create := func(body string) reply { return g.crm(http.MethodPost, g.crmURL("Leads"), token, body) }
	r := create(`{"data":[{"Last_Name":"A","Email":"a@b.c"},{"First_Name":"x"},{"Last_Name":"B","Email":"A@b.c"}]}`)
	equal(t, "mixed", r.status, 207)
	var got struct {
		Data []struct {
			Code   string `json:"code"`
			Status string `json:"status"`
		} `json:"data"`
	}
	_ = json.Unmarshal([]byte(r.body), &got)
	equal(t, "codes", fmt.Sprint(got.Data), "[{SUCCESS success} {MANDATORY_NOT_FOUND error} {DUPLICATE_DATA error}]")
	equal(t, "path", strings.Contains(r.body, `"json_path":"$.data[1].Last_Name"`), true)
	equal(t, "all bad", create(`{"data":[{}]}`).status, 400)
	wantCode(t, create(`{"data":[`+strings.Repeat(`{},`, 100)+`{}]}`), 400, "INVALID_DATA")
	wantCode(t, create(`{`), 400, "INVALID_DATA")
	wantCode(t, create(`{}`), 400, "MANDATORY_NOT_FOUND")
	equal(t, "null record", create(`{"data":[null]}`).status, 400)
}

func TestRecordsGetUpdateDelete(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).AccessToken
	g.fill(token, 1)
	_, p := g.list(token, "fields=Last_Name")
	id, _ := p.Data[0]["id"].(string)
	equal(t, "update", g.crm(http.MethodPut, g.crmURL("Leads/"+id), token, `{"data":[{"City":"Bonn"}]}`).status, 200)
	r := g.crm(http.MethodGet, g.crmURL("Leads/"+id), token, "")
	equal(t, "get", strings.Contains(r.body, `"City":"Bonn"`) && strings.Contains(r.body, `"L0000"`), true)
	equal(t, "delete", g.crm(http.MethodDelete, g.crmURL("Leads?ids="+id+",1"), token, "").status, 207)
	wantCode(t, g.crm(http.MethodGet, g.crmURL("Leads/"+id), token, ""), 400, "INVALID_DATA")
	equal(t, "update miss", g.crm(http.MethodPut, g.crmURL("Leads"), token, `{"data":[{"id":"1"}]}`).status, 400)
}

func TestUnknownRecordIsASwitch(t *testing.T) {
	for _, status := range []int{204, 400, 404} {
		g := newRig(t, &zohotest.Options{UnknownRecordStatus: status})
		token := g.Issue(app, ann).AccessToken
		equal(t, "status", g.crm(http.MethodGet, g.crmURL("Leads/1"), token, "").status, status)
	}
}

func TestRecordsAreOfOneOrganisationAndEnvironment(t *testing.T) {
	g := newRig(t, nil)
	g.AddUser(zohotest.User{Email: "bob@other.example", ZGID: "999"})
	login := g.Issue(app, ann)
	g.fill(login.AccessToken, 1)
	r, _ := g.list(g.Issue(app, "bob@other.example").AccessToken, "fields=id")
	equal(t, "other organisation", r.status, 204)
	sandbox := g.IssueIn(zohotest.Sandbox, app, ann)
	r = g.crm(http.MethodGet, sandbox.APIDomain+"/crm/v8/Leads?fields=id", sandbox.AccessToken, "")
	equal(t, "sandbox", r.status, 204)
}

func TestS48UsersAndOrg(t *testing.T) {
	g := newRig(t, nil)
	bob := g.AddUser(zohotest.User{Email: "bob@example.com"})
	token := g.Issue(app, ann).AccessToken
	r := g.me(token)
	equal(t, "current", strings.Contains(r.body, `"email":"`+ann+`"`) && strings.Contains(r.body, `"full_name":"Ann Lee"`), true)
	equal(t, "only one", strings.Contains(r.body, bob.Email), false)
	r = g.crm(http.MethodGet, g.crmURL("users?type=AllUsers"), token, "")
	equal(t, "all", strings.Contains(r.body, ann) && strings.Contains(r.body, bob.Email), true)
	equal(t, "other data centre", strings.Contains(r.body, eva), false)
	wantCode(t, g.crm(http.MethodGet, g.crmURL("users?type=Nonsense"), token, ""), 400, "INVALID_DATA")
	equal(t, "none", g.crm(http.MethodGet, g.crmURL("users?type=DeletedUsers"), token, "").status, 204)
	equal(t, "by id", g.crm(http.MethodGet, g.crmURL("users/"+bob.ID), token, "").status, 200)
	r = g.crm(http.MethodGet, g.crmURL("org"), token, "")
	equal(t, "org", strings.Contains(r.body, `"zgid":"`+bob.ZGID+`"`), true)
}
