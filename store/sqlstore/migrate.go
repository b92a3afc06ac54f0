package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A querier reads, in a transaction or outside of one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// An executor runs statements: a transaction, or a connection.
type executor interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// migrate brings the schema up to date, and reports whether that was needed. When it
// is, that is one look, and nothing is written.
func (s *Store) migrate(ctx context.Context, before func(context.Context, int) error) (needed bool, err error) {
	_, done, err := s.schema(ctx, s.db)
	if err != nil || done {
		return false, err
	}
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if err := s.announce(ctx, before); err != nil {
		return false, err
	}
	return true, s.alone(ctx, func(q executor) error {
		version, done, err := s.schema(ctx, q) // another process may have been faster
		if err != nil || done {
			return err
		}
		s.logger.InfoContext(ctx, "upgrading the schema", "table", s.names.table, "from", version, "to", s.latest())
		return s.upgrade(ctx, q, version)
	})
}

// alone runs do while no other process changes the schema.
func (s *Store) alone(ctx context.Context, do func(q executor) error) error {
	if s.dialect.alone != nil {
		return s.dialect.alone(ctx, s, do)
	}
	return s.transact(ctx, func(tx *sql.Tx) error { return do(tx) })
}

// announce calls before, if an existing table is going to be changed.
func (s *Store) announce(ctx context.Context, before func(context.Context, int) error) error {
	version, done, err := s.schema(ctx, s.db)
	if err != nil || done || before == nil {
		return err
	}
	columns, err := s.columns(ctx, s.db, s.names.table)
	if err != nil || len(columns) == 0 {
		return err
	}
	return before(ctx, version)
}

func (s *Store) latest() int { return len(s.dialect.migrations) }

// schema returns the version of the schema, 0 for no table and for the official
// one, and whether it is the latest. The error wraps ErrSchema if this program
// cannot work with it.
//
// Another process may make both tables between two looks: it looks at the version
// after it looked for a foreign table, and before it misses the table.
func (s *Store) schema(ctx context.Context, q querier) (version int, latest bool, err error) {
	table, err := s.columns(ctx, q, s.names.table)
	if err != nil {
		return 0, false, err
	}
	meta, err := s.columns(ctx, q, s.names.meta)
	if err != nil {
		return 0, false, err
	}
	if len(meta) == 0 {
		return 0, false, s.checkOfficial(table)
	}
	if s.dialect.halfway && slices.Equal(meta, []string{"name", "value"}) {
		if unfinished, err := s.unfinished(ctx, q); err != nil || unfinished {
			return 0, false, err
		}
	}
	version, err = s.version(ctx, q)
	return version, version == s.latest(), err
}

// unfinished reports whether a first migration was interrupted, or is under way.
func (s *Store) unfinished(ctx context.Context, q querier) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, s.names.fill("SELECT count(*) FROM {meta} WHERE name = 'schema'")).Scan(&n)
	return n == 0, err
}

// version returns the version that the tables say they have.
func (s *Store) version(ctx context.Context, q querier) (int, error) {
	table, err := s.columns(ctx, q, s.names.table)
	if err != nil {
		return 0, err
	}
	if len(table) == 0 {
		return 0, fmt.Errorf("%w: there is a table %s and no table %s; restore the database", tokenkeep.ErrSchema, s.names.meta, s.names.table)
	}
	var value any
	err = q.QueryRowContext(ctx, s.names.fill("SELECT value FROM {meta} WHERE name = 'schema'")).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: the table %s has no version; restore it, or use another table", tokenkeep.ErrSchema, s.names.meta)
	}
	if err != nil {
		return 0, err
	}
	n, ok := integer(value)
	if !ok || n < 1 || n > int64(s.latest()) {
		return 0, fmt.Errorf("%w: the table %s has version %q, this program knows versions 1 to %d; use a newer program",
			tokenkeep.ErrSchema, s.names.table, text(value), s.latest())
	}
	return int(n), nil
}

// checkOfficial refuses a table that is there and has not the official columns.
func (s *Store) checkOfficial(columns []string) error {
	if len(columns) == 0 || slices.EqualFunc(columns, official, strings.EqualFold) {
		return nil
	}
	return fmt.Errorf("%w: the table %s has not the ten columns of Zoho's SDKs; import its tokens into a new store",
		tokenkeep.ErrSchema, s.names.table)
}

// columns returns the columns of a table, none if there is no such table.
func (s *Store) columns(ctx context.Context, q querier, table string) (columns []string, err error) {
	rows, err := q.QueryContext(ctx, s.names.fill(s.dialect.columns), table)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		columns = append(columns, name)
	}
	return columns, rows.Err()
}

// upgrade runs the migrations from version on.
func (s *Store) upgrade(ctx context.Context, tx executor, version int) error {
	for _, step := range s.dialect.migrations[version:] {
		for _, statement := range step(s.names) {
			if _, err := tx.ExecContext(ctx, s.names.fill(statement)); err != nil && (s.dialect.skip == nil || !s.dialect.skip(err)) {
				return fmt.Errorf("upgrade to version %d: %w", version+1, err)
			}
		}
		version++
	}
	if _, err := tx.ExecContext(ctx, s.names.fill("DELETE FROM {meta} WHERE name = 'schema'")); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, s.names.fill("INSERT INTO {meta} (name, value) VALUES ('schema', ?)"), version)
	return err
}
