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
	return s.update(ctx, s.stmts.update, t, t.ID, t.Version)
}

// update writes t over this version of the row id, in one statement. The number
// of rows that it reports is right also where a driver counts changed rows and
// not found ones, as MySQL's do by default: the version always changes.
func (s *Store) update(ctx context.Context, stmt *sql.Stmt, t *tokenkeep.Token, id string, version int64) error {
	result, err := stmt.ExecContext(ctx, append(values(t, time.Now()), id, version)...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: id %q, version %d", tokenkeep.ErrConflict, id, version)
	}
	return nil
}

// upsert merges t into the row that it means, or inserts it. It returns the id
// and the version of the row.
func (s *Store) upsert(ctx context.Context, t *tokenkeep.Token) (id string, version int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.StmtContext(ctx, s.stmts.begin).ExecContext(ctx); err != nil {
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
		return s.update(ctx, tx.StmtContext(ctx, s.stmts.update), tokenkeep.Merge(old, t), old.ID, old.Version)
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
	if _, err := tx.StmtContext(ctx, s.stmts.insert).ExecContext(ctx, args...); err != nil {
		return "", 0, err
	}
	return id, 1, nil
}

// freshID takes the next id from the counter, and the one after it for as long as
// a row that another program wrote has that id.
func (s *Store) freshID(ctx context.Context, tx *sql.Tx) (string, error) {
	for {
		if _, err := tx.StmtContext(ctx, s.stmts.nextID).ExecContext(ctx); err != nil {
			return "", err
		}
		var last int64
		if err := tx.StmtContext(ctx, s.stmts.lastID).QueryRowContext(ctx).Scan(&last); err != nil {
			return "", fmt.Errorf("%w: the counter of ids in the table %s cannot be read; restore the table from a backup", tokenkeep.ErrCorrupt, s.names.meta)
		}
		if last < tokenkeep.FirstID || last > 10*tokenkeep.FirstID-1 {
			return "", fmt.Errorf("%w: the counter of ids in the table %s stands at %d, which has not ten digits", tokenkeep.ErrCorrupt, s.names.meta, last)
		}
		id := strconv.FormatInt(last, 10)
		if taken, err := s.taken(ctx, tx, id); err != nil || !taken {
			return id, err
		}
	}
}

func (s *Store) taken(ctx context.Context, tx *sql.Tx, id string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, s.names.fill("SELECT count(*) FROM {table} WHERE id = ?"), id).Scan(&n)
	return n > 0, err
}

// DeleteToken implements [tokenkeep.TokenStore] with one statement.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.fail(ctx, "delete", s.remove(ctx, id))
}

func (s *Store) remove(ctx context.Context, id string) error {
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	result, err := s.stmts.remove.ExecContext(ctx, id)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	return err
}

// DeleteTokens implements [tokenkeep.TokenStore] with one statement. The counter
// of ids goes on from where it is.
func (s *Store) DeleteTokens(ctx context.Context) error {
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return s.fail(ctx, "delete all", err)
	}
	defer unlock()
	_, err = s.db.ExecContext(ctx, s.names.fill("DELETE FROM {table}"))
	return s.fail(ctx, "delete all", err)
}
