package zoho

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// Callback turns what the browser came back with into a grant. callback is the
// whole URL, or its query with or without the question mark; blanks around it do
// not matter. It makes no request, and checks, in this order:
//
//   - that no parameter is there twice,
//   - the state, in constant time (state_mismatch, NeedsLogin),
//   - whether the user said no (access_denied, NeedsLogin),
//   - that the accounts server is trusted (Misconfigured): it came through the
//     browser, and the client secret would go there.
//
// The answer of a user who said no may come without a state.
func (p *Provider) Callback(a Authorization, callback string) (*tokenkeep.Grant, error) {
	const op = "callback"
	q, err := wire.CallbackQuery(callback, "code", "state", "error", "location", "accounts-server")
	if err != nil {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: op, Reason: err.Error(), Hint: "copy the whole address of the page that the browser ended on, or " + startAgain}
	}
	denied := q.Has("error") && !q.Has("code")
	if stateless := denied && !q.Has("state"); !stateless && !wire.SameState(a.State, q.Get("state")) {
		return nil, &tokenkeep.Error{
			Class: tokenkeep.NeedsLogin, Op: op, Code: codeStateMismatch,
			Reason: "the state is not the one that this login began with: it belongs to another login, or was forged",
			Hint:   startAgain,
		}
	}
	if denied {
		return nil, refusal(op, q.Get("error"))
	}
	return p.callbackGrant(a, q)
}

// callbackGrant reads a callback whose state is right.
func (p *Provider) callbackGrant(a Authorization, q url.Values) (*tokenkeep.Grant, error) {
	const op = "callback"
	code := q.Get("code")
	if code == "" || !wire.WellFormed(code) {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: op, Reason: "the callback has no usable code", Hint: startAgain}
	}
	d, err := p.locate(q.Get("accounts-server"), q.Get("location"), "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return &tokenkeep.Grant{
		Code:           tokenkeep.NewSecret(code),
		RedirectURL:    a.RedirectURL,
		Verifier:       a.Verifier,
		AccountsServer: d.Accounts,
		Location:       d.Code,
		UserName:       a.UserName,
		Scopes:         a.Scopes,
	}, nil
}

// refusal is the error for a callback that carries one.
func refusal(op, code string) error {
	if code == codeAccessDenied {
		return deniedError(op)
	}
	return &tokenkeep.Error{
		Class: tokenkeep.NeedsLogin, Op: op, Code: wire.Scrubber{}.Excerpt([]byte(code)),
		Reason: fmt.Sprintf("Zoho refused the login (%s)", wire.Scrubber{}.Excerpt([]byte(code))), Hint: startAgain,
	}
}

// SelfClientGrant returns the grant for a code of a self client from the API
// console, without blanks around it. Such a code has no redirect URI and works
// for the time chosen there, at most 10 minutes. The user's data centre must be
// [Config].DataCentre.
func (p *Provider) SelfClientGrant(code string) *tokenkeep.Grant {
	return &tokenkeep.Grant{
		Code:           tokenkeep.NewSecret(strings.TrimSpace(code)),
		AccountsServer: p.dc.Accounts,
		Location:       p.dc.Code,
		Scopes:         p.scopes(nil),
	}
}
