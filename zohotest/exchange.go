package zohotest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// redeem exchanges a code.
func (f *Fake) redeem(c *call, cl Client) (minted, string) {
	code, failure := f.findCode(c, cl)
	if failure != "" {
		return minted{}, failure
	}
	code.used = true
	if !f.opts.IgnorePKCE && !verifies(c.param("code_verifier"), code.challenge, code.method) {
		return minted{}, "invalid_code"
	}
	f.tally.Exchanges++
	return f.firstTokens(code.holder, code.wantsRefresh), ""
}

// findCode finds a code that this call may use: unused, unexpired, of this
// client and data centre, and asked for with the same redirect URI.
func (f *Fake) findCode(c *call, cl Client) (*grantCode, string) {
	code := f.book.codes[c.param("code")]
	if code == nil || code.client != cl.ID {
		return nil, "invalid_code"
	}
	if code.used {
		f.tally.CodesRepresented++
		return nil, "invalid_code"
	}
	if code.dc != c.dc {
		return nil, f.opts.WrongDC
	}
	if !f.now().Before(code.expires) {
		return nil, "invalid_code"
	}
	if !code.self && c.param("redirect_uri") != code.redirect {
		return nil, "invalid_redirect_uri"
	}
	return code, ""
}

// verifies checks PKCE (RFC 7636); the method's default is plain.
func verifies(verifier, challenge, method string) bool {
	if challenge == "" {
		return true
	}
	if method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return sameSecret(verifier, strings.TrimRight(challenge, "="))
}

// firstTokens mints the tokens of a new grant.
func (f *Fake) firstTokens(h holder, withRefresh bool) minted {
	m := minted{holder: h}
	now := f.now()
	var parent *refreshToken
	if withRefresh {
		r, dropped := f.book.mintRefresh(h, now)
		f.tally.Superseded += dropped
		if f.opts.ExchangesCount {
			r.slots.add(now)
		}
		parent, m.refresh = r, r.token
	}
	a, evicted := f.book.mintAccess(h, parent, now)
	f.tally.Evictions += evicted
	m.access, m.expires = a.token, a.expires
	return m
}

// clientCredentials serves self clients (Zoho Accounts docs, Client credentials
// flow). What an unknown organisation answers is assumed.
func (f *Fake) clientCredentials(c *call, cl Client) (minted, string) {
	if cl.Type != ClientSelf {
		return minted{}, "invalid_client"
	}
	scopes := splitScopes(c.param("scope"))
	if len(scopes) == 0 || !f.knowsScopes(scopes) {
		return minted{}, "invalid_scope"
	}
	if c.param("soid") == "" {
		return minted{}, "missing_org_info"
	}
	u, ok := f.book.memberOf(c.dc, c.param("soid"))
	if !ok {
		return minted{}, "invalid_org_info"
	}
	return f.firstTokens(holderOf(cl, u, GrantOptions{Scopes: scopes}), false), ""
}

// memberOf finds a user of the organisation that soid names: ZohoCRM.<zgid>.
func (b *book) memberOf(dc, soid string) (User, bool) {
	for _, key := range sortedKeys(b.users) {
		if u := b.users[key]; u.DC == dc && "ZohoCRM."+u.ZGID == soid {
			return u, true
		}
	}
	return User{}, false
}
