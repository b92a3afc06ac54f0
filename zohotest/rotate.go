package zohotest

import "time"

// A family is the refresh tokens of one login that came out of each other, oldest
// first.
type family struct{ members []*refreshToken }

// kin is the refresh tokens of r's login.
func (r *refreshToken) kin() []*refreshToken {
	if r.family == nil {
		return []*refreshToken{r}
	}
	return r.family.members
}

// killFamily ends a login: all its refresh tokens and their access tokens.
func (r *refreshToken) killFamily(reason string) {
	for _, m := range r.kin() {
		m.kill(reason)
	}
}

// plainRefresh mints an access token in the way of the profile.
func (f *Fake) plainRefresh(c *call, cl Client) (minted, string) {
	r := f.book.refresh[c.param("refresh_token")]
	if r == nil || r.client != cl.ID || r.dc != c.dc {
		return minted{}, "invalid_grant"
	}
	if code := f.reused(c, r); code != "" {
		return minted{}, code
	}
	if !r.slots.take(f.now(), f.book.refreshRule()) {
		f.tally.Throttles++
		r.counts.Throttles++
		return minted{}, throttleCode
	}
	if f.opts.Profile.SingleAccessToken {
		f.tally.Evictions += r.killAccess(f.now())
	}
	m := f.mintFrom(r)
	if f.opts.Profile.Rotation != RotateNever {
		m.refresh = f.succeed(r).token
	}
	return m, ""
}

// reused looks at a refresh token that is dead or spent. A spent one ends its
// family, unless it is within its grace.
func (f *Fake) reused(c *call, r *refreshToken) string {
	switch {
	case r.spent.IsZero() && r.dead == "":
		return ""
	case r.spent.IsZero():
	case f.inGrace(r):
		f.tally.GraceReplays++
		return ""
	default:
		f.tally.SpentRepresented++
		if r.dead == "" {
			r.killFamily("reuse")
			f.tally.FamiliesRevoked++
		}
	}
	c.spent = true
	return "invalid_grant"
}

// inGrace says whether a used refresh token still works.
func (f *Fake) inGrace(r *refreshToken) bool {
	p := f.opts.Profile
	return r.dead == "" && p != nil && p.Rotation == RotateGrace && f.now().Sub(r.spent) < p.Grace
}

// succeed spends r and makes its successor.
func (f *Fake) succeed(r *refreshToken) *refreshToken {
	if r.family == nil {
		r.family = &family{members: []*refreshToken{r}}
	}
	if r.spent.IsZero() {
		r.spent = f.now()
	}
	f.book.serial++
	next := &refreshToken{
		holder: r.holder, token: newToken(), created: f.now(), serial: f.book.serial, family: r.family, parent: r,
	}
	r.family.members = append(r.family.members, next)
	f.book.refresh[next.token] = next
	return next
}

// killAccess kills the live access tokens of r's login and says how many.
func (r *refreshToken) killAccess(now time.Time) int {
	n := 0
	for _, m := range r.kin() {
		n += m.evict(now, 0)
	}
	return n
}

// Successors are the refresh tokens that came out of one, oldest first, at a profile
// that rotates.
func (f *Fake) Successors(token string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.book.refresh[token]
	if r == nil {
		return nil
	}
	var list []string
	for _, m := range r.kin() {
		if m.parent == r {
			list = append(list, m.token)
		}
	}
	return list
}
