package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pauses after failed requests, for all processes that share the row.
const (
	firstRetry     = time.Second
	lastRetry      = 30 * time.Second
	configRetry    = 30 * time.Second
	defaultBlocked = 10 * time.Minute
)

// fail writes down what went wrong, clears the claim, and returns the error for
// the callers. The login's material is never touched.
func (f *flight) fail(flightCtx context.Context, row *Token, err error) error {
	e, _ := errors.AsType[*Error](err)
	state := f.stateAfter(row, e)
	if state.Class == Misconfigured {
		f.keeper.misconfigured.Store(f.keeper.clock() + int64(configRetry))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(flightCtx), f.keeper.opts.ClaimTime)
	defer cancel()
	for {
		next := f.failed(row, state, e)
		saveErr := f.keeper.store.SaveToken(ctx, next)
		if !errors.Is(saveErr, ErrConflict) {
			// If it was not saved, others see the claim stand still and find out for
			// themselves.
			f.emit(ctx, next, failure(row, next, state))
			if saveErr != nil && !e.Unknown {
				f.st.idle.Store(&f.owner)
			}
			if saveErr == nil {
				if err := f.goOn(flightCtx, row, next, e); err != nil {
					return err
				}
			}
			next.State = state
			return stateError(next, state.Until, e)
		}
		fresh, readErr := f.keeper.store.FindTokenByID(ctx, f.st.id)
		if readErr != nil || !f.holds(fresh, row.RefreshToken) {
			return errAgain // a newer login, another owner, or gone: look again
		}
		row = fresh
	}
}

// failure is the event of a refresh of row that ended in state and left next. If a
// candidate took the place of the refresh token, the login goes on.
func failure(row, next *Token, state State) Event {
	e := Event{Kind: Failed, Class: state.Class, Reason: state.Reason}
	if !next.RefreshToken.Equal(row.RefreshToken) {
		e.Class, e.Reason = RetryLater, e.Reason+"; another refresh token of this login takes its place"
	}
	return e
}

// failed returns row after a refresh that failed. If its refresh token is dead or in
// doubt, the newest candidate takes its place.
func (f *flight) failed(row *Token, state State, e *Error) *Token {
	next := row.Clone()
	next.State, next.Claim = state, Claim{}
	if e.Unknown {
		f.counted(next, time.Now())
	} else {
		next.Mints = next.Mints[:max(len(next.Mints)-1, 0)] // it minted nothing
	}
	if len(next.Candidates) > 0 && (state.Class == NeedsLogin || state.Class == InDoubt) {
		promote(next)
	}
	return next
}

// stateAfter returns the state that an error leaves a row in.
func (f *flight) stateAfter(row *Token, e *Error) State {
	now := time.Now()
	s := State{Class: e.Class, Reason: e.reason(), Since: now, Failures: 1, Until: e.Until}
	if row.State.Class == s.Class {
		s.Since, s.Failures = row.State.Since, row.State.Failures+1
	}
	if e.Unknown && f.keeper.provider.Limits().Rotation == RotationStrict {
		s.Class, s.Until = InDoubt, time.Time{}
		return s
	}
	switch s.Class {
	case Throttled:
		if s.Until.IsZero() {
			s.Until = now.Add(defaultBlocked)
		}
	case Misconfigured:
		s.Until = now.Add(configRetry)
	case NeedsLogin, InDoubt:
		s.Until = time.Time{}
	default:
		s.Class = RetryLater
		if s.Until.Before(now) {
			s.Until = now.Add(backoff(s.Failures))
		}
	}
	if f.replays(e) {
		s.Until = now.Add(min(backoff(s.Failures), f.keeper.provider.Limits().Grace/8))
	}
	return s
}

// backoff doubles from firstRetry to lastRetry, less up to a quarter of jitter.
func backoff(failures int) time.Duration {
	d := firstRetry << min(max(failures-1, 0), 10)
	d = min(d, lastRetry)
	return d - jitter(d/4)
}

// stateError returns the error that a row's state means for a caller. The
// error that led to it, if it is at hand, gives code, hint and cause.
func stateError(row *Token, until time.Time, cause ...*Error) error {
	e := &Error{Class: row.State.Class, Op: "refresh", Reason: row.State.Reason, Until: until}
	for _, c := range cause {
		e.Code, e.Hint, e.Err, e.Unknown = c.Code, c.Hint, c.Err, c.Unknown
	}
	if e.Hint == "" {
		e.Hint = hintFor(row, e)
	}
	return e
}

func hintFor(row *Token, e *Error) string {
	switch e.Class {
	case NeedsLogin:
		return "log in again: tokenkeep login " + row.UserName
	case InDoubt:
		return "the provider's answer was lost and the spent refresh token is not sent again; log in again: tokenkeep login " + row.UserName
	case Misconfigured:
		return "fix the client's configuration; the stored login is intact"
	case Throttled:
		return "wait until " + e.Until.Format(time.TimeOnly) + "; the stored login is intact"
	case RetryLater:
		return "it is tried again by itself; the stored login is intact"
	}
	return ""
}

func noRefreshTokenError(row *Token) error {
	return &Error{
		Class: NeedsLogin, Op: "refresh",
		Reason: fmt.Sprintf("token %s has no refresh token and its access token is spent", row.ID),
		Hint:   "log in again with offline access: tokenkeep login " + row.UserName,
	}
}

func deletedError(id string, err error) error {
	return &Error{
		Class: NeedsLogin, Op: "refresh", Err: err,
		Reason: fmt.Sprintf("token %s was deleted", id),
		Hint:   "the user logged out or an administrator ended the session; log in again: tokenkeep login",
	}
}

// isRefusal reports whether a store that works will never take what it was given.
func isRefusal(err error) bool {
	for _, a := range []error{ErrNotFound, ErrNoKey, ErrAmbiguous, ErrInvalid} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// isAnswer reports whether err answers the caller's question, so that the store
// itself is all right.
func isAnswer(err error) bool {
	for _, a := range []error{ErrNotFound, ErrNoKey, ErrAmbiguous, ErrConflict, ErrInvalid, ErrNoHistory} {
		if errors.Is(err, a) {
			return true
		}
	}
	_, classified := errors.AsType[*Error](err)
	return classified
}
