package tokenkeep

import (
	"errors"
	"strings"
	"time"
)

// Errors of stores. A store wraps them; callers ask with errors.Is.
var (
	// ErrNotFound: no such token.
	ErrNotFound = errors.New("no such token")
	// ErrNoKey: the partial token has no field to look up by.
	ErrNoKey = errors.New("nothing to look the token up by")
	// ErrAmbiguous: several tokens fit.
	ErrAmbiguous = errors.New("several tokens fit")
	// ErrConflict: the row has changed or is gone since it was read.
	ErrConflict = errors.New("the stored token has changed since it was read")
	// ErrInvalid: the token cannot be stored as it is.
	ErrInvalid = errors.New("the token cannot be stored")
	// ErrReadOnly: the store can be read but not written.
	ErrReadOnly = errors.New("the store cannot be written")
	// ErrCorrupt: the store's content cannot be understood. Nothing was changed.
	ErrCorrupt = errors.New("the store is damaged")
	// ErrSchema: the store was written by a newer or foreign version.
	ErrSchema = errors.New("the store has another schema version")
	// ErrNoHistory: the store keeps no history of events.
	ErrNoHistory = errors.New("the store keeps no history")
	// ErrLoginLimit: the user has as many logins as the Policy allows.
	ErrLoginLimit = errors.New("the user has as many logins as the policy allows")
	// ErrClosed: the Keeper or the store is closed.
	ErrClosed = errors.New("closed")
)

// A Class says what a caller can do about an error: one class for each recovery.
// It is also what a row remembers in its [State].
type Class string

// The classes.
const (
	// RetryLater: the provider or the network failed; ask again after Until.
	RetryLater Class = "retry_later"
	// Throttled: the provider's quota is used up until Until.
	Throttled Class = "throttled"
	// NeedsLogin: the refresh token is dead; the user has to log in again.
	NeedsLogin Class = "needs_login"
	// Misconfigured: client id, secret, redirect URI, data centre or scope are
	// wrong; a person has to fix the configuration. The login itself is intact.
	Misconfigured Class = "misconfigured"
	// InDoubt: a rotating provider's answer was lost; the spent refresh token is
	// not sent again.
	InDoubt Class = "in_doubt"
	// StoreUnavailable: the store cannot be read or written.
	StoreUnavailable Class = "store_unavailable"
)

// Sentinels for errors.Is, one for each class.
var (
	ErrRetryLater       = &Error{Class: RetryLater}
	ErrThrottled        = &Error{Class: Throttled}
	ErrNeedsLogin       = &Error{Class: NeedsLogin}
	ErrMisconfigured    = &Error{Class: Misconfigured}
	ErrInDoubt          = &Error{Class: InDoubt}
	ErrStoreUnavailable = &Error{Class: StoreUnavailable}
)

// An Error is a failure with a recovery. Tell classes apart with errors.Is and
// the sentinels ([ErrNeedsLogin] and the others); read the rest with
// errors.AsType[*tokenkeep.Error].
type Error struct {
	// Class is the recovery.
	Class Class
	// Op is the operation that failed, such as "refresh".
	Op string
	// Code is the provider's error code, such as "invalid_code", if it gave one.
	Code string
	// Reason says what happened. It holds no secret.
	Reason string
	// Hint says what to do next.
	Hint string
	// Until is when asking again makes sense: set for RetryLater and Throttled.
	Until time.Time
	// Unknown is set when the request was sent and its outcome is not known: the
	// provider may have minted a token that nobody received.
	Unknown bool
	// Err is the cause, if any.
	Err error
}

// Error returns "op: reason: cause; hint", as far as they are set.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Op, e.reason()} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *Error) reason() string {
	if e.Reason != "" {
		return e.Reason
	}
	return strings.ReplaceAll(string(e.Class), "_", " ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of e's class.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Class: e.Class}
}

// ClassOf returns the class of err: that of the outermost *Error in its chain,
// StoreUnavailable for the errors of a store that say so, and "" for others.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	for _, s := range []error{ErrReadOnly, ErrCorrupt, ErrSchema} {
		if errors.Is(err, s) {
			return StoreUnavailable
		}
	}
	return ""
}
