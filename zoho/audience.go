package zoho

import (
	"fmt"
	"slices"

	"github.com/tokenkeep/tokenkeep"
)

// scheme precedes access tokens, although token_type says Bearer (Zoho CRM v8
// docs, API calls).
const scheme = "Zoho-oauthtoken"

// ClientID returns the configured client id.
func (p *Provider) ClientID() string { return p.cfg.ClientID }

// Audience says where t may be sent: to the API and upload hosts of its own data
// centre. Requests to API hosts of other data centres and environments go to
// t's own API domain. It makes no request.
//
// The data centre is that of the accounts server, else of the code, else of the
// API domain, else the configured one. An API domain of another data centre, or
// of none that is trusted, is a Misconfigured error: somebody changed the row.
// The API domain also names the environment; where it names production or is
// missing, [Config].Environment does.
func (p *Provider) Audience(t *tokenkeep.Token) (tokenkeep.Audience, error) {
	d, base, err := p.apiOf(t)
	if err != nil {
		return tokenkeep.Audience{}, err
	}
	hosts := []string{hostOf(base)}
	if up := d.Upload; schemeOf(up) == schemeOf(base) && hostOf(up) != hosts[0] {
		hosts = append(hosts, hostOf(up))
	}
	return tokenkeep.Audience{Scheme: scheme, BaseURL: base, Hosts: hosts, Rewrite: p.rewrites(hosts)}, nil
}

// apiOf returns t's data centre and API domain.
func (p *Provider) apiOf(t *tokenkeep.Token) (DataCentre, string, error) {
	d, err := p.home(t)
	if err != nil {
		return DataCentre{}, "", err
	}
	if t.APIDomain == "" {
		return p.based(d, d.APIBase(p.cfg.Environment))
	}
	if err := p.belongs(d, t.APIDomain); err != nil {
		return DataCentre{}, "", err
	}
	base := d.apiDomain(t.APIDomain, p.cfg.Environment)
	if base == d.API {
		base = d.APIBase(p.cfg.Environment)
	}
	return p.based(d, base)
}

// belongs returns an error unless domain is one of d's.
func (p *Provider) belongs(d DataCentre, domain string) error {
	if _, own := (trusted{d}).findAPI(domain); own {
		return nil
	}
	of, err := p.dcs.byAPIDomain(domain)
	if err != nil {
		return err
	}
	return misconfigured("audience",
		fmt.Sprintf("the API domain %q belongs to data centre %s, and the login to %s", clip(domain), of.Code, d.Code),
		"no token was sent; correct the stored token's API domain, or log in again")
}

// based returns d and base, unless base is empty.
func (p *Provider) based(d DataCentre, base string) (DataCentre, string, error) {
	if base == "" {
		return DataCentre{}, "", misconfigured("audience",
			fmt.Sprintf("data centre %s has no API domain for the environment %q", d.Code, string(p.cfg.Environment)),
			"set it in the configuration of the custom data centre")
	}
	return d, base, nil
}

// rewrites lists Zoho's API hosts and those of the configuration, but for hosts.
func (p *Provider) rewrites(hosts []string) []string {
	var list []string
	for _, d := range slices.Concat(p.dcs, builtIn()) {
		for _, base := range d.apiBases() {
			if h := hostOf(base); !slices.Contains(hosts, h) {
				list = append(list, h)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func schemeOf(base string) string {
	return base[:len(base)-len(hostOf(base))]
}
