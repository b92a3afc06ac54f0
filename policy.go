package tokenkeep

import (
	"fmt"
	"time"
)

// A Policy limits how long logins last and how many a user may have. The zero
// Policy has no limits. Processes that share a store should have the same one: each
// looks at the row itself, so a login that is past a limit has ended in all of them,
// also while its access token is still good.
//
// Such a login needs a login: errors say "the session ended by policy". It stays
// stored, and alive at the provider, until [Keeper.Reap] revokes and deletes it.
//
// Limits never end a login early, but somewhat late, as ClockSkew and IdleTimeout
// say. An access token that was handed out before works until its own expiry.
type Policy struct {
	// IdleTimeout ends a login that was not used for this long. A use is a refresh or
	// a call of [Session.Token] and its like, also one that is answered from memory;
	// those are written down behind the callers' backs, at most once in an eighth of
	// IdleTimeout, and a login ends by that much later. A login that cannot be used
	// because the client is misconfigured is not idle. Zero: no limit.
	IdleTimeout time.Duration
	// Lifetime ends a login this long after the user logged in, however much it is
	// used. Zero: no limit.
	Lifetime time.Duration
	// MaxLogins is how many logins a user of one client may have at a time: those of
	// all data centres, and of all organisations if names are "<email>:<zgid>". One
	// more ends the oldest: it is revoked at the provider, then deleted; of two at the
	// same moment, one stays. Each login reads the whole store for that, and only one
	// whose name is known when it is made is counted. Zero: no limit.
	MaxLogins int
	// RefuseLogins lets a login beyond MaxLogins fail with [ErrLoginLimit] instead; it
	// is revoked again.
	RefuseLogins bool
	// ClockSkew is how far the clocks of two machines may be apart: limits end a login
	// that much later. Default 20 minutes, for clocks that are wrong by up to 10 each;
	// negative means none.
	ClockSkew time.Duration
}

// defaultClockSkew is what two clocks differ by that are each wrong by ten minutes.
const defaultClockSkew = 20 * time.Minute

// shortestTouch is the least time between two writes of a login's last use.
const shortestTouch = time.Minute

// EndedByPolicy begins the reason of every error and event that tells of a login
// which a limit of the [Policy] ended.
const EndedByPolicy = "the session ended by policy"

// EndsAt returns when t ends by p, if it is not used until then, and which limit
// ends it: [CauseIdle] or [CauseLifetime]. The zero time means never. A row that does
// not tell when it was used or made, because another program wrote it, has no end.
func (p Policy) EndsAt(t *Token) (time.Time, Cause) {
	idle, old := p.idleEnd(t), p.lifeEnd(t)
	if idle.IsZero() || !old.IsZero() && old.Before(idle) {
		return old, causeOr(old, CauseLifetime)
	}
	return idle, CauseIdle
}

func causeOr(at time.Time, c Cause) Cause {
	if at.IsZero() {
		return ""
	}
	return c
}

// Check returns a NeedsLogin error when t is past a limit of p at now, and else nil.
func (p Policy) Check(t *Token, now time.Time) error {
	end, cause := p.EndsAt(t)
	if end.IsZero() || now.Before(end) {
		return nil
	}
	return &Error{
		Class: NeedsLogin, Reason: p.reason(t, cause, now),
		Hint: "log in again: tokenkeep login " + t.UserName,
	}
}

// reason says in words why a limit ended t.
func (p Policy) reason(t *Token, cause Cause, now time.Time) string {
	if cause == CauseIdle {
		return EndedByPolicy + ": idle for " + spent(now.Sub(lastUse(t)), p.IdleTimeout)
	}
	return EndedByPolicy + ": logged in for " + spent(now.Sub(loginTime(t)), p.Lifetime)
}

// spent says how much of a limit is gone, in the unit of the limit: "31 days, 30
// allowed".
func spent(d, limit time.Duration) string {
	unit, name := time.Minute, "minutes"
	switch {
	case limit%(24*time.Hour) == 0:
		unit, name = 24*time.Hour, "days"
	case limit%time.Hour == 0:
		unit, name = time.Hour, "hours"
	}
	return fmt.Sprintf("%d %s, %d allowed", d/unit, name, limit/unit)
}

func (p Policy) skew() time.Duration {
	switch {
	case p.ClockSkew < 0:
		return 0
	case p.ClockSkew == 0:
		return defaultClockSkew
	}
	return p.ClockSkew
}

// touchEvery is how old the time of a login's last use in the row may be.
func (p Policy) touchEvery() time.Duration { return max(p.IdleTimeout/8, shortestTouch) }

func (p Policy) idleEnd(t *Token) time.Time {
	used := lastUse(t)
	if p.IdleTimeout <= 0 || used.IsZero() || t.State.Class == Misconfigured {
		return time.Time{}
	}
	return used.Add(p.IdleTimeout + p.touchEvery() + p.skew())
}

func (p Policy) lifeEnd(t *Token) time.Time {
	begin := loginTime(t)
	if p.Lifetime <= 0 || begin.IsZero() {
		return time.Time{}
	}
	return begin.Add(p.Lifetime + p.skew())
}

// touchDue reports whether a use at now has to be written down, when the row or the
// snapshot says that the last one was at used.
func (p Policy) touchDue(used, now time.Time) bool {
	return p.IdleTimeout > 0 && now.Sub(used) >= p.touchEvery()
}

// loginTime returns when t's user logged in, as far as the row tells.
func loginTime(t *Token) time.Time {
	if n := len(t.Logins); n > 0 {
		return t.Logins[n-1]
	}
	return t.CreatedAt
}

// lastUse returns when t was used last, as far as the row tells. One that fails for
// want of the provider is saved at each attempt to use it.
func lastUse(t *Token) time.Time {
	used := latest(t.UsedAt, loginTime(t))
	if c := t.State.Class; c == RetryLater || c == Throttled {
		used = latest(used, t.UpdatedAt)
	}
	return used
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
