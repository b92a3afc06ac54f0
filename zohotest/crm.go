package zohotest

import (
	"net/http"
	"strings"
)

// crmData is what the CRM holds; the fake's lock guards it.
type crmData struct {
	orgs  map[orgKey]*org
	pages map[string]pageToken
}

func newCRMData() crmData {
	return crmData{orgs: make(map[orgKey]*org), pages: make(map[string]pageToken)}
}

// An orgKey names the records of one environment of an organisation.
type orgKey struct{ dc, zgid, env string }

// A crmCall is an authenticated call to the CRM.
type crmCall struct {
	*call
	user   User
	scopes []string
	module string // {module} of the path
	id     string // {id} of the path
}

// A route is one operation of the CRM. Segments in braces are variables.
type route struct {
	method string
	path   string
	need   func(*crmCall) need
	handle func(*crmCall) answer
}

// routes lists the operations; the first that matches acts.
func (f *Fake) routes() []route {
	return []route{
		{http.MethodGet, "/crm/v8/users", fixed("ZohoCRM.users", "READ"), f.listUsers},
		{http.MethodGet, "/crm/v8/users/{id}", fixed("ZohoCRM.users", "READ"), f.getUser},
		{http.MethodGet, "/crm/v8/org", fixed("ZohoCRM.org", "READ"), f.getOrg},
		{http.MethodGet, "/crm/v8/{module}", ofModule("READ"), f.listRecords},
		{http.MethodGet, "/crm/v8/{module}/{id}", ofModule("READ"), f.getRecord},
		{http.MethodPost, "/crm/v8/{module}", ofModule("CREATE"), f.createRecords},
		{http.MethodPut, "/crm/v8/{module}", ofModule("UPDATE"), f.updateRecords},
		{http.MethodPut, "/crm/v8/{module}/{id}", ofModule("UPDATE"), f.updateRecords},
		{http.MethodDelete, "/crm/v8/{module}", ofModule("DELETE"), f.deleteRecords},
		{http.MethodDelete, "/crm/v8/{module}/{id}", ofModule("DELETE"), f.deleteRecords},
	}
}

func fixed(path, op string) func(*crmCall) need {
	return func(*crmCall) need { return need{path, op} }
}

// ofModule is the scope of a module's records: ZohoCRM.modules.{module}.{op}.
func ofModule(op string) func(*crmCall) need {
	return func(c *crmCall) need { return need{"ZohoCRM.modules." + c.module, op} }
}

// api serves one call to an API domain: token, permission, scope, then the work.
func (f *Fake) api(c *call) answer {
	cc, failure := f.admit(c)
	if failure != nil {
		return *failure
	}
	r, otherMethod := f.match(cc)
	switch {
	case r == nil && otherMethod:
		return c.crmError(http.StatusBadRequest, "INVALID_REQUEST_METHOD",
			"The http request method type is not a valid one", nil)
	case r == nil:
		return c.crmError(http.StatusNotFound, "INVALID_URL_PATTERN",
			"Please check if the URL trying to access is a correct one", nil)
	case !r.need(cc).metBy(cc.scopes):
		return c.crmError(http.StatusUnauthorized, "OAUTH_SCOPE_MISMATCH", "Unauthorized", nil)
	}
	return r.handle(cc)
}

// match finds the route of a call and fills in the variables of its path.
func (f *Fake) match(c *crmCall) (r *route, otherMethod bool) {
	for _, r := range f.routes() {
		vars, ok := matchPath(r.path, c.path)
		if ok && r.method == c.method {
			c.module, c.id = vars["module"], vars["id"]
			return &r, false
		}
		otherMethod = otherMethod || ok
	}
	return nil, otherMethod
}

func matchPath(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	vars := make(map[string]string)
	for i, w := range want {
		if name, ok := strings.CutPrefix(w, "{"); ok && got[i] != "" {
			vars[strings.TrimSuffix(name, "}")] = got[i]
		} else if w != got[i] {
			return nil, false
		}
	}
	return vars, true
}

// bearer reads the Authorization header: Zoho-oauthtoken, and Bearer by an option.
func (f *Fake) bearer(c *call) (string, bool) {
	scheme, token, _ := strings.Cut(c.header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Zoho-oauthtoken"), scheme == "Bearer" && f.opts.AcceptBearer:
		return token, token != ""
	}
	return "", false
}

// admit checks the token of a call. No header, or not Zoho's scheme:
// AUTHENTICATION_FAILURE; a token that is unknown, expired, evicted or revoked,
// or of another data centre or environment: INVALID_TOKEN (observed).
func (f *Fake) admit(c *call) (*crmCall, *answer) {
	token, ok := f.bearer(c)
	if !ok {
		a := c.crmError(http.StatusUnauthorized, "AUTHENTICATION_FAILURE", "Authentication failed", nil)
		return nil, &a
	}
	cc := f.identify(c, token)
	if cc == nil {
		a := c.crmError(http.StatusUnauthorized, "INVALID_TOKEN", "invalid oauth token", nil)
		return nil, &a
	}
	if cc.user.NoAPIPermission {
		a := c.crmError(http.StatusForbidden, "NO_PERMISSION", "permission denied",
			map[string]any{"permissions": []string{"Crm_Implied_Api_Access"}})
		return nil, &a
	}
	return cc, nil
}

func (f *Fake) identify(c *call, token string) *crmCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.book.access[token]
	if a == nil || !a.goodAt(f.now()) || a.dc != c.dc || a.env != c.env {
		return nil
	}
	u := f.book.users[a.email]
	return &crmCall{call: c, user: u, scopes: a.scopes}
}

// crmBody is the CRM's answer about one thing (Zoho CRM v8 OpenAPI).
type crmBody struct {
	Code    string `json:"code"`
	Details any    `json:"details"`
	Message string `json:"message"`
	Status  string `json:"status"`
}

func crmFailure(code, message string, details any) crmBody {
	if details == nil {
		details = struct{}{}
	}
	return crmBody{code, details, message, "error"}
}

// crmError is an error about the whole call.
func (c *call) crmError(status int, code, message string, details any) answer {
	c.outcome = code
	return jsonAnswer(status, crmFailure(code, message, details))
}
