package oauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// mostLife caps what an answer says of an access token's life.
const mostLife = 10 * 365 * 24 * time.Hour

// Exchange redeems g's code, or checks its refresh token by a refresh, with one
// request, and returns the token with everything that a row needs to be refreshed.
//
// An access token that ends and that nobody can renew is no login: that is a
// Misconfigured error. So is a token that is no bearer token.
func (p *Provider) Exchange(ctx context.Context, g *tokenkeep.Grant) (*tokenkeep.Token, error) {
	const op = "exchange"
	if g.Code.IsZero() == g.RefreshToken.IsZero() {
		return nil, misconfigured(op, "the grant needs either a code or a refresh token", startAgain)
	}
	if g.AccountsServer != "" && g.AccountsServer != p.server {
		return nil, misconfigured(op, fmt.Sprintf("the grant is of the server %q, and this is %s", clip(g.AccountsServer), p.server), "nothing was sent; "+startAgain)
	}
	form := grantForm(g)
	a, err := p.ask(ctx, op, form, p.scrubber(nil, form))
	if err != nil {
		return nil, err
	}
	if kind := a.fields.Text("token_type"); kind != "" && !strings.EqualFold(kind, "bearer") {
		return nil, misconfigured(op, "the provider gives tokens of the type "+a.reply.Scrub.Excerpt([]byte(kind))+", and only bearer tokens can be used", "configure the client at the provider to get bearer tokens")
	}
	return p.login(a, g)
}

func grantForm(g *tokenkeep.Grant) url.Values {
	if !g.RefreshToken.IsZero() {
		return url.Values{"grant_type": {grantRefresh}, "refresh_token": {g.RefreshToken.Reveal()}}
	}
	form := url.Values{"grant_type": {grantCode}, "code": {g.Code.Reveal()}}
	if g.RedirectURL != "" {
		form.Set("redirect_uri", g.RedirectURL)
	}
	if !g.Verifier.IsZero() {
		form.Set("code_verifier", g.Verifier.Reveal())
	}
	return form
}

// login turns the answer to a login into a whole token.
func (p *Provider) login(a *answer, g *tokenkeep.Grant) (*tokenkeep.Token, error) {
	t := p.token(a)
	if t.RefreshToken.IsZero() {
		t.RefreshToken = g.RefreshToken
	}
	if t.RefreshToken.IsZero() && !t.Expiry.IsZero() {
		e := misconfigured("exchange", a.reply.Host+" gave an access token that ends and no refresh token; nothing was kept",
			"ask for offline access: the scope offline_access at many providers, AuthParams access_type=offline and prompt=consent at Google; "+startAgain)
		e.Code = "no_refresh_token"
		return nil, e
	}
	t.ClientID, t.AccountsServer = p.cfg.ClientID, p.server
	t.GrantToken, t.RedirectURL = g.Code, g.RedirectURL
	if len(t.Scopes) == 0 {
		t.Scopes = g.Scopes
	}
	return t, nil
}

// Refresh mints an access token with t.RefreshToken by one request. It returns what
// the answer carried: access token, expiry, and a new refresh token and scopes if
// they are there. A row of another client or authorization server is Misconfigured:
// nothing is sent.
func (p *Provider) Refresh(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	const op = "refresh"
	if t.RefreshToken.IsZero() {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: op, Reason: "the login has no refresh token", Hint: "log in again"}
	}
	if err := p.belongs(op, t); err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {grantRefresh}, "refresh_token": {t.RefreshToken.Reveal()}}
	a, err := p.ask(ctx, op, form, p.scrubber(t, form))
	if err != nil {
		return nil, err
	}
	return p.token(a), nil
}

// belongs returns an error unless t is a login of this client at this server.
func (p *Provider) belongs(op string, t *tokenkeep.Token) error {
	switch {
	case t.AccountsServer != "" && t.AccountsServer != p.server:
		return misconfigured(op, fmt.Sprintf("the login is one at %q, and this program asks %s", clip(t.AccountsServer), p.server), "nothing was sent; configure that server, or log in again")
	case t.ClientID != "" && t.ClientID != p.cfg.ClientID:
		return misconfigured(op, fmt.Sprintf("the login belongs to the client %q, and this program is %q", clip(t.ClientID), clip(p.cfg.ClientID)), "nothing was sent; run with that client's id and secret, or log in again")
	}
	return nil
}

// ask sends a form to the token endpoint, once, and classifies the answer.
func (p *Provider) ask(ctx context.Context, op string, form url.Values, scrub wire.Scrubber) (*answer, error) {
	r, err := p.post(ctx, op, p.cfg.Endpoint.TokenURL, form, scrub)
	if err != nil {
		return nil, err
	}
	return p.classify(op, form.Get("grant_type"), r)
}

// post sends a form with the client's credentials, in the one way that is
// configured.
func (p *Provider) post(ctx context.Context, op, to string, form url.Values, scrub wire.Scrubber) (*wire.Reply, *tokenkeep.Error) {
	form = maps.Clone(form)
	inHeader := !p.secret.IsZero() && p.cfg.Endpoint.AuthStyle != oauth2.AuthStyleInParams
	if !inHeader {
		form.Set("client_id", p.cfg.ClientID)
	}
	if !inHeader && !p.secret.IsZero() {
		form.Set("client_secret", p.secret.Reveal())
	}
	req, err := wire.Form(to, form)
	if err != nil {
		return nil, misconfigured(op, err.Error(), "")
	}
	if inHeader {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.credentials())))
	}
	r, failed := p.client.Do(ctx, req, p.opt.Timeout, scrub)
	if failed != nil {
		return nil, &tokenkeep.Error{
			Class: tokenkeep.RetryLater, Op: op, Reason: failed.Reason(), Unknown: failed.Sent, Err: failed.Err,
			Hint: "check the network, the proxy and the provider's status page; no stored login was changed",
		}
	}
	return r, nil
}

// credentials are those of a Basic header, each encoded as in a form (RFC 6749,
// 2.3.1).
func (p *Provider) credentials() string {
	return url.QueryEscape(p.cfg.ClientID) + ":" + url.QueryEscape(p.secret.Reveal())
}

// scrubber knows the secrets of one request about t, if any.
func (p *Provider) scrubber(t *tokenkeep.Token, form url.Values) wire.Scrubber {
	secrets := []string{p.secret.Reveal(), p.credentials()}
	for _, key := range []string{"code", "code_verifier", "refresh_token", "token"} {
		secrets = append(secrets, form.Get(key))
	}
	if t != nil {
		secrets = append(secrets, t.ClientSecret.Reveal(), t.RefreshToken.Reveal(), t.AccessToken.Reveal(), t.GrantToken.Reveal())
		for _, c := range t.Candidates {
			secrets = append(secrets, c.Reveal())
		}
	}
	return wire.NewScrubber(secrets...)
}

// token returns what the answer carried.
func (p *Provider) token(a *answer) *tokenkeep.Token {
	t := &tokenkeep.Token{
		AccessToken:  tokenkeep.NewSecret(a.access),
		RefreshToken: tokenkeep.NewSecret(a.refresh),
		Scopes:       strings.Fields(a.fields.Text("scope")),
	}
	life := lifeIn(a.fields)
	if life == 0 {
		life = p.opt.Life
	}
	if life == 0 {
		p.log.Warn("oauth: the answer does not say how long the access token lives; it is used until the API refuses it", slog.String("server", p.server))
		return t
	}
	t.Expiry = a.reply.Asked.Add(life)
	return t
}

// lifeIn returns how long the access token lives, or zero if the answer does not
// say so: there is no expires_in, or it is no positive number of seconds.
func lifeIn(o wire.Object) time.Duration {
	s := o.Seconds("expires_in")
	if s < 1 {
		return 0
	}
	return time.Duration(min(s, mostLife.Seconds()) * float64(time.Second))
}
