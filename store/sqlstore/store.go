package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/tokenkeep/tokenkeep"
)

// DefaultTable is the name of the table of Zoho's SDKs.
const DefaultTable = "oauthtoken"

// Options are what a store may be told. Nil options, and each zero field, stand
// for the defaults.
type Options struct {
	// Table is the name of the table; defaults to [DefaultTable]. Up to 40
	// letters, digits and underscores.
	Table string
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
	// WriteLock is held around every write transaction, and around nothing else.
	// Nil, the default, leaves the order of writers to the database.
	WriteLock Locker
	// BeforeUpgrade is called once before an existing table is changed, with the
	// version of its schema: 0 for the official table of Zoho's SDKs. It can keep
	// a backup. Its error ends New and leaves the table as it was.
	BeforeUpgrade func(ctx context.Context, version int) error
}

// A Locker puts writers in order. It must honour ctx, and it must be safe for
// concurrent use.
type Locker interface {
	// Lock returns when the caller may write. The caller calls unlock once.
	Lock(ctx context.Context) (unlock func(), err error)
}

// A Store keeps tokens in one table. It is safe for concurrent use by goroutines
// and by processes.
type Store struct {
	db      *sql.DB
	dialect Dialect
	names   names
	lock    Locker
	logger  *slog.Logger
	stmts   statements
	closed  atomic.Bool
	owned   *sql.DB // closed with the store; nil if the caller's
}

var (
	_ tokenkeep.TokenStore = (*Store)(nil)
	_ tokenkeep.Pinger     = (*Store)(nil)
	_ tokenkeep.Historian  = (*Store)(nil)
)

// New returns a store on db, which it does not close. It creates the table or
// brings it up to date, once, however many processes do so at the same moment.
//
// The error wraps tokenkeep.ErrSchema when the table belongs to a newer version
// or to something else, tokenkeep.ErrCorrupt when the database is damaged, and
// tokenkeep.ErrReadOnly when the table has to be made or changed and cannot be.
func New(ctx context.Context, db *sql.DB, dialect Dialect, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Store{db: db, dialect: dialect, lock: opts.WriteLock, logger: opts.Logger}
	if s.lock == nil {
		s.lock = noLock{}
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.names, err = newNames(&s.dialect, cmp.Or(opts.Table, DefaultTable)); err != nil {
		return nil, err
	}
	upgraded, err := s.migrate(ctx, opts.BeforeUpgrade)
	if err != nil {
		return nil, s.fail(ctx, "open", err)
	}
	if upgraded {
		s.prepareHistory(ctx)
	}
	if err := s.stmts.prepare(ctx, s.db, s.names); err != nil {
		return nil, s.fail(ctx, "open", err)
	}
	return s, nil
}

// Close releases the store's prepared statements and leaves the database open,
// unless [Open] opened it.
// Afterwards every operation fails with an error that wraps tokenkeep.ErrClosed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.stmts.close()
	if s.owned != nil {
		err = errors.Join(err, s.owned.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: close: %w", s.dialect.name, err)
	}
	return nil
}

// Ping implements [tokenkeep.Pinger]: it begins a write and takes it back.
func (s *Store) Ping(ctx context.Context) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, s.names.fill("UPDATE {meta} SET value = value WHERE name = 'schema'")); err != nil {
			return err
		}
		return errRollback
	})
	return s.fail(ctx, "ping", err)
}

// noLock is the Locker of a store without one.
type noLock struct{}

func (noLock) Lock(context.Context) (func(), error) { return func() {}, nil }
