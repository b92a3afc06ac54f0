package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// The history has a table of its own, which is not part of the schema's version: a
// user who may not make it has a store all the same.

// eventColumns are the columns of the history. A key is a digest of the id or the
// user name, body the event as JSON, at its time in milliseconds.
var eventColumns = []string{"seq", "at", "token_key", "user_key", "body"}

// makeEvents makes the table of the history, once, if it is not there.
func (s *Store) makeEvents(ctx context.Context) error {
	if done, err := s.hasEvents(ctx, s.db); err != nil || done {
		return err
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.alone(ctx, func(q executor) error {
		if done, err := s.hasEvents(ctx, q); err != nil || done { // another process was faster
			return err
		}
		for _, statement := range s.dialect.events(s.names) {
			if _, err := q.ExecContext(ctx, s.names.fill(statement)); err != nil {
				return err
			}
		}
		return nil
	})
}

// hasEvents reports whether the table of the history is there. The error wraps
// ErrSchema if it is another program's.
func (s *Store) hasEvents(ctx context.Context, q querier) (bool, error) {
	columns, err := s.columns(ctx, q, s.names.events)
	if err != nil || len(columns) == 0 {
		return false, err
	}
	if !slices.EqualFunc(columns, eventColumns, strings.EqualFold) {
		return false, fmt.Errorf("%w: the table %s is another program's; rename it, or use another table for the tokens", tokenkeep.ErrSchema, s.names.events)
	}
	return true, nil
}

// prepareHistory makes the table of the history after the schema was changed, when
// the rights for it may be there.
func (s *Store) prepareHistory(ctx context.Context) {
	if err := s.makeEvents(ctx); err != nil {
		s.logger.WarnContext(ctx, "the table of the history could not be made; everything else works",
			"table", s.names.events, "error", s.historyError(ctx, "open", err))
	}
}

// isMissing reports whether err may mean that a table is not there.
func (s *Store) isMissing(err error) bool {
	return err != nil && !isOurs(err) && errors.Is(s.dialect.diagnose(err).sentinel, tokenkeep.ErrSchema)
}

// historyError is fail for the history: what only an administrator can change means
// that none is kept.
func (s *Store) historyError(ctx context.Context, op string, err error) error {
	told := s.fail(ctx, op, err)
	if told == nil || isOurs(err) && !errors.Is(err, tokenkeep.ErrSchema) || ctx.Err() != nil {
		return told
	}
	if errors.Is(told, tokenkeep.ErrSchema) || s.dialect.diagnose(err).rights {
		return fmt.Errorf("%s: %w; let a user who may make tables open the store once, and grant SELECT, INSERT and DELETE on %s: %w",
			s.dialect.name, tokenkeep.ErrNoHistory, s.names.events, told)
	}
	return told
}
