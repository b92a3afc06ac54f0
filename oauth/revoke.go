package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// Revoke ends t's refresh token at the revocation endpoint (RFC 7009), or its access
// token when there is nothing else. What else that ends is the provider's choice. A
// token that the provider no longer knows is revoked already: no error. Without
// [Options].RevokeURL the error is Misconfigured.
func (p *Provider) Revoke(ctx context.Context, t *tokenkeep.Token) error {
	const op = "revoke"
	token, kind := t.RefreshToken, "refresh_token"
	if token.IsZero() {
		token, kind = t.AccessToken, "access_token"
	}
	if token.IsZero() {
		return nil
	}
	if p.opt.RevokeURL == "" {
		return misconfigured(op, "no revocation URL is configured, so the provider was not told", "end the access at the provider by hand, and delete the login here")
	}
	if err := p.belongs(op, t); err != nil {
		return err
	}
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {kind}}
	r, err := p.post(ctx, op, p.opt.RevokeURL, form, p.scrubber(t, form))
	if err != nil {
		return err
	}
	return p.revoked(op, r)
}

// revoked returns nil when the server says that the token is dead: HTTP 200 (RFC
// 7009, 2.2), or an error that says that it knows no such token.
func (p *Provider) revoked(op string, r *wire.Reply) error {
	o, _ := wire.ParseObject(r.Body)
	code := o.Text("error")
	switch {
	case r.Status/100 == 2 && code == "":
		return nil
	case r.Status < http.StatusInternalServerError && (code == "invalid_token" || code == "invalid_grant"):
		return nil
	case r.Status < http.StatusInternalServerError && code == "invalid_client":
		return p.known(op, op, r, code, o.Text("error_description"))
	}
	e := transient(op, op, r, fmt.Sprintf("%s did not confirm that the token is revoked (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	e.Hint = "try again; or end the access at the provider by hand"
	e.Code = r.Scrub.Excerpt([]byte(code))
	return e
}
