package tokenkeep

import "errors"

// A Cause is why a login is ended.
type Cause string

// The causes. Those of Reap are its criteria.
const (
	// CauseIdle: it was not used for Policy.IdleTimeout.
	CauseIdle Cause = "idle"
	// CauseLifetime: the user logged in longer ago than Policy.Lifetime.
	CauseLifetime Cause = "lifetime"
	// CauseDead: its refresh token is dead, and nobody logged in again.
	CauseDead Cause = "dead"
	// CauseInDoubt: its refresh token may be spent, and nobody logged in again.
	CauseInDoubt Cause = "in_doubt"
	// CauseExpired: it has an access token alone, which has expired.
	CauseExpired Cause = "expired"
	// CauseUnfinished: it has a code alone, which was never redeemed.
	CauseUnfinished Cause = "unfinished"
	// CauseRevoked: somebody asked for it with Revoke.
	CauseRevoked Cause = "revoked"
	// CauseTooMany: the user logged in more often than Policy.MaxLogins allows.
	CauseTooMany Cause = "too_many"
)

// reasonOf returns the reason of an *Error, or what err says.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.reason()
	}
	return err.Error()
}
