package zoho

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A DataCentre is one of Zoho's locations, or a stand-in for one: the base URLs
// of its servers, such as "https://accounts.zoho.eu", without a slash at the end.
// It is plain data.
type DataCentre struct {
	// Code is Zoho's "location": "us", "eu"…
	Code string
	// Accounts is the accounts server, where tokens are made.
	Accounts string
	// API is the API domain of production.
	API string
	// Sandbox and Developer are the API domains of the other environments.
	Sandbox, Developer string
	// Upload takes file uploads for bulk writes.
	Upload string
	// InSDK tells that Zoho's own SDKs know this data centre. A program that uses
	// one cannot share tokens of the others.
	InSDK bool
}

// An Environment is one of the three environments of a CRM organisation. Tokens
// are bound to the one that the user picks on the consent page (Zoho CRM Python
// SDK 8.0, README).
type Environment string

// The environments.
const (
	Production Environment = ""
	Sandbox    Environment = "sandbox"
	Developer  Environment = "developer"
)

// DataCentres returns Zoho's data centres: the eight of Zoho's CRM SDKs 8.0,
// then uk (Zoho Accounts docs, Multi-DC), ae and sg (seen answering; in no
// document). For the last three the hosts other than Accounts and API follow the
// pattern of the rest and are unconfirmed.
func DataCentres() []DataCentre {
	return []DataCentre{
		standard("us", "com", true),
		standard("eu", "eu", true),
		standard("in", "in", true),
		standard("au", "com.au", true),
		standard("jp", "jp", true),
		standard("cn", "com.cn", true),
		canada(),
		saudiArabia(),
		standard("uk", "uk", false),
		standard("ae", "ae", false),
		standard("sg", "sg", false),
	}
}

// standard builds the data centre whose hosts follow the common pattern.
func standard(code, suffix string, inSDK bool) DataCentre {
	return DataCentre{
		Code:      code,
		Accounts:  "https://accounts.zoho." + suffix,
		API:       "https://www.zohoapis." + suffix,
		Sandbox:   "https://sandbox.zohoapis." + suffix,
		Developer: "https://developer.zohoapis." + suffix,
		Upload:    "https://content.zohoapis." + suffix,
		InSDK:     inSDK,
	}
}

// canada has two hosts in another domain; accounts.zoho.ca does not answer.
func canada() DataCentre {
	d := standard("ca", "ca", true)
	d.Accounts, d.Upload = "https://accounts.zohocloud.ca", "https://upload.zohocloud.ca"
	return d
}

func saudiArabia() DataCentre {
	d := standard("sa", "sa", true)
	d.Upload = "https://files.zoho.sa"
	return d
}

// APIBase returns the API domain of env. It is empty for an environment that
// the data centre lacks.
func (d DataCentre) APIBase(env Environment) string {
	switch env {
	case Production:
		return d.API
	case Sandbox:
		return d.Sandbox
	case Developer:
		return d.Developer
	}
	return ""
}

// apiBases lists the API domains of all environments.
func (d DataCentre) apiBases() []string {
	var bases []string
	for _, b := range []string{d.API, d.Sandbox, d.Developer} {
		if b != "" {
			bases = append(bases, b)
		}
	}
	return bases
}

// ByCode returns the built-in data centre with the code, in any case: "eu". The
// error is Misconfigured and lists the codes there are.
func ByCode(code string) (DataCentre, error) { return builtIn().byCode(code) }

// ByAPIDomain returns the built-in data centre that domain belongs to, in any
// environment: "https://sandbox.zohoapis.eu". It also takes the form
// "https://api.zoho.eu" of the Zoho Accounts docs. The error is Misconfigured.
func ByAPIDomain(domain string) (DataCentre, error) { return builtIn().byAPIDomain(domain) }

// ByAccountsServer returns the built-in data centre whose accounts server is
// server: "https://accounts.zoho.eu". The error is Misconfigured.
func ByAccountsServer(server string) (DataCentre, error) { return builtIn().byAccounts(server) }

// Custom returns a data centre of your own, for [Config]: one of Zoho's that
// this package does not know yet, an installation of your own, or a fake. The
// URLs are bare: https, or http on a loopback address, without a path. All
// environments and uploads go to api; set the fields to change that. A custom
// data centre with a built-in code takes that one's place. An empty code becomes
// "custom". The error is Misconfigured.
func Custom(code, accounts, api string) (DataCentre, error) {
	d := DataCentre{Code: code, Accounts: accounts, API: api, Sandbox: api, Developer: api, Upload: api}
	return d.normalised()
}

// normalised returns d with canonical URLs, or says what is wrong with it.
func (d DataCentre) normalised() (DataCentre, error) {
	d.Code = strings.ToLower(cmp.Or(strings.TrimSpace(d.Code), "custom"))
	if strings.Trim(d.Code, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return DataCentre{}, misconfigured("data centre", fmt.Sprintf("the code %q has other characters than letters, digits, _ and -", d.Code), "")
	}
	d.Upload = cmp.Or(d.Upload, d.API)
	for _, f := range []struct {
		name     string
		url      *string
		optional bool
	}{
		{"accounts server", &d.Accounts, false},
		{"API domain", &d.API, false},
		{"sandbox API domain", &d.Sandbox, true},
		{"developer API domain", &d.Developer, true},
		{"upload host", &d.Upload, false},
	} {
		if *f.url == "" && f.optional {
			continue
		}
		base, err := canonicalBase(*f.url)
		if err != nil {
			return DataCentre{}, misconfigured("data centre "+d.Code, fmt.Sprintf("the %s %q: %v", f.name, *f.url, err),
				"give a URL such as https://accounts.zoho.eu; http is allowed on loopback addresses only")
		}
		*f.url = base
	}
	return d, nil
}

// canonicalBase returns the base URL in its one spelling: lower case, no port
// that the scheme implies, no slash at the end.
func canonicalBase(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return "", fmt.Errorf("it is not a URL")
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case host == "" || u.Opaque != "":
		return "", fmt.Errorf("it is not an absolute URL")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.Trim(u.Path, "/") != "":
		return "", fmt.Errorf("it has more than a scheme, a host and a port")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(host)):
		return "", fmt.Errorf("it is neither https nor http on loopback")
	}
	return u.Scheme + "://" + hostPort(u.Scheme, host, u.Port()), nil
}

func hostPort(scheme, host, port string) string {
	implied := map[string]string{"https": "443", "http": "80"}[scheme]
	switch {
	case port != "" && port != implied:
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// hostOf returns the host, with the port if any, of a canonical base URL.
func hostOf(base string) string {
	_, host, _ := strings.Cut(base, "://")
	return host
}

// misconfigured returns a Misconfigured error.
func misconfigured(op, reason, hint string) *tokenkeep.Error {
	return &tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: op, Reason: reason, Hint: hint}
}
