package tokenkeep

import (
	"errors"
	"fmt"
)

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
	// CauseLeft: a run of Reap or Revoke had begun to end it, and was killed or could
	// not take that back.
	CauseLeft Cause = "left"
	// CauseTooMany: the user logged in more often than Policy.MaxLogins allows.
	CauseTooMany Cause = "too_many"
)

// What begins the reasons of the events [Revoked] and [Deleted] of what was ended,
// beside [EndedByPolicy].
const (
	// CleanedUp: [Keeper.Reap] found it of no use any more.
	CleanedUp = "cleaned up"
	// RevokedOnRequest: somebody called [Keeper.Revoke].
	RevokedOnRequest = "revoked on request"
)

// An Ending is what became of one login that Reap or Revoke ended or, in a dry run,
// what would. It holds no secret.
type Ending struct {
	// TokenID, UserName, ClientID and DataCentre are those of the row.
	TokenID, UserName, ClientID, DataCentre string
	// Cause and Reason say why, for programs and for people.
	Cause  Cause
	Reason string
	// Revoke is set when its tokens are revoked at the provider before it is deleted.
	// Reap leaves alive what another row holds too.
	Revoke bool
	// Err is why it was not deleted; nil when it was, and in a dry run. It wraps
	// [ErrConflict] when the row has changed meanwhile, by a new login, say, and is
	// kept for that.
	Err error
}

func endingOf(row *Token, cause Cause, reason string) Ending {
	return Ending{
		TokenID: row.ID, UserName: row.UserName, ClientID: row.ClientID, DataCentre: row.DataCentre,
		Cause: cause, Reason: reason, Revoke: mustRevoke(row, cause),
	}
}

// mustRevoke reports whether the provider may still accept a token of row.
func mustRevoke(row *Token, cause Cause) bool {
	switch cause {
	case CauseDead, CauseExpired, CauseUnfinished:
		return false
	}
	return !row.RefreshToken.IsZero() || !row.AccessToken.IsZero()
}

// mostFailures is how many failures a report lists.
const mostFailures = 100

// An EndReport counts what Reap or Revoke did or, in a dry run, would do.
type EndReport struct {
	// Rows is how many rows were looked at.
	Rows int
	// Ended counts the rows that were deleted, by cause.
	Ended map[Cause]int
	// Kept counts those that changed meanwhile, and Failed those that could not be
	// ended; both are still stored.
	Kept, Failed int
	// Failures are the first hundred that were kept or failed.
	Failures []Ending
	// Events is how many events were removed from the history.
	Events int
}

// Total returns how many rows were ended, of all causes.
func (r *EndReport) Total() int {
	n := 0
	for _, c := range r.Ended {
		n += c
	}
	return n
}

func (r *EndReport) count(e Ending) {
	switch {
	case e.Err == nil:
		if r.Ended == nil {
			r.Ended = map[Cause]int{}
		}
		r.Ended[e.Cause]++
		return
	case errors.Is(e.Err, ErrConflict):
		r.Kept++
	default:
		r.Failed++
	}
	if len(r.Failures) < mostFailures {
		r.Failures = append(r.Failures, e)
	}
}

// err lists what was not ended, at most five by name. Those that were kept count only
// if strict is set.
func (r *EndReport) err(op string, strict bool) error {
	n := r.Failed
	if strict {
		n += r.Kept
	}
	if n == 0 {
		return nil
	}
	var errs []error
	for _, e := range r.Failures {
		if len(errs) < 5 && (strict || !errors.Is(e.Err, ErrConflict)) {
			errs = append(errs, fmt.Errorf("token %s (%s): %w", e.TokenID, e.UserName, e.Err))
		}
	}
	return fmt.Errorf("%s: %d of %d logins were not ended: %w", op, n, n+r.Total(), errors.Join(errs...))
}

// reasonOf returns the reason of an *Error, or what err says.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.reason()
	}
	return err.Error()
}
