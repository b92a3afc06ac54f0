package tokenkeep

import (
	"context"

	"golang.org/x/oauth2"
)

// TokenSource returns the session as an [oauth2.TokenSource], for libraries that
// take one. Its Token method waits on ctx, because the interface has none of its
// own. The tokens hold no refresh token.
//
// Give it to such a library as it is. Do not wrap it in oauth2.NewClient or
// oauth2.ReuseTokenSource: those cache a token until ten seconds before its
// expiry, past a revocation or a newer token of another process, and send
// "Bearer" to any host. [Session.Client] does neither.
func (s *Session) TokenSource(ctx context.Context) oauth2.TokenSource {
	return tokenSource{ctx: ctx, session: s}
}

type tokenSource struct {
	ctx     context.Context //nolint:containedctx // oauth2.TokenSource has no ctx of its own
	session *Session
}

// Token implements [oauth2.TokenSource].
func (t tokenSource) Token() (*oauth2.Token, error) {
	tok, err := t.session.Token(t.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: tok.Reveal(), TokenType: tok.scheme(), Expiry: tok.Expiry}, nil
}
