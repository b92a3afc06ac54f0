package stores

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"
)

// ErrBusy means that other programs kept a file from being cleaned up.
var ErrBusy = errors.New("another program uses it")

// scrubTries is how often the log of a file is tried to be emptied.
const scrubTries = 10

// Scrub removes from the file of an SQLite store, and from its log, what is no part of
// it any more, such as tokens that were in clear. Other stores have no way to ask for
// that, or need none, and are left alone. It may take as long as writing the whole
// file. The error wraps [ErrBusy] when a program that reads at the moment keeps the
// log from being emptied.
func Scrub(ctx context.Context, l Location) (err error) {
	if l.Scheme != sqlite || l.Transient() {
		return nil
	}
	path, err := filepath.Abs(l.Path)
	if err != nil {
		return err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=rw&_busy_timeout=5000&_pragma=secure_delete(ON)"}
	db, err := sql.Open(sqlite, u.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("clean up %s: %w", l, err)
	}
	for range scrubTries {
		var busy, pages, moved int
		if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
			return fmt.Errorf("clean up %s: %w", l, err)
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("clean up %s: %w", l, ErrBusy)
}
