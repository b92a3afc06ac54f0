package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A file is a database file that is being opened.
type file struct {
	path string // absolute
	opts *Options
	lock *writeLock
}

func newFile(path string, o *Options) (*file, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, fmt.Errorf("%q is not the path of a file", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &file{path: abs, opts: o, lock: newWriteLock(abs)}, nil
}

// open creates the file if it is not there, and opens it.
func (f *file) open(ctx context.Context) (*Store, error) {
	if err := f.create(); err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	s, err := f.connect(ctx, url.Values{"mode": {"rw"}})
	if err != nil && f.asImmutable(err) {
		f.opts.Logger.WarnContext(ctx, "reading the database as immutable, because its folder cannot be written", "path", f.path)
		return f.connect(ctx, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	}
	if err != nil {
		return nil, err
	}
	if err := f.toWAL(ctx, s.db); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open: %w", diagnose(err)), s.Close())
	}
	return s, nil
}

// connect opens the file with these parameters of an SQLite URI besides its own.
func (f *file) connect(ctx context.Context, params url.Values) (*Store, error) {
	db, err := sql.Open("sqlite", f.dsn(params))
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	limitPool(db, connections())
	return newStore(ctx, db, &sqlstore.Options{
		Table:     f.opts.Table,
		Logger:    f.opts.Logger,
		WriteLock: f.lock,
		BeforeUpgrade: func(ctx context.Context, version int) error {
			return f.backUp(ctx, db, version)
		},
	})
}

// dsn is the data source name of the file for modernc.org/sqlite.
func (f *file) dsn(params url.Values) string {
	q := url.Values{
		"_busy_timeout": {strconv.FormatInt(f.opts.BusyTimeout.Milliseconds(), 10)},
		"_txlock":       {"immediate"},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"0"},
		"_pragma":       {"secure_delete(FAST)"}, // deleted tokens are overwritten
	}
	maps.Copy(q, params)
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(f.path), RawQuery: q.Encode()}
	return u.String()
}

// create makes the folder and an empty database if they are not there. The new
// file gets its name when it is closed already: closing a database file behind
// SQLite's back would drop the locks of this process.
func (f *file) create() error {
	info, err := os.Stat(f.path)
	if err == nil {
		f.warnAbout(info)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := filepath.Dir(f.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("create the folder: %w; make it, or name another path", unwritable(err))
	}
	empty, err := os.CreateTemp(folder, ".tokenkeep-*") // 0600
	if err != nil {
		return fmt.Errorf("create the database: %w; make the folder writable, or name another path", unwritable(err))
	}
	defer func() { _ = os.Remove(empty.Name()) }() // left over after a link; gone after a rename
	if err := empty.Close(); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	if err := os.Link(empty.Name(), f.path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create the database: %w", err)
	}
	return syncFolder(folder)
}

// unwritable marks an error about rights as tokenkeep.ErrReadOnly.
func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || isReadOnlyFS(err) {
		return fmt.Errorf("%w: %w", tokenkeep.ErrReadOnly, err)
	}
	return err
}

func (f *file) warnAbout(info fs.FileInfo) {
	if info.Mode().Perm()&0o077 != 0 && info.Mode().IsRegular() {
		f.opts.Logger.Warn("others can read the database of tokens; chmod it to 0600", "path", f.path, "mode", info.Mode().Perm())
	}
}

// asImmutable reports whether err is SQLite's failure to open a database in WAL
// mode in a folder that cannot be written, and nobody has it open.
func (f *file) asImmutable(err error) bool {
	if !needsFiles(err) {
		return false
	}
	if info, e := os.Stat(f.path); e != nil || info.Size() == 0 {
		return false
	}
	_, e := os.Stat(f.path + "-wal")
	return errors.Is(e, fs.ErrNotExist)
}

// toWAL puts the database into WAL mode, where it stays. That needs a moment in
// which nobody else uses it, and SQLite does not wait for one. Where there can be
// no WAL, the database stays in the mode that it is in, which is as durable.
func (f *file) toWAL(ctx context.Context, db *sql.DB) error {
	deadline := time.Now().Add(f.opts.BusyTimeout)
	for {
		mode, err := f.tryWAL(ctx, db)
		switch {
		case err == nil && mode != "wal":
			f.opts.Logger.WarnContext(ctx, "the database cannot be put into WAL mode; readers will wait for writers", "path", f.path, "mode", mode)
			return nil
		case err == nil, code(err) == readOnly:
			return nil
		case code(err) != busy && code(err) != locked:
			return err
		case time.Now().After(deadline):
			return &tokenkeep.Error{
				Class: tokenkeep.StoreUnavailable, Op: "switch to WAL mode", Err: err,
				Hint: "another program uses the database all the time; end it, and open the store again",
			}
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// tryWAL returns the mode that the database is in after the attempt.
func (f *file) tryWAL(ctx context.Context, db *sql.DB) (mode string, err error) {
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
		return mode, err
	}
	unlock, err := f.lock.Lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	return mode, err
}
