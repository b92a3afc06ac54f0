package zoho

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// AuthorizeOptions describe one login in a browser. The zero value is ready.
type AuthorizeOptions struct {
	// Scopes are what to ask for. Defaults to those of [Config].
	Scopes []string
	// RedirectURL is the redirect URI. Defaults to that of [Config]; one of the
	// two is required.
	RedirectURL string
	// State comes back with the callback. Defaults to 32 random bytes. One of
	// your own must be hard to guess and bound to the user's browser, and may
	// have letters, digits, - and _ alone: Zoho's page fails on "|", encoded or
	// not (Zoho community, a bug report).
	State string
	// PKCE adds a code challenge (S256). Zoho documents it for mobile and desktop
	// clients (Zoho Accounts docs, Mobile applications).
	PKCE bool
	// UserName is the name to keep the login under. Empty: look it up.
	UserName string
}

// An Authorization is a login that has begun. Keep it, bound to the user's
// browser, until the callback; it serves once.
type Authorization struct {
	// URL is where to send the browser.
	URL string
	// State is what the callback must repeat.
	State string
	// Verifier is PKCE's secret half; zero without PKCE.
	Verifier tokenkeep.Secret
	// RedirectURL, Scopes and UserName are those of the login.
	RedirectURL string
	Scopes      []string
	UserName    string
}

// Authorize begins a login in a browser. It makes no request. The URL is on the
// accounts server of [Config].DataCentre: Zoho sends users of most others on to
// their own, but users of China must start at China's (Zoho CRM v8 docs,
// Multi-DC).
//
// It always asks for offline access and shows the consent page, because Zoho
// gives a refresh token on no other terms. Each consent makes a new one, and
// the 21st pushes out the first. The error is Misconfigured.
func (p *Provider) Authorize(opt AuthorizeOptions) (Authorization, error) {
	a := Authorization{
		State:       cmp.Or(opt.State, wire.RandomText()),
		RedirectURL: cmp.Or(opt.RedirectURL, p.cfg.RedirectURL),
		Scopes:      p.scopes(opt.Scopes),
		UserName:    opt.UserName,
	}
	if err := a.validate(); err != nil {
		return Authorization{}, err
	}
	q := url.Values{
		"response_type": {"code"},
		"client_id":     {p.cfg.ClientID},
		"scope":         {strings.Join(a.Scopes, ",")},
		"redirect_uri":  {a.RedirectURL},
		"access_type":   {"offline"},
		"prompt":        {"consent"},
		"state":         {a.State},
	}
	if opt.PKCE {
		verifier := wire.RandomText()
		a.Verifier = tokenkeep.NewSecret(verifier)
		wire.SetChallenge(q, verifier)
	}
	a.URL = p.dc.Accounts + pathAuth + "?" + q.Encode()
	return a, nil
}

// scopes returns those of a login, or the configured ones.
func (p *Provider) scopes(own []string) []string {
	if list := splitScopes(own...); len(list) > 0 {
		return list
	}
	return splitScopes(p.cfg.Scopes...)
}

func (a Authorization) validate() error {
	const op = "authorize"
	switch {
	case a.RedirectURL == "":
		return misconfigured(op, "there is no redirect URL", "give the one that is registered in the API console")
	case len(a.Scopes) == 0:
		return misconfigured(op, "there are no scopes to ask for", "give some, such as ZohoCRM.modules.ALL")
	case !isBase64URL(a.State):
		return misconfigured(op, "the state has other characters than letters, digits, - and _", "Zoho's page fails on some of them, such as |; leave the state empty to get a random one")
	}
	return validRedirect(a.RedirectURL)
}

func isBase64URL(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
