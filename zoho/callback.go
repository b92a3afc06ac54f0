package zoho

import (
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
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
	q, err := callbackQuery(callback)
	if err != nil {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: op, Reason: err.Error(), Hint: "copy the whole address of the page that the browser ended on, or " + startAgain}
	}
	denied := q.Has("error") && !q.Has("code")
	if stateless := denied && !q.Has("state"); !stateless && !sameState(a.State, q.Get("state")) {
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
	if code == "" || !wellFormed(code) {
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

// callbackQuery returns the parameters of a URL or a query. Its errors do not
// repeat any of it.
func callbackQuery(callback string) (url.Values, error) {
	s := strings.TrimSpace(callback)
	if len(s) > 16<<10 {
		return nil, fmt.Errorf("the callback is longer than 16 KiB")
	}
	s, _, _ = strings.Cut(s, "#")
	if _, query, found := strings.Cut(s, "?"); found {
		s = query
	}
	q, err := url.ParseQuery(strings.TrimRight(s, "&"))
	if err != nil {
		return nil, fmt.Errorf("the callback is not a URL or a query")
	}
	for _, key := range []string{"code", "state", "error", "location", "accounts-server"} {
		if len(q[key]) > 1 {
			return nil, fmt.Errorf("the callback has %q twice", key)
		}
	}
	return q, nil
}

// sameState compares in constant time. An empty state is never right.
func sameState(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

// refusal is the error for a callback that carries one.
func refusal(op, code string) error {
	if code == codeAccessDenied {
		return deniedError(op)
	}
	return &tokenkeep.Error{
		Class: tokenkeep.NeedsLogin, Op: op, Code: scrubber{}.excerpt([]byte(code)),
		Reason: fmt.Sprintf("Zoho refused the login (%s)", scrubber{}.excerpt([]byte(code))), Hint: startAgain,
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
