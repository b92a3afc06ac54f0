package zoho

import (
	"context"
	"log/slog"
	"maps"
	"net/url"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// The paths of an accounts server.
const (
	pathAuth         = "/oauth/v2/auth"
	pathToken        = "/oauth/v2/token"
	pathRevoke       = "/oauth/v2/token/revoke"
	pathRevokeNew    = "/oauth/v2/revoke/token"
	pathUserInfo     = "/oauth/user/info"
	pathDeviceCode   = "/oauth/v3/device/code"
	pathDeviceToken  = "/oauth/v3/device/token"
	grantCode        = "authorization_code"
	grantRefresh     = "refresh_token"
	grantDevice      = "device_token"
	grantDeviceStart = "device_request"
)

// A question is a request for tokens to one data centre.
type question struct {
	op       string
	grant    string // grant_type
	path     string
	dc       DataCentre
	who      identity
	redirect string           // for messages
	row      *tokenkeep.Token // that the question is about; nil for a login
	form     url.Values
}

// granted is a success: the answer, and what it was asked with.
type granted struct {
	tokenAnswer
	reply  *wire.Reply
	secret tokenkeep.Secret
}

// ask puts the question with one client secret after the other, until one is not
// refused. Only invalid_client_secret leads to the next: it mints nothing.
func (p *Provider) ask(ctx context.Context, q *question) (*granted, error) {
	var g *granted
	var err *tokenkeep.Error
	for i, secret := range q.who.secrets {
		g, err = p.askOnce(ctx, q, secret)
		if err == nil {
			p.secretWorked(q, secret, i)
			return g, nil
		}
		if err.Code != codeInvalidSecret {
			break
		}
	}
	return g, err
}

// secretWorked remembers a secret of the configured client.
func (p *Provider) secretWorked(q *question, secret tokenkeep.Secret, refusedBefore int) {
	if refusedBefore > 0 {
		p.log.Warn("zoho: a client secret was refused, a later one works; take the old one out of the configuration",
			slog.String("data_centre", q.dc.Code), slog.Int("refused", refusedBefore))
	}
	if q.who.id == p.cfg.ClientID {
		p.worked.store(q.dc, secret)
	}
}

// askOnce sends one request. Beside an error, granted holds what could be read
// of the answer, or is nil.
func (p *Provider) askOnce(ctx context.Context, q *question, secret tokenkeep.Secret) (*granted, *tokenkeep.Error) {
	form := maps.Clone(q.form)
	form.Set("grant_type", q.grant)
	form.Set("client_id", q.who.id)
	form.Set("client_secret", secret.Reveal())
	r, err := p.post(ctx, call{op: q.op, url: q.dc.Accounts + q.path, form: form, scrub: p.scrubber(q.row, secretsIn(form)...)})
	if err != nil {
		return nil, err
	}
	a, err := q.classify(r)
	return &granted{tokenAnswer: a, reply: r, secret: secret}, err
}

// secretsIn returns the values of a form that must not be seen.
func secretsIn(form url.Values) []tokenkeep.Secret {
	var secrets []tokenkeep.Secret
	for _, key := range []string{"client_secret", "code", "code_verifier", "refresh_token", "token"} {
		secrets = append(secrets, tokenkeep.NewSecret(form.Get(key)))
	}
	return secrets
}

// Exchange redeems g, or checks its refresh token by a refresh, and returns the
// token with everything that a row needs to be refreshed. It sends nothing to an
// accounts server that is not trusted.
//
// Zoho leaves the refresh token out when the user consented before and the
// consent page was not shown again (Zoho Accounts docs, Access token). An access
// token that nobody can renew is no login: that is a Misconfigured error.
func (p *Provider) Exchange(ctx context.Context, g *tokenkeep.Grant) (*tokenkeep.Token, error) {
	const op = "exchange"
	if g.Code.IsZero() == g.RefreshToken.IsZero() {
		return nil, misconfigured(op, "the grant needs either a code or a refresh token", startAgain)
	}
	q := &question{op: op, grant: grantCode, path: pathToken, redirect: g.RedirectURL, form: url.Values{}}
	var err error
	if q.dc, err = p.locate(g.AccountsServer, g.Location, ""); err != nil {
		return nil, err
	}
	if q.who, err = p.identity(op, q.dc, nil); err != nil {
		return nil, err
	}
	q.fill(g)
	got, err := p.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return p.login(q, got, g)
}

// fill sets the fields of the form that g stands for.
func (q *question) fill(g *tokenkeep.Grant) {
	if !g.RefreshToken.IsZero() {
		q.grant = grantRefresh
		q.form.Set("refresh_token", g.RefreshToken.Reveal())
		return
	}
	q.form.Set("code", g.Code.Reveal())
	if g.RedirectURL != "" {
		q.form.Set("redirect_uri", g.RedirectURL)
	}
	if !g.Verifier.IsZero() {
		q.form.Set("code_verifier", g.Verifier.Reveal())
	}
}

// login turns the answer to a login into a whole token.
func (p *Provider) login(q *question, got *granted, g *tokenkeep.Grant) (*tokenkeep.Token, error) {
	t := p.token(q, got)
	if t.RefreshToken.IsZero() {
		t.RefreshToken = g.RefreshToken
	}
	if t.RefreshToken.IsZero() {
		return nil, noRefreshToken(q, got)
	}
	t.ClientID, t.AccountsServer, t.DataCentre = q.who.id, q.dc.Accounts, q.dc.Code
	t.GrantToken, t.RedirectURL = g.Code, g.RedirectURL
	if t.APIDomain == "" {
		t.APIDomain = q.dc.APIBase(p.cfg.Environment)
	}
	if len(t.Scopes) == 0 {
		t.Scopes = splitScopes(g.Scopes...)
	}
	return t, nil
}

func noRefreshToken(q *question, got *granted) error {
	e := misconfigured(q.op, got.reply.Host+" gave an access token without a refresh token, so the login would end within the hour; nothing was kept",
		"Zoho gives a refresh token at the first consent only, unless the authorize URL has access_type=offline and prompt=consent; "+startAgain)
	e.Code = codeNoRefreshToken
	return e
}

// token returns what the answer carried.
func (p *Provider) token(q *question, got *granted) *tokenkeep.Token {
	if got.lifeGuessed {
		p.log.Warn("zoho: the answer does not say how long the access token lives; one hour is assumed", slog.String("accounts_server", q.dc.Accounts))
	}
	t := &tokenkeep.Token{
		AccessToken:  tokenkeep.NewSecret(got.access),
		RefreshToken: tokenkeep.NewSecret(got.refresh),
		Expiry:       got.reply.Asked.Add(got.life),
		APIDomain:    p.answeredDomain(q, got),
		Scopes:       got.scopes,
	}
	if p.cfg.SaveClientSecret {
		t.ClientSecret = got.secret
	}
	return t
}

// answeredDomain returns the API domain of an answer as it is to be stored. One
// of another data centre, or of none that is known, is left out: the token would
// be refused there, or stolen.
func (p *Provider) answeredDomain(q *question, got *granted) string {
	domain := got.apiDomain
	if domain == "" {
		return ""
	}
	if err := p.belongs(q.dc, domain); err != nil {
		p.log.Warn("zoho: the answer names an API domain that does not belong to the data centre; it is not used",
			slog.String("api_domain", clip(got.reply.Scrub.Exact(domain))), slog.String("data_centre", q.dc.Code))
		return ""
	}
	return q.dc.apiDomain(domain, p.cfg.Environment)
}

// Refresh mints an access token with t.RefreshToken at the accounts server of
// t's data centre, by one request. It returns what the answer carried: access
// token, expiry, and API domain and scopes if they are there; with
// [Config].SaveClientSecret also the secret that worked.
func (p *Provider) Refresh(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	const op = "refresh"
	if t.RefreshToken.IsZero() {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: op, Reason: "the login has no refresh token", Hint: "log in again: tokenkeep login"}
	}
	q := &question{op: op, grant: grantRefresh, path: pathToken, redirect: t.RedirectURL, row: t, form: url.Values{}}
	var err error
	if q.dc, err = p.home(t); err != nil {
		return nil, err
	}
	if q.who, err = p.identity(op, q.dc, t); err != nil {
		return nil, err
	}
	q.form.Set("refresh_token", t.RefreshToken.Reveal())
	got, err := p.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return p.token(q, got), nil
}
