package oauth

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// startAgain ends the hints of failed logins.
const startAgain = "start the login again"

// AuthorizeOptions describe one login in a browser. The zero value is ready.
type AuthorizeOptions struct {
	// Scopes are what to ask for. Defaults to those of the configuration.
	Scopes []string
	// RedirectURL is the redirect URI. Defaults to that of the configuration.
	RedirectURL string
	// State comes back with the callback. Defaults to 32 random bytes. One of your
	// own must be hard to guess and bound to the user's browser.
	State string
	// UserName is the name to keep the login under.
	UserName string
}

// An Authorization is a login that has begun. Keep it, bound to the user's
// browser, until the callback; it serves once.
type Authorization struct {
	// URL is where to send the browser.
	URL string
	// State is what the callback must repeat.
	State string
	// Verifier is PKCE's secret half.
	Verifier tokenkeep.Secret
	// RedirectURL, Scopes and UserName are those of the login.
	RedirectURL string
	Scopes      []string
	UserName    string
}

// Authorize begins a login in a browser, with PKCE. It makes no request. The error
// is Misconfigured.
func (p *Provider) Authorize(opt AuthorizeOptions) (Authorization, error) {
	const op = "authorize"
	a := Authorization{
		State:       cmp.Or(opt.State, wire.RandomText()),
		Verifier:    tokenkeep.NewSecret(wire.RandomText()),
		RedirectURL: cmp.Or(opt.RedirectURL, p.cfg.RedirectURL),
		Scopes:      opt.Scopes,
		UserName:    opt.UserName,
	}
	if len(a.Scopes) == 0 {
		a.Scopes = p.cfg.Scopes
	}
	u, err := safeURL(p.cfg.Endpoint.AuthURL)
	if err != nil {
		return Authorization{}, misconfigured(op, "there is no authorize URL", "set Endpoint.AuthURL")
	}
	q := u.Query()
	maps.Copy(q, p.opt.AuthParams)
	p.setParams(q, a)
	u.RawQuery = q.Encode()
	a.URL = u.String()
	return a, nil
}

// setParams sets the parameters of RFC 6749, 4.1.1, and RFC 7636.
func (p *Provider) setParams(q url.Values, a Authorization) {
	q.Set("response_type", "code")
	q.Set("client_id", p.cfg.ClientID)
	q.Set("state", a.State)
	if a.RedirectURL != "" {
		q.Set("redirect_uri", a.RedirectURL)
	}
	if len(a.Scopes) > 0 {
		q.Set("scope", strings.Join(a.Scopes, " "))
	}
	wire.SetChallenge(q, a.Verifier.Reveal())
}

// Callback turns what the browser came back with into a grant. callback is the
// whole URL, or its query with or without the question mark; blanks around it do
// not matter. It makes no request, and checks that no parameter is there twice, the
// state in constant time, and whether the provider refused. Each failure is
// NeedsLogin.
func (p *Provider) Callback(a Authorization, callback string) (*tokenkeep.Grant, error) {
	q, err := wire.CallbackQuery(callback, "code", "state", "error")
	if err != nil {
		return nil, failedLogin("", err.Error(), "copy the whole address of the page that the browser ended on, or "+startAgain)
	}
	if !wire.SameState(a.State, q.Get("state")) {
		return nil, failedLogin("state_mismatch", "the state is not the one that this login began with: it belongs to another login, or was forged", startAgain)
	}
	if code := q.Get("error"); code != "" {
		code = wire.Scrubber{}.Excerpt([]byte(code))
		return nil, failedLogin(code, fmt.Sprintf("the provider refused the login (%s)", code), startAgain+", and accept")
	}
	code := q.Get("code")
	if code == "" || !wire.WellFormed(code) {
		return nil, failedLogin("", "the callback has no usable code", startAgain)
	}
	return &tokenkeep.Grant{
		Code: tokenkeep.NewSecret(code), Verifier: a.Verifier, RedirectURL: a.RedirectURL,
		AccountsServer: p.server, UserName: a.UserName, Scopes: a.Scopes,
	}, nil
}

func failedLogin(code, reason, hint string) error {
	return &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: "callback", Code: code, Reason: reason, Hint: hint}
}
