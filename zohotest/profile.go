package zohotest

import (
	"cmp"
	"net/http"
	"net/url"
	"time"
)

// Rotation is what an authorization server does with a refresh token that was used.
type Rotation string

// The rotations.
const (
	// RotateNever keeps the refresh token, as Google does.
	RotateNever Rotation = "none"
	// RotateGrace gives a new one with every refresh. The old one works on for
	// Profile.Grace after its first use, and each of its uses gives another
	// successor, all of which work (Auth0's leeway, Ory Hydra's grace period). After
	// that it is reuse, as for RotateStrict.
	RotateGrace Rotation = "grace"
	// RotateStrict gives a new one with every refresh and takes each only once. One
	// that comes again is taken for theft: all tokens of that login die (RFC 9700,
	// 4.14.2; Okta, Auth0 without leeway).
	RotateStrict Rotation = "rotating"
)

// A Profile makes the fake a plain OAuth 2.0 server in place of Zoho's: the paths
// are the same, and so are users, clients, faults and the CRM behind it.
//
//   - Errors are those of RFC 6749, section 5.2: HTTP 400, or 401 for a client that
//     did not authenticate, and JSON.
//   - The client authenticates by a Basic header or in the form. One of type
//     [ClientMobile] is public and needs no secret.
//   - Answers have no api_domain. Every login gives a refresh token, any scope is
//     known, and the API takes Bearer.
//   - Revocation is RFC 7009's: HTTP 200, also for unknown tokens. It ends all tokens
//     of that login.
//   - There are no quotas, unless Options.Limits sets some.
type Profile struct {
	// Rotation defaults to RotateNever.
	Rotation Rotation `json:"rotation,omitempty"`
	// Grace is for RotateGrace. Defaults to 30 seconds.
	Grace time.Duration `json:"grace,omitzero"`
	// SingleAccessToken lets each new access token of a login kill the one before.
	SingleAccessToken bool `json:"single_access_token,omitempty"`
}

// defaultGrace is within what providers let one choose (Okta: 0 to 60 s).
const defaultGrace = 30 * time.Second

// adjust sets the defaults that a profile has in place of Zoho's.
func (o *Options) adjust() {
	if o.Profile == nil {
		return
	}
	p := *o.Profile
	p.Rotation, p.Grace = cmp.Or(p.Rotation, RotateNever), cmp.Or(p.Grace, defaultGrace)
	o.Profile = &p
	o.AcceptBearer = true
	for _, n := range []*int{
		&o.Limits.CodesPerWindow, &o.Limits.RefreshesPerWindow, &o.Limits.LiveAccessTokens, &o.Limits.RefreshTokens,
	} {
		*n = cmp.Or(*n, -1)
	}
}

// plainToken serves the token endpoint of a profile (RFC 6749, sections 4.1.3
// and 6).
func (f *Fake) plainToken(c *call) answer {
	if c.method != http.MethodPost || c.media != "application/x-www-form-urlencoded" || c.grant == "" {
		return c.plainError("invalid_request")
	}
	m, code := f.plainGrant(c)
	switch code {
	case "":
		return f.plainAnswer(m)
	case throttleCode:
		return f.throttled(c)
	}
	return c.plainError(code)
}

// plainThrottle is the throttle of RFC 6585.
func (c *call) plainThrottle() answer {
	c.outcome = "throttled"
	a := jsonAnswer(http.StatusTooManyRequests, map[string]string{"error": "slow_down"})
	a.header.Set("Retry-After", "60")
	return a
}

// plainGrant checks the client and commits the grant, all under one lock.
func (f *Fake) plainGrant(c *call) (minted, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, ok := f.plainClient(c)
	if !ok {
		return minted{}, "invalid_client"
	}
	switch c.grant {
	case "authorization_code":
		m, code := f.redeem(c, cl)
		return m, plainCode(code)
	case "refresh_token":
		return f.plainRefresh(c, cl)
	}
	return minted{}, "unsupported_grant_type"
}

// plainClient authenticates a client (RFC 6749, section 2.3).
func (f *Fake) plainClient(c *call) (Client, bool) {
	id, secret, basic := basicAuth(c.header)
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = c.param("client_id"), c.param("client_secret")
	}
	cl, ok := f.book.clients[id]
	if !ok || !cl.enabledIn(c.dc) {
		return Client{}, false
	}
	public := secret == "" && cl.Type == ClientMobile
	return cl, public || sameSecret(secret, cl.secretIn(c.dc))
}

// plainCode is RFC 6749's word for one of Zoho's.
func plainCode(code string) string {
	if code == "" {
		return ""
	}
	return "invalid_grant" // also for another redirect URI
}

// plainError is RFC 6749's form of an error.
func (c *call) plainError(code string) answer {
	c.outcome = code
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	a := jsonAnswer(status, map[string]string{"error": code, "error_description": "The request was refused."})
	if status == http.StatusUnauthorized && c.header.Get("Authorization") != "" {
		a.header.Set("WWW-Authenticate", `Basic realm="oauth"`)
	}
	a.header.Set("Cache-Control", "no-store")
	return a
}

// plainAnswer is a success (RFC 6749, section 5.1).
func (f *Fake) plainAnswer(m minted) answer {
	a := f.tokenAnswer(m)
	a = without(a, "api_domain")
	a.header.Set("Cache-Control", "no-store")
	return a
}

// plainRevoke is RFC 7009's: what is unknown is revoked already.
func (f *Fake) plainRevoke(c *call) answer {
	if c.method != http.MethodPost {
		return c.plainError("invalid_request")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, ok := f.plainClient(c)
	if !ok {
		return c.plainError("invalid_client")
	}
	f.plainRevokeToken(c, cl)
	return emptyAnswer(http.StatusOK)
}

func (f *Fake) plainRevokeToken(c *call, cl Client) {
	r := f.book.refresh[c.secret]
	if a := f.book.access[c.secret]; a != nil && a.client == cl.ID && a.goodAt(f.now()) {
		a.dead = "revoked"
		f.tally.Revokes++
	}
	if r != nil && r.client == cl.ID && r.dead == "" {
		r.killFamily("revoked")
		f.tally.Revokes++
	}
}
