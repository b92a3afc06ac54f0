package zoho

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A trusted list holds the data centres that may get secrets and tokens. Codes
// are unique in it.
type trusted []DataCentre

func builtIn() trusted { return DataCentres() }

// with returns the list with d in it, in the place of any of the same code.
// The one it displaces is no longer trusted: otherwise a token of the one could
// go to the hosts of the other under their common code.
func (l trusted) with(d DataCentre) trusted {
	rest := slices.DeleteFunc(slices.Clone(l), func(o DataCentre) bool { return o.Code == d.Code })
	return append(trusted{d}, rest...)
}

func (l trusted) findCode(code string) (DataCentre, bool) {
	want := strings.ToLower(strings.TrimSpace(code))
	return l.find(func(d DataCentre) bool { return d.Code == want })
}

func (l trusted) findAccounts(server string) (DataCentre, bool) {
	base, err := canonicalBase(server)
	return l.find(func(d DataCentre) bool { return err == nil && d.Accounts == base })
}

func (l trusted) findAPI(domain string) (DataCentre, bool) {
	base, err := canonicalBase(domain)
	return l.find(func(d DataCentre) bool {
		return err == nil && (slices.Contains(d.apiBases(), base) || d.docsAlias() == base)
	})
}

func (l trusted) find(fits func(DataCentre) bool) (DataCentre, bool) {
	i := slices.IndexFunc(l, fits)
	if i < 0 {
		return DataCentre{}, false
	}
	return l[i], true
}

func (l trusted) byCode(code string) (DataCentre, error) {
	if d, ok := l.findCode(code); ok {
		return d, nil
	}
	return DataCentre{}, misconfigured("data centre", fmt.Sprintf("unknown data centre %q", clip(code)),
		"use one of "+l.codes()+", or configure a custom data centre with its accounts server and API domain")
}

func (l trusted) byAccounts(server string) (DataCentre, error) {
	if d, ok := l.findAccounts(server); ok {
		return d, nil
	}
	return DataCentre{}, misconfigured("data centre", fmt.Sprintf("unknown accounts server %q; nothing was sent there", clip(server)),
		"if it is really yours or Zoho's, configure a custom data centre with it; otherwise somebody forged it")
}

func (l trusted) byAPIDomain(domain string) (DataCentre, error) {
	if d, ok := l.findAPI(domain); ok {
		return d, nil
	}
	return DataCentre{}, misconfigured("data centre", fmt.Sprintf("unknown API domain %q; no token is sent there", clip(domain)),
		"if it is really yours or Zoho's, configure a custom data centre with it; otherwise correct the stored token's API domain")
}

// docsAlias is the form of the API domain in samples of the Zoho Accounts docs,
// "https://api.zoho.eu", which CRM does not answer at.
func (d DataCentre) docsAlias() string {
	rest, found := strings.CutPrefix(d.Accounts, "https://accounts.")
	if !found {
		return ""
	}
	return "https://api." + rest
}

// apiDomain returns the spelling of domain that Zoho's SDKs know, and the
// environment's base for the form of the docs.
func (d DataCentre) apiDomain(domain string, env Environment) string {
	base, err := canonicalBase(domain)
	if err == nil && slices.Contains(d.apiBases(), base) {
		return base
	}
	return d.APIBase(env)
}

func (l trusted) codes() string {
	codes := make([]string, len(l))
	for i, d := range l {
		codes[i] = d.Code
	}
	return strings.Join(codes, ", ")
}

// home returns the data centre that t belongs to: that of its accounts server,
// else of its code, else of its API domain (rows that Zoho's SDKs wrote have
// nothing else), else the configured one.
func (p *Provider) home(t *tokenkeep.Token) (DataCentre, error) {
	return p.locate(t.AccountsServer, t.DataCentre, t.APIDomain)
}

// locate returns the data centre that the first non-empty of its arguments
// names. A code that contradicts one of Zoho's accounts servers is an error; a
// custom server answers to any code.
func (p *Provider) locate(accounts, code, api string) (DataCentre, error) {
	switch {
	case accounts != "":
		d, err := p.dcs.byAccounts(accounts)
		if err != nil {
			return DataCentre{}, err
		}
		return p.agree(d, accounts, code)
	case code != "":
		return p.dcs.byCode(code)
	case api != "":
		return p.dcs.byAPIDomain(api)
	}
	return p.dc, nil
}

// agree returns d, which accounts named, unless code names another.
func (p *Provider) agree(d DataCentre, accounts, code string) (DataCentre, error) {
	other, known := p.dcs.findCode(code)
	if !known || other.Code == d.Code {
		return d, nil
	}
	if other.Accounts == d.Accounts {
		return other, nil // one server may stand for several data centres
	}
	if _, zohos := builtIn().findAccounts(d.Accounts); !zohos {
		return d, nil
	}
	return DataCentre{}, misconfigured("data centre",
		fmt.Sprintf("the location %q contradicts the accounts server %q", clip(code), clip(accounts)),
		"start the login again; if it happens again, somebody changes the callback")
}

// clip cuts text from outside to a length that fits into a message.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
