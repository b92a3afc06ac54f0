package zohotest

import (
	"net/http"
	"strings"
)

// throttleCode marks the throttle among error codes.
const throttleCode = "Access Denied"

// refresh mints an access token from a refresh token. Zoho does not rotate
// refresh tokens, and the older access tokens stay good (Zoho Accounts docs,
// Refresh).
func (f *Fake) refresh(c *call, cl Client) (minted, string) {
	r := f.book.refresh[c.param("refresh_token")]
	if r == nil || r.dead != "" {
		c.spent = true
		return minted{}, "invalid_code"
	}
	if r.client != cl.ID {
		return minted{}, "invalid_code"
	}
	if r.dc != c.dc {
		return minted{}, f.opts.WrongDC
	}
	if !r.slots.take(f.now(), f.book.refreshRule()) {
		f.tally.Throttles++
		r.counts.Throttles++
		return minted{}, throttleCode
	}
	return f.mintFrom(r), ""
}

func (f *Fake) mintFrom(r *refreshToken) minted {
	a, evicted := f.book.mintAccess(r.holder, r, f.now())
	f.tally.Mints++
	f.tally.Evictions += evicted
	r.counts.Mints++
	return minted{holder: r.holder, access: a.token, expires: a.expires}
}

// throttled is the answer to too many refreshes (observed: HTTP 400, and the
// text is in the caller's language).
func (f *Fake) throttled(c *call) answer {
	if f.opts.Profile != nil {
		return c.plainThrottle()
	}
	c.outcome = "throttled"
	body := map[string]string{
		"error_description": "You have made too many requests continuously. Please try again after some time.",
		"error":             throttleCode,
		"status":            "failure",
	}
	if strings.HasPrefix(strings.ToLower(c.header.Get("Accept-Language")), "zh") {
		body["error_description"] = "您连续发出的请求过多。请稍后重试。"
		body["error"] = "拒绝访问"
	}
	return jsonAnswer(f.opts.ThrottleStatus, body)
}

// revoke serves both forms: the old one of the CRM docs with the token alone,
// and the new one (Zoho Accounts docs, Revoke) whose client authenticates by a
// Basic header.
func (f *Fake) revoke(c *call) answer {
	if f.opts.Profile != nil {
		return f.plainRevoke(c)
	}
	if c.method != http.MethodPost {
		return c.serverError()
	}
	if c.path == "/oauth/v2/revoke/token" && !f.knowsBasic(c) {
		return c.oauthError("invalid_client")
	}
	if !f.revokeToken(c) {
		c.outcome = "invalid_token"
		return jsonAnswer(http.StatusBadRequest, map[string]string{"error": "invalid_token"})
	}
	return jsonAnswer(http.StatusOK, map[string]string{"status": "success"})
}

func (f *Fake) knowsBasic(c *call) bool {
	id, secret, ok := basicAuth(c.header)
	f.mu.Lock()
	defer f.mu.Unlock()
	cl, known := f.book.clients[id]
	return ok && known && cl.enabledIn(c.dc) && sameSecret(secret, cl.secretIn(c.dc))
}

// revokeToken ends a refresh token with its children, or one access token.
func (f *Fake) revokeToken(c *call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.book.refresh[c.secret]; r != nil && r.dead == "" && r.dc == c.dc {
		r.kill("revoked")
		f.tally.Revokes++
		return true
	}
	if a := f.book.access[c.secret]; a != nil && a.goodAt(f.now()) && a.dc == c.dc {
		a.dead = "revoked"
		f.tally.Revokes++
		return true
	}
	return false
}
