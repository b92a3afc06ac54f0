package zohotest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// minted is what a grant gave, ready to be answered.
type minted struct {
	holder
	access  string
	refresh string // empty: none in the answer
	expires time.Time
}

// token serves POST /oauth/v2/token (Zoho Accounts docs, Access token and
// Refresh). Parameters may be in the query, a form or a multipart body.
func (f *Fake) token(c *call) answer {
	if f.opts.Profile != nil {
		return f.plainToken(c)
	}
	if c.method != http.MethodPost {
		return c.serverError()
	}
	if c.media == "application/json" {
		return c.oauthError("invalid_client") // Zoho Books docs, OAuth
	}
	if c.grant == "" {
		return c.serverError()
	}
	m, code := f.grantTokens(c)
	switch code {
	case "":
		return f.tokenAnswer(m)
	case throttleCode:
		return f.throttled(c)
	}
	return c.oauthError(code)
}

// grantTokens checks the client and commits the grant, all under one lock.
func (f *Fake) grantTokens(c *call) (minted, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, code := f.authenticate(c)
	if code == "" {
		return f.grantFor(c, cl)
	}
	f.countFailure(c)
	return minted{}, code
}

func (f *Fake) grantFor(c *call, cl Client) (minted, string) {
	switch c.grant {
	case "authorization_code":
		return f.redeem(c, cl)
	case "refresh_token":
		return f.refresh(c, cl)
	case "client_credentials":
		return f.clientCredentials(c, cl)
	}
	return minted{}, "invalid_client"
}

// authenticate finds the client of a call and checks its secret.
func (f *Fake) authenticate(c *call) (Client, string) {
	id, secret := f.credentials(c)
	cl, ok := f.book.clients[id]
	if !ok || !cl.enabledIn(c.dc) {
		return Client{}, "invalid_client"
	}
	if secret == "" && f.mayOmitSecret(c, cl) {
		return cl, ""
	}
	if !sameSecret(secret, cl.secretIn(c.dc)) {
		return Client{}, "invalid_client_secret"
	}
	return cl, ""
}

// mayOmitSecret lets a mobile or desktop client exchange a code without its
// secret when the code has a challenge, which redeem checks (assumed).
func (f *Fake) mayOmitSecret(c *call, cl Client) bool {
	code := f.book.codes[c.param("code")]
	return cl.Type == ClientMobile && c.grant == "authorization_code" &&
		code != nil && code.challenge != "" && !f.opts.IgnorePKCE
}

func (f *Fake) credentials(c *call) (id, secret string) {
	if user, password, ok := basicAuth(c.header); ok && f.opts.AcceptBasicAuth {
		return user, password
	}
	return c.param("client_id"), c.param("client_secret")
}

func basicAuth(h http.Header) (user, password string, ok bool) {
	return (&http.Request{Header: h}).BasicAuth()
}

// sameSecret compares in constant time, whatever the lengths.
func sameSecret(x, y string) bool {
	a, b := sha256.Sum256([]byte(x)), sha256.Sum256([]byte(y))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// countFailure lets a failed refresh use up a slot, if Options says so.
func (f *Fake) countFailure(c *call) {
	if r := f.book.refresh[c.secret]; r != nil && c.isRefresh() && f.opts.FailedTriesCount {
		r.slots.take(f.now(), f.book.refreshRule())
	}
}

// tokenBody is a successful answer (Zoho Accounts docs; scope is observed).
type tokenBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	APIDomain    string `json:"api_domain"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	ExpiresInSec int64  `json:"expires_in_sec,omitempty"`
}

func (f *Fake) tokenAnswer(m minted) answer {
	body := tokenBody{
		AccessToken: m.access, RefreshToken: m.refresh, Scope: strings.Join(m.scopes, " "),
		APIDomain: f.answeredDomain(m.holder), TokenType: "Bearer",
		ExpiresIn: int64(f.opts.Limits.AccessTokenLife / time.Second),
	}
	if f.opts.NoScope {
		body.Scope = ""
	}
	if f.opts.LegacyExpiry {
		body.ExpiresInSec, body.ExpiresIn = body.ExpiresIn, body.ExpiresIn*1000
	}
	return jsonAnswer(http.StatusOK, body)
}

// answeredDomain is the api_domain of a holder's tokens.
func (f *Fake) answeredDomain(h holder) string {
	if f.opts.SandboxAnswersProduction {
		return f.APIDomain(h.dc)
	}
	return f.EnvAPIDomain(h.dc, h.env)
}
