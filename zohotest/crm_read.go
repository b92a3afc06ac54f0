package zohotest

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The limits of Get Records (Zoho CRM v8 OpenAPI).
const (
	maxFields   = 50
	maxPerPage  = 200
	maxByPage   = 2_000
	maxByToken  = 100_000
	pageTokenOK = 24 * time.Hour
)

// A pageToken continues a list; it is bound to the other parameters.
type pageToken struct {
	params  string
	offset  int
	expires time.Time
}

// A listing is a checked list request.
type listing struct {
	fields       []string
	perPage      int
	offset       int
	page         int
	byToken      bool
	params       string // canonical form of all other parameters
	sortBy       string
	ascending    bool
	changedSince time.Time
}

// listRecords serves GET /{module}.
func (f *Fake) listRecords(c *crmCall) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.crm.moduleOf(c)
	if m == nil {
		return c.invalidModule()
	}
	l, failure := f.newListing(c)
	if failure != nil {
		return *failure
	}
	return f.pageOf(l, m)
}

func (c *call) invalidModule() answer {
	return c.crmError(http.StatusBadRequest, "INVALID_MODULE",
		"the module name given seems to be invalid", map[string]any{"resource_path_index": 0})
}

func (f *Fake) newListing(c *crmCall) (listing, *answer) {
	q := c.query
	l := listing{
		fields: splitScopes(q.Get("fields")), perPage: number(q.Get("per_page"), maxPerPage),
		page: number(q.Get("page"), 1), sortBy: cmp.Or(q.Get("sort_by"), "id"),
		ascending: q.Get("sort_order") == "asc", byToken: q.Has("page_token"), params: boundParams(c),
	}
	l.perPage = min(max(l.perPage, 1), maxPerPage)
	l.offset = (l.page - 1) * l.perPage
	l.changedSince, _ = time.Parse(time.RFC3339, c.header.Get("If-Modified-Since"))
	switch {
	case len(l.fields) == 0:
		return l, c.badRequest("REQUIRED_PARAM_MISSING", "required param is missing", map[string]any{"param_name": "fields"})
	case len(l.fields) > maxFields:
		return l, c.badRequest("LIMIT_EXCEEDED", "limit exceeded", map[string]any{"limit": maxFields, "param_name": "fields"})
	case l.byToken:
		return f.atToken(c, l)
	case l.offset+l.perPage > maxByPage:
		return l, c.badRequest("DISCRETE_PAGINATION_LIMIT_EXCEEDED",
			"You can only get the first 2000 records without using page_token param", map[string]any{"limit": maxByPage})
	}
	return l, nil
}

// atToken moves a listing to where its page token points.
func (f *Fake) atToken(c *crmCall, l listing) (listing, *answer) {
	t, ok := f.crm.pages[c.query.Get("page_token")]
	switch {
	case !ok || t.params != l.params:
		return l, c.badRequest("TOKEN_BOUND_DATA_MISMATCH",
			"The page_token given seems to be invalid or input param is added or altered or deleted",
			map[string]any{"param_name": "page_token"})
	case !f.now().Before(t.expires):
		return l, c.badRequest("EXPIRED_VALUE", "Page token expired",
			map[string]any{"api_name": "page_token", "json_path": "$.query.page_token"})
	case t.offset >= maxByToken:
		return l, c.badRequest("PAGINATION_LIMIT_EXCEEDED",
			"You can only get upto 100000 records using page_token param", map[string]any{"param_name": "page_token"})
	}
	l.offset = t.offset
	l.page = t.offset/l.perPage + 1
	return l, nil
}

func (c *call) badRequest(code, message string, details any) *answer {
	a := c.crmError(http.StatusBadRequest, code, message, details)
	return &a
}

// boundParams is everything a page token is bound to.
func boundParams(c *crmCall) string {
	q := url.Values{"module": {c.module}, "user": {c.user.ZUID}}
	for k, v := range c.query {
		if k != "page_token" && k != "page" {
			q[k] = v
		}
	}
	return q.Encode()
}

// getRecord serves GET /{module}/{id}.
func (f *Fake) getRecord(c *crmCall) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.crm.moduleOf(c)
	if m == nil {
		return c.invalidModule()
	}
	i := m.index(c.id)
	if i < 0 {
		return f.unknownRecord(c)
	}
	r := m.records[i]
	if fields := splitScopes(c.query.Get("fields")); len(fields) > 0 {
		r = r.pick(fields)
	}
	return jsonAnswer(http.StatusOK, map[string]any{"data": []record{r}})
}

func (f *Fake) unknownRecord(c *crmCall) answer {
	switch f.opts.UnknownRecordStatus {
	case http.StatusNoContent:
		return emptyAnswer(http.StatusNoContent)
	case http.StatusNotFound:
		return c.crmError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "the resource is not found", nil)
	}
	return c.crmError(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid",
		map[string]any{"resource_path_index": 1})
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return otherwise
	}
	return n
}
