package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// eventsAtOnce is how many events one statement adds.
const eventsAtOnce = 1000

// AppendEvents implements [tokenkeep.Historian], with one statement for up to 1000
// events. It makes the table of the history if that is not there. The error wraps
// tokenkeep.ErrNoHistory when it cannot be made or written for want of a right, or
// is another program's.
//
// An append whose answer was lost may have happened.
func (s *Store) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	for chunk := range slices.Chunk(events, eventsAtOnce) {
		args, err := eventArgs(chunk)
		if err == nil {
			err = s.addEvents(ctx, len(chunk), args)
		}
		if err != nil {
			return s.historyError(ctx, "append events", err)
		}
	}
	return s.historyError(ctx, "append events", s.usable(ctx))
}

// usable returns the error of an operation that cannot begin.
func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return tokenkeep.ErrClosed
	}
	return ctx.Err()
}

func eventArgs(events []tokenkeep.Event) ([]any, error) {
	args := make([]any, 0, 4*len(events))
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("%w: an event: %w", tokenkeep.ErrInvalid, err)
		}
		args = append(args, e.Time.UnixMilli(), eventKey(e.TokenID), eventKey(e.UserName), string(body))
	}
	return args, nil
}

// eventKey is what an id or a user name is looked up by: of one size, whatever the
// value, so that every product can have an index of it.
func eventKey(v string) any {
	if v == "" {
		return nil
	}
	return digest(v)
}

// addEvents adds events, and makes their table if it is not there.
func (s *Store) addEvents(ctx context.Context, n int, args []any) error {
	query := s.names.fill(s.dialect.eventInsert(s.names, n))
	add := func() error {
		if err := s.usable(ctx); err != nil {
			return err
		}
		unlock, err := s.lock.Lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		return s.retried(ctx, func() error {
			_, err := s.db.ExecContext(ctx, query, args...)
			return err
		})
	}
	err := add()
	if !s.isMissing(err) {
		return err
	}
	if err := s.makeEvents(ctx); err != nil {
		return err
	}
	return add()
}

// insertValues is the statement that adds rows.
func insertValues(_ names, rows int) string {
	return "INSERT INTO {events} (at, token_key, user_key, body) VALUES (?, ?, ?, ?)" + strings.Repeat(", (?, ?, ?, ?)", rows-1)
}

// Events implements [tokenkeep.Historian]. It reads pages of 256 events, and holds no
// connection between them.
func (s *Store) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return func(yield func(tokenkeep.Event, error) bool) {
		query, keys := eventSelect(q)
		query = s.names.fill(query)
		for last := int64(0); ; {
			page, err := s.readEvents(ctx, query, eventQueryArgs(keys, last, q.Since))
			if err != nil {
				yield(tokenkeep.Event{}, s.historyError(ctx, "events", err))
				return
			}
			for _, e := range page {
				last = e.seq
				if q.Fits(e.Event) && !yield(e.Event, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

// eventSelect returns the statement that reads a page of what q selects, and the
// keys that it looks for. Each key goes with the last number read and the time.
func eventSelect(q tokenkeep.EventQuery) (query string, keys []any) {
	const page = " ORDER BY e.seq LIMIT 256"
	const rest = " seq > ? AND at >= ?"
	token, user := eventKey(q.TokenID), eventKey(q.UserName)
	switch {
	case token != nil && user != nil:
		return "SELECT e.seq, e.body FROM (SELECT seq FROM {events} WHERE token_key = ? AND" + rest +
			" UNION SELECT seq FROM {events} WHERE user_key = ? AND" + rest +
			") k JOIN {events} e ON e.seq = k.seq" + page, []any{token, user}
	case token != nil:
		return "SELECT e.seq, e.body FROM {events} e WHERE token_key = ? AND" + rest + page, []any{token}
	case user != nil:
		return "SELECT e.seq, e.body FROM {events} e WHERE user_key = ? AND" + rest + page, []any{user}
	}
	return "SELECT e.seq, e.body FROM {events} e WHERE" + rest + page, nil
}

func eventQueryArgs(keys []any, last int64, since time.Time) []any {
	if len(keys) == 0 {
		return []any{last, since.UnixMilli()}
	}
	var args []any
	for _, key := range keys {
		args = append(args, key, last, since.UnixMilli())
	}
	return args
}

// A numbered event is one that was read.
type numberedEvent struct {
	tokenkeep.Event
	seq int64
}

// readEvents reads a page, which is empty if there is no table.
func (s *Store) readEvents(ctx context.Context, query string, args []any) (page []numberedEvent, err error) {
	err = s.reread(ctx, func() error {
		page, err = s.scanEvents(ctx, query, args)
		return err
	})
	if s.isMissing(err) {
		if columns, e := s.columns(ctx, s.db, s.names.events); e == nil && len(columns) == 0 {
			return nil, nil
		}
	}
	return page, err
}

func (s *Store) scanEvents(ctx context.Context, query string, args []any) (page []numberedEvent, err error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e numberedEvent
		var body []byte
		if err := rows.Scan(&e.seq, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &e.Event); err != nil {
			return nil, fmt.Errorf("%w: event %d in the table %s cannot be read", tokenkeep.ErrCorrupt, e.seq, s.names.events)
		}
		page = append(page, e)
	}
	return page, rows.Err()
}

// PruneEvents implements [tokenkeep.Historian] with one statement.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	n, err := s.pruneEvents(ctx, before)
	if s.isMissing(err) {
		if columns, e := s.columns(ctx, s.db, s.names.events); e == nil && len(columns) == 0 {
			return 0, nil
		}
	}
	return n, s.historyError(ctx, "prune events", err)
}

func (s *Store) pruneEvents(ctx context.Context, before time.Time) (n int, err error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	err = s.retried(ctx, func() error {
		result, err := s.db.ExecContext(ctx, s.names.fill("DELETE FROM {events} WHERE at < ?"), before.UnixMilli())
		if err != nil {
			return err
		}
		gone, err := result.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}
