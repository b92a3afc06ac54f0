package zoho

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// Revoke ends t's refresh token and its access tokens, or the access token when
// there is nothing else. A token that Zoho no longer knows is revoked already:
// no error.
//
// It uses the form of the Zoho CRM v8 docs and Zoho's SDKs, /oauth/v2/token/revoke,
// with the token in the body, and where that does not exist the newer one,
// /oauth/v2/revoke/token (Zoho developer docs, Revoke OAuth token).
func (p *Provider) Revoke(ctx context.Context, t *tokenkeep.Token) error {
	const op = "revoke"
	token, kind := t.RefreshToken, "refresh_token"
	if token.IsZero() {
		token, kind = t.AccessToken, "access_token"
	}
	if token.IsZero() {
		return nil
	}
	d, err := p.home(t)
	if err != nil {
		return err
	}
	form := url.Values{"token": {token.Reveal()}}
	r, sendErr := p.post(ctx, call{op: op, url: d.Accounts + pathRevoke, form: form, scrub: p.scrubber(t)})
	if sendErr != nil {
		return sendErr
	}
	if hasEndpoint(r) {
		return revoked(&question{op: op, grant: grantRefresh, dc: d}, r)
	}
	form.Set("token_type", kind)
	return p.revokeNew(ctx, d, t, form)
}

// hasEndpoint reports whether r is an answer to the request, and not one to an
// unknown path.
func hasEndpoint(r *wire.Reply) bool {
	_, isJSON := wire.ParseObject(r.Body)
	return r.Status >= http.StatusInternalServerError || (isJSON && r.Status != http.StatusNotFound)
}

// revokeNew uses the newer form, which wants the client's credentials.
func (p *Provider) revokeNew(ctx context.Context, d DataCentre, t *tokenkeep.Token, form url.Values) error {
	const op = "revoke"
	who, err := p.identity(op, d, t)
	if err != nil {
		return err
	}
	q := &question{op: op, grant: grantRefresh, dc: d, who: who}
	for i, secret := range who.secrets {
		basic := tokenkeep.NewSecret(url.QueryEscape(who.id) + ":" + url.QueryEscape(secret.Reveal()))
		scrub := p.scrubber(t, basic)
		r, sendErr := p.post(ctx, call{op: op, url: d.Accounts + pathRevokeNew, form: form, basic: basic, scrub: scrub})
		if sendErr != nil {
			return sendErr
		}
		if a, _ := parseTokenAnswer(r.Body); a.code != codeInvalidSecret || i == len(who.secrets)-1 {
			return revoked(q, r)
		}
	}
	return nil
}

// revoked returns nil when the token is dead. That an answer came is not
// enough: somebody has to know that it is.
func revoked(q *question, r *wire.Reply) error {
	a, isJSON := parseTokenAnswer(r.Body)
	final := r.Status == http.StatusBadRequest || r.Status/100 == 2
	switch {
	case !isJSON || !final:
		return q.revokeFailed(r)
	case a.status == "success":
		return nil
	case a.throttled():
		return q.throttled(r, a)
	case a.code == codeInvalidCode || a.code == codeInvalidGrant || a.code == "invalid_token":
		return nil
	}
	if err := q.known(r, a); err != nil {
		return err
	}
	if r.Status == http.StatusBadRequest && a.code != "general_error" {
		return nil // Zoho Accounts docs, Revoke: 400 for an invalid token
	}
	return q.revokeFailed(r)
}

func (q *question) revokeFailed(r *wire.Reply) error {
	e := q.transient(r, fmt.Sprintf("%s did not confirm that the token is revoked (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	e.Hint = "try again; or end the access by hand: Zoho account, Connected apps"
	return e
}
