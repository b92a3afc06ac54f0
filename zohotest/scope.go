package zohotest

import (
	"slices"
	"strings"
)

// knownScopes maps services to the parts of them the fake knows (the scope
// lists of Zoho's CRM v8 docs, first level only).
func knownScopes() map[string][]string {
	return map[string][]string{
		"zohocrm": {
			"modules", "settings", "users", "org", "coql", "bulk", "notifications", "files", "apis",
			"composite_requests", "change_owner", "mass_update", "mass_convert", "mass_delete",
			"send_mail", "share", "features", "functions", "templates", "signals", "zia", "crmapikey",
		},
		"zohosearch": {"securesearch"},
		"aaaserver":  {"profile"},
		"zohofiles":  {"files"},
		"workdrive":  {"files", "team", "workspace"},
	}
}

// knowsScopes says whether every scope exists.
func (f *Fake) knowsScopes(scopes []string) bool {
	known := knownScopes()
	if f.opts.Profile != nil {
		return true
	}
	for _, s := range scopes {
		if !knowsScope(known, s) && !slices.Contains(f.opts.ExtraScopes, s) {
			return false
		}
	}
	return true
}

// knowsScope checks the grammar Service.scope[.sub].OPERATION.
func knowsScope(known map[string][]string, s string) bool {
	parts := strings.Split(strings.ToLower(s), ".")
	if len(parts) < 3 || len(parts) > 4 || slices.Contains(parts, "") {
		return false
	}
	operations := []string{"all", "read", "create", "update", "write", "delete", "custom"}
	return slices.Contains(known[parts[0]], parts[1]) &&
		slices.Contains(operations, parts[len(parts)-1])
}

// A need is a scope that a route asks for: ZohoCRM.modules.leads with READ is
// met by ZohoCRM.modules.leads.READ, ZohoCRM.modules.READ, and both with ALL.
type need struct {
	path string // "ZohoCRM.modules.leads"
	op   string // "READ"
}

// metBy says whether one of the granted scopes is enough.
func (n need) metBy(granted []string) bool {
	for _, g := range granted {
		if n.metByOne(strings.ToLower(g)) {
			return true
		}
	}
	return false
}

func (n need) metByOne(granted string) bool {
	dot := strings.LastIndexByte(granted, '.')
	if dot < 0 {
		return false
	}
	path, op := granted[:dot], granted[dot+1:]
	if op != "all" && op != strings.ToLower(n.op) && (op != "write" || n.op == "READ" || n.op == "DELETE") {
		return false
	}
	want := strings.ToLower(n.path)
	return path == want || strings.HasPrefix(want, path+".")
}
