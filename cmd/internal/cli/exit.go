package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// The exit codes of the program. Scripts depend on them.
const (
	ExitOK          = 0
	ExitFailed      = 1   // anything without a code of its own, a wrong configuration among it
	ExitUsage       = 2   // wrong flags, arguments or settings; the question fits several tokens
	ExitNotFound    = 3   // no such token
	ExitLogin       = 4   // a person has to log in
	ExitPermission  = 5   // a scope or a permission is missing
	ExitAPI         = 6   // Zoho answered with an error
	ExitStore       = 7   // the store is unreadable or locked, or its key is missing
	ExitPartial     = 8   // some of several failed
	ExitTryLater    = 75  // throttled, or Zoho or the network failed: EX_TEMPFAIL
	ExitInterrupted = 130 // interrupted by a signal
)

var errInterrupted = errors.New("interrupted")

// ExitCode returns the exit code for err. It is the only place that decides one.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if c, ok := errors.AsType[*childError](err); ok {
		return c.code
	}
	if p, ok := errors.AsType[*partialError](err); ok {
		return p.exitCode()
	}
	for _, k := range []struct {
		is   bool
		code int
	}{
		{errors.Is(err, errInterrupted), ExitInterrupted},
		{isUsage(err), ExitUsage},
		{errors.Is(err, tokenkeep.ErrNotFound), ExitNotFound},
		{errors.Is(err, tokenkeep.ErrAmbiguous), ExitUsage},
		{errors.Is(err, tokenkeep.ErrNoKey), ExitUsage},
	} {
		if k.is {
			return k.code
		}
	}
	if a, ok := errors.AsType[*apiError](err); ok {
		return a.exitCode()
	}
	if timedOut(err) {
		return ExitTryLater
	}
	return codeOfClass(err)
}

// codeOfClass is the code for what a caller can do about err.
func codeOfClass(err error) int {
	if _, ok := errors.AsType[*unusableStoreError](err); ok {
		return ExitStore
	}
	switch tokenkeep.ClassOf(err) {
	case tokenkeep.NeedsLogin, tokenkeep.InDoubt:
		return ExitLogin
	case tokenkeep.Throttled, tokenkeep.RetryLater:
		return ExitTryLater
	case tokenkeep.StoreUnavailable:
		return ExitStore
	case tokenkeep.Misconfigured:
		if e, ok := errors.AsType[*tokenkeep.Error](err); ok && e.Code == "invalid_scope" {
			return ExitPermission
		}
	}
	return ExitFailed
}

// An unusableStoreError is a store that cannot be used, whatever the class of the
// cause: a wrong password is one of configuration, and the store's.
type unusableStoreError struct{ err error }

func (e *unusableStoreError) Error() string { return e.err.Error() }
func (e *unusableStoreError) Unwrap() error { return e.err }

// timedOut reports whether --timeout ended the command, and nothing else says
// more.
func timedOut(err error) bool {
	return tokenkeep.ClassOf(err) == "" && errors.Is(err, context.DeadlineExceeded)
}

func isUsage(err error) bool {
	if _, ok := errors.AsType[*badUsageError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return true
	}
	return errors.Is(err, stores.ErrURL)
}

// A badUsageError is a command that was called wrongly.
type badUsageError struct{ err error }

func (e *badUsageError) Error() string { return e.err.Error() }
func (e *badUsageError) Unwrap() error { return e.err }

func usageError(err error) error {
	if isUsage(err) {
		return err
	}
	return &badUsageError{err}
}

func usagef(format string, args ...any) error { return &badUsageError{fmt.Errorf(format, args...)} }

// A partialError is the outcome of several operations of which some failed.
type partialError struct {
	total int
	errs  []error
	// rows counts the failures when errs has only the first of them; then the one
	// of one is partial too.
	rows int
}

func (e *partialError) Error() string {
	return fmt.Sprintf("%d of %d failed: %v", max(e.rows, len(e.errs)), e.total, e.errs[0])
}

func (e *partialError) Unwrap() []error { return e.errs }

// exitCode is that of the one failure when nothing else was tried.
func (e *partialError) exitCode() int {
	if e.total == 1 && e.rows == 0 {
		return ExitCode(e.errs[0])
	}
	return ExitPartial
}

// partial returns nil when nothing failed.
func partial(total int, errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return &partialError{total: total, errs: errs}
}

// A childError is the exit code of a program that exec ran.
type childError struct{ code int }

func (e *childError) Error() string { return fmt.Sprintf("the command exited with %d", e.code) }
