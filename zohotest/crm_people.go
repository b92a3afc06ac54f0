package zohotest

import (
	"net/http"
	"slices"
)

// listUsers serves GET /users?type=… (Zoho CRM v8 OpenAPI, users).
func (f *Fake) listUsers(c *crmCall) answer {
	kinds := []string{
		"", "AllUsers", "ActiveUsers", "CurrentUser", "ConfirmedUsers", "ActiveConfirmedUsers",
		"AdminUsers", "ActiveConfirmedAdmins", "DeactiveUsers", "NotConfirmedUsers", "DeletedUsers",
	}
	kind := c.query.Get("type")
	if !slices.Contains(kinds, kind) {
		return c.crmError(http.StatusBadRequest, "INVALID_DATA", "invalid data", map[string]any{"param_name": "type"})
	}
	users := f.usersOfKind(c, kind)
	if len(users) == 0 {
		return emptyAnswer(http.StatusNoContent)
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"users": users,
		"info":  map[string]any{"per_page": 200, "count": len(users), "page": 1, "more_records": false},
	})
}

func (f *Fake) usersOfKind(c *crmCall, kind string) []map[string]any {
	switch kind {
	case "CurrentUser":
		return []map[string]any{c.user.record()}
	case "DeactiveUsers", "NotConfirmedUsers", "DeletedUsers":
		return nil
	}
	var list []map[string]any
	for _, u := range f.colleagues(c.user) {
		list = append(list, u.record())
	}
	return list
}

// colleagues lists the users of an organisation.
func (f *Fake) colleagues(of User) []User {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(f.book.userList(), func(u User) bool {
		return u.DC != of.DC || u.ZGID != of.ZGID
	})
}

// getUser serves GET /users/{id}.
func (f *Fake) getUser(c *crmCall) answer {
	for _, u := range f.colleagues(c.user) {
		if u.ID == c.id {
			return jsonAnswer(http.StatusOK, map[string]any{"users": []any{u.record()}})
		}
	}
	return c.crmError(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid",
		map[string]any{"resource_path_index": 1})
}

// getOrg serves GET /org (Zoho CRM v8 OpenAPI, org).
func (f *Fake) getOrg(c *crmCall) answer {
	colleagues := f.colleagues(c.user)
	first := colleagues[0]
	return jsonAnswer(http.StatusOK, map[string]any{"org": []any{map[string]any{
		"id": numberedID(c.user.ZGID), "zgid": c.user.ZGID, "company_name": c.user.OrgName,
		"primary_email": first.Email, "primary_zuid": first.ZUID,
		"time_zone": "Europe/Berlin", "country_code": "DE", "iso_code": "EUR", "currency": "Euro",
		"license_details": map[string]any{
			"paid": true, "paid_type": "enterprise", "trial_type": nil, "trial_expiry": nil,
			"users_license_purchased": len(colleagues),
		},
	}}})
}

func (u User) record() map[string]any {
	return map[string]any{
		"id": u.ID, "zuid": u.ZUID, "email": u.Email, "first_name": u.First, "last_name": u.Last,
		"full_name": u.fullName(), "status": "active", "confirm": true,
		"time_zone": "Europe/Berlin", "language": "en_US", "locale": "en_GB",
		"role":    map[string]any{"name": "CEO", "id": "4150868000000026005"},
		"profile": map[string]any{"name": "Administrator", "id": "4150868000000026011"},
	}
}

// numberedID makes a record id out of an organisation's number.
func numberedID(zgid string) string {
	const zeros = "4150868000000000000"
	if len(zgid) >= len(zeros) {
		return zgid
	}
	return zeros[:len(zeros)-len(zgid)] + zgid
}
