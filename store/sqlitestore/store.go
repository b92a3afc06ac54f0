package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// Memory is the path of a private database in memory.
const Memory = ":memory:"

// Options are what a store may be told. Nil options, and each zero field, stand
// for the defaults.
type Options struct {
	// Table is the name of the table; defaults to "oauthtoken", that of Zoho's
	// SDKs.
	Table string
	// Logger receives what an operator should know, such as a database that
	// others can read; nil discards it.
	Logger *slog.Logger
	// BusyTimeout is how long an operation waits for a program that holds
	// SQLite's lock; defaults to 5 seconds.
	BusyTimeout time.Duration
}

// withDefaults returns opts with every field set.
func (opts *Options) withDefaults() Options {
	if opts == nil {
		opts = &Options{}
	}
	o := *opts
	o.Table = cmp.Or(o.Table, sqlstore.DefaultTable)
	o.BusyTimeout = cmp.Or(o.BusyTimeout, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Store is an sqlstore.Store on a database of its own. It is safe for
// concurrent use by goroutines and, unless it is in memory, by processes.
type Store struct {
	*sqlstore.Store
	db *sql.DB
}

var (
	_ tokenkeep.TokenStore = (*Store)(nil)
	_ tokenkeep.Pinger     = (*Store)(nil)
	_ tokenkeep.Historian  = (*Store)(nil)
)

// Open opens the database at path, or one in memory for ":memory:", and creates it
// or brings it up to date if that is needed. ctx bounds the opening alone.
//
// The error wraps tokenkeep.ErrCorrupt if the file is damaged or no database,
// tokenkeep.ErrSchema if a newer program or another one made its table, and
// tokenkeep.ErrReadOnly if the table must be made or changed and cannot be. In
// all these cases the file is as it was.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	o := opts.withDefaults()
	if path == Memory {
		return openMemory(ctx, &o)
	}
	f, err := newFile(path, &o)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	return f.open(ctx)
}

// Close closes the store and its database. Closing twice is no error.
func (s *Store) Close() error {
	return errors.Join(s.Store.Close(), s.db.Close())
}

// openMemory opens a database in memory. It lives in its one connection, which
// is why the pool has no other and never ends it.
func openMemory(ctx context.Context, o *Options) (*Store, error) {
	db, err := sql.Open("sqlite", "file::memory:?_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	limitPool(db, 1)
	return newStore(ctx, db, &sqlstore.Options{Table: o.Table, Logger: o.Logger})
}

// newStore returns a store that owns db, or closes it.
func newStore(ctx context.Context, db *sql.DB, o *sqlstore.Options) (*Store, error) {
	s, err := sqlstore.New(ctx, db, sqlstore.SQLite(), o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{Store: s, db: db}, nil
}

// connections is the size of a pool for a file: enough to keep every processor
// busy, and few enough that ten thousand goroutines do not open as many files.
func connections() int { return max(4, 2*runtime.GOMAXPROCS(0)) }

// limitPool keeps up to n connections, and keeps them open.
func limitPool(db *sql.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
}
