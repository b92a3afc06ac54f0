package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// errQuoting stands for an error of a driver whose text may quote a secret.
var errQuoting = errors.New("the driver's words are not shown because they quote a value")

// fail returns err as the error of op: a context's error as it is, the sentinels
// of package tokenkeep as they are, and a driver's error as what it means, with
// the next step.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	op = s.dialect.name + ": " + op
	switch {
	case err == nil:
		return nil
	case isOurs(err):
		return fmt.Errorf("%s: %w", op, err)
	case s.closed.Load():
		return fmt.Errorf("%s: %w", op, tokenkeep.ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	d := s.dialect.diagnose(err)
	if d.quiet {
		err = errQuoting
		if d.code != "" {
			err = fmt.Errorf("error %s of the server", d.code)
		}
	}
	if d.sentinel != nil {
		return fmt.Errorf("%s: %w: %w; %s", op, d.sentinel, err, d.hint)
	}
	return &tokenkeep.Error{Class: cmp.Or(d.class, tokenkeep.StoreUnavailable), Op: op, Hint: d.hint, Err: err}
}

// isOurs reports whether err is already one that callers can tell apart.
func isOurs(err error) bool {
	for _, sentinel := range []error{
		tokenkeep.ErrNotFound, tokenkeep.ErrNoKey, tokenkeep.ErrAmbiguous, tokenkeep.ErrConflict, tokenkeep.ErrInvalid,
		tokenkeep.ErrReadOnly, tokenkeep.ErrCorrupt, tokenkeep.ErrSchema, tokenkeep.ErrNoHistory, tokenkeep.ErrClosed,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return tokenkeep.ClassOf(err) != ""
}
