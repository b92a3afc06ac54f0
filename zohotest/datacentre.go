package zohotest

import (
	"maps"
	"slices"
	"strings"
)

// Role names what a host does.
type Role string

// The roles of Zoho's hosts.
const (
	RoleAccounts Role = "accounts" // OAuth
	RoleAPI      Role = "api"      // CRM
	RoleFiles    Role = "files"    // file uploads for bulk writes
)

// The environments of a CRM organisation; tokens are bound to one of them
// (Zoho CRM Python SDK 8.0, README).
const (
	Production = ""
	Sandbox    = "sandbox"
	Developer  = "developer"
)

// DataCentres lists the locations the fake knows: the eight of Zoho's SDKs,
// then uk, ae and sg, which only other documents name.
func DataCentres() []string {
	return []string{"us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk", "ae", "sg"}
}

// An endpoint is one host of the fake.
type endpoint struct {
	dc   string
	role Role
	env  string
}

// host gives Zoho's own host name (Zoho CRM SDKs, data centre classes).
func (e endpoint) host() string {
	switch e.role {
	case RoleAccounts:
		return accountsHost(e.dc)
	case RoleFiles:
		return filesHost(e.dc)
	}
	prefix := e.env
	if prefix == Production {
		prefix = "www"
	}
	return prefix + ".zohoapis." + suffix(e.dc)
}

func accountsHost(dc string) string {
	if dc == "ca" {
		return "accounts.zohocloud.ca"
	}
	return "accounts.zoho." + suffix(dc)
}

func filesHost(dc string) string {
	switch dc {
	case "ca":
		return "upload.zohocloud.ca"
	case "sa":
		return "files.zoho.sa"
	}
	return "content.zohoapis." + suffix(dc)
}

func suffix(dc string) string {
	switch dc {
	case "us":
		return "com"
	case "au", "cn":
		return "com." + dc
	}
	return dc
}

// endpointsOf lists every host of one data centre.
func endpointsOf(dc string) []endpoint {
	return []endpoint{
		{dc, RoleAccounts, Production},
		{dc, RoleAPI, Production},
		{dc, RoleAPI, Sandbox},
		{dc, RoleAPI, Developer},
		{dc, RoleFiles, Production},
	}
}

// hostTable maps Zoho's host names to the endpoints that are switched on.
func hostTable(dcs []string) map[string]endpoint {
	table := make(map[string]endpoint)
	for _, dc := range dcs {
		for _, e := range endpointsOf(dc) {
			table[e.host()] = e
		}
	}
	return table
}

func (f *Fake) hasDC(dc string) bool { return slices.Contains(f.opts.DataCentres, dc) }

// AccountsURL is the accounts server of a data centre: a loopback URL once the
// fake listens, else Zoho's own.
func (f *Fake) AccountsURL(dc string) string { return f.urlOf(endpoint{dc, RoleAccounts, Production}) }

// APIDomain is the production API domain of a data centre.
func (f *Fake) APIDomain(dc string) string { return f.urlOf(endpoint{dc, RoleAPI, Production}) }

// EnvAPIDomain is the API domain of an environment: [Sandbox], [Developer] or
// [Production]. When the fake listens, the listener is opened on first use.
func (f *Fake) EnvAPIDomain(dc, env string) string { return f.urlOf(endpoint{dc, RoleAPI, env}) }

// FilesURL is the host that takes file uploads.
func (f *Fake) FilesURL(dc string) string { return f.urlOf(endpoint{dc, RoleFiles, Production}) }

// locations maps every data centre to its accounts server.
func (f *Fake) locations() map[string]string {
	m := make(map[string]string)
	for _, dc := range f.opts.DataCentres {
		m[dc] = f.AccountsURL(dc)
	}
	return m
}

// splitScopes reads a list separated by commas or spaces.
func splitScopes(s string) []string {
	list := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Compact(list)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
