package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// SaveToken implements [tokenkeep.TokenStore]. With a version it is one UPDATE,
// without one it is one transaction.
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := t.Validate(); err != nil {
		return s.fail(ctx, "save", err)
	}
	id, version := t.ID, t.Version+1
	var err error
	if t.Version > 0 {
		err = s.replace(ctx, t)
	} else {
		id, version, err = s.upsert(ctx, t)
	}
	if err != nil {
		return s.fail(ctx, "save", err)
	}
	t.ID, t.Version = id, version
	return nil
}

// replace writes t over exactly its version.
func (s *Store) replace(ctx context.Context, t *tokenkeep.Token) error {
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.retried(ctx, func() error { return s.update(ctx, nil, t, t.ID, t.Version) })
}

// update writes t over this version of the row id, in one statement.
func (s *Store) update(ctx context.Context, tx *sql.Tx, t *tokenkeep.Token, id string, version int64) error {
	args := values(t, time.Now())
	if s.stmts.adopt.query != "" {
		args = append(args, fingerprint(t))
	}
	args = append(s.stmts.key(args, id), version)
	return changed(id, version)(s.exec(ctx, tx, s.stmts.update, args...))
}

// changed returns the error of a statement that has to change this version of the
// row id. The number of rows that the driver reports is right also where it counts
// changed rows and not found ones, as MySQL's do by default: the version always
// changes.
func changed(id string, version int64) func(sql.Result, error) error {
	return func(result sql.Result, err error) error {
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: id %q, version %d", tokenkeep.ErrConflict, id, version)
		}
		return err
	}
}

// upsertTries is how often a save without a version begins again because the row
// was changed between its read and its write.
const upsertTries = 100

// upsert merges t into the row that it means, or inserts it. It returns the id
// and the version of the row.
func (s *Store) upsert(ctx context.Context, t *tokenkeep.Token) (id string, version int64, err error) {
	for try := range upsertTries {
		err = s.retried(ctx, func() error {
			if try == 0 {
				id, version, err = s.merge(ctx, t)
			} else {
				id, version, err = s.mergeOrAdd(ctx, t)
			}
			return err
		})
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return id, version, err
		}
		if try > 0 && pause(ctx, try) != nil {
			return "", 0, ctx.Err()
		}
	}
	return "", 0, &tokenkeep.Error{
		Class: tokenkeep.StoreUnavailable, Op: "merge", Reason: "the row changes faster than it can be saved",
		Hint: "look for a program that saves this token in a loop",
	}
}

// merge merges t into the row that it means, without a transaction. The error
// wraps ErrConflict if there is no such row, or it was changed meanwhile.
func (s *Store) merge(ctx context.Context, t *tokenkeep.Token) (id string, version int64, err error) {
	old, err := s.meant(ctx, nil, t)
	if err != nil {
		return "", 0, err
	}
	if old == nil {
		return "", 0, tokenkeep.ErrConflict
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return "", 0, err
	}
	defer unlock()
	return old.ID, old.Version + 1, s.update(ctx, nil, tokenkeep.Merge(old, t), old.ID, old.Version)
}

// mergeOrAdd merges t into the row that it means, or inserts it, in a transaction
// that keeps others from inserting. The error wraps ErrConflict if the row was
// changed meanwhile, by a save with a version.
func (s *Store) mergeOrAdd(ctx context.Context, t *tokenkeep.Token) (id string, version int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := s.exec(ctx, tx, s.stmts.begin); err != nil {
			return err
		}
		old, err := s.meant(ctx, tx, t)
		if err != nil {
			return err
		}
		if old == nil {
			id, version, err = s.add(ctx, tx, t)
			return err
		}
		id, version = old.ID, old.Version+1
		return s.update(ctx, tx, tokenkeep.Merge(old, t), old.ID, old.Version)
	})
	return id, version, err
}

// meant returns the row that t means without a version, or nil.
func (s *Store) meant(ctx context.Context, tx *sql.Tx, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	if t.ID != "" {
		if old, err := s.byID(ctx, tx, t.ID); err != nil || old != nil {
			return old, err
		}
	}
	m, err := tokenkeep.MatchFor(t)
	if errors.Is(err, tokenkeep.ErrNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.match(ctx, tx, m)
}

// add inserts t with a fresh id.
func (s *Store) add(ctx context.Context, tx *sql.Tx, t *tokenkeep.Token) (id string, version int64, err error) {
	if id, err = s.freshID(ctx, tx); err != nil {
		return "", 0, err
	}
	now := time.Now()
	row := *t
	row.CreatedAt = now
	v := values(&row, now)
	args := append(make([]any, 0, columnCount), id)
	args = append(args, v[:colVersion-1]...)
	args = append(args, 1)
	args = append(args, v[colVersion-1:]...)
	if s.stmts.adopt.query != "" {
		args = append(args, fingerprint(t))
	}
	if _, err := s.exec(ctx, tx, s.stmts.insert, args...); err != nil {
		return "", 0, err
	}
	return id, 1, nil
}

// freshID takes the next id from the counter. If a row that another program wrote
// has that id, it raises the counter above all such rows first.
func (s *Store) freshID(ctx context.Context, tx *sql.Tx) (string, error) {
	for {
		id, err := s.nextID(ctx, tx)
		if err != nil {
			return "", err
		}
		var n int
		if err := tx.StmtContext(ctx, s.stmts.taken).QueryRowContext(ctx, s.stmts.key(nil, id)...).Scan(&n); err != nil || n == 0 {
			return id, err
		}
		if err := s.skipTaken(ctx, tx); err != nil {
			return "", err
		}
	}
}

// nextID counts the counter of ids and returns where it stands.
func (s *Store) nextID(ctx context.Context, tx *sql.Tx) (string, error) {
	if _, err := s.exec(ctx, tx, s.stmts.nextID); err != nil {
		return "", err
	}
	var value any
	err := tx.StmtContext(ctx, s.stmts.lastID).QueryRowContext(ctx).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	last, ok := integer(value)
	if !ok {
		return "", fmt.Errorf("%w: the counter of ids in the table %s cannot be read; restore the table from a backup", tokenkeep.ErrCorrupt, s.names.meta)
	}
	if last < tokenkeep.FirstID || last > 10*tokenkeep.FirstID-1 {
		return "", fmt.Errorf("%w: the counter of ids in the table %s stands at %d, which has not ten digits", tokenkeep.ErrCorrupt, s.names.meta, last)
	}
	return strconv.FormatInt(last, 10), nil
}

// skipTaken raises the counter of ids to the largest id that Zoho's SDKs can have
// given.
func (s *Store) skipTaken(ctx context.Context, tx *sql.Tx) error {
	var id any
	err := tx.QueryRowContext(ctx, s.names.fill("SELECT max(id) FROM {table} WHERE length(id) = 10 AND id >= '1000000000' AND id <= '2147483647'")).Scan(&id)
	if err != nil {
		return err
	}
	n, _ := integer(id) // an id that is none raises nothing
	return s.raise(ctx, tx, n)
}

// DeleteToken implements [tokenkeep.TokenStore] with one statement.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.fail(ctx, "delete", s.remove(ctx, id))
}

func (s *Store) remove(ctx context.Context, id string) error {
	if !storable(id) {
		return fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.retried(ctx, func() error {
		result, err := s.exec(ctx, nil, s.stmts.remove, s.stmts.key(nil, id)...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
		}
		return err
	})
}

// DeleteTokens implements [tokenkeep.TokenStore] with one statement. The counter
// of ids goes on from where it is.
func (s *Store) DeleteTokens(ctx context.Context) error {
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return s.fail(ctx, "delete all", err)
	}
	defer unlock()
	err = s.retried(ctx, func() error {
		_, err := s.db.ExecContext(ctx, s.names.fill("DELETE FROM {table}"))
		return err
	})
	return s.fail(ctx, "delete all", err)
}
