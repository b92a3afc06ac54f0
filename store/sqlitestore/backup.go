package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// backUp keeps a copy of the database beside it, before its table is changed. A
// damaged database is refused, so that it stays as it is.
func (f *file) backUp(ctx context.Context, db *sql.DB, version int) error {
	if err := check(ctx, db); err != nil {
		return err
	}
	path := f.path + ".before-tokenkeep-" + time.Now().UTC().Format("20060102T150405.000000000Z")
	if err := f.copyTo(ctx, db, path); err != nil {
		return errors.Join(fmt.Errorf("back up the database: %w", unwritable(err)), os.Remove(path))
	}
	f.opts.Logger.InfoContext(ctx, "kept a copy of the database before its table is upgraded", "path", path, "version", version)
	return nil
}

// copyTo writes a copy of the database to path, readable by its owner alone.
func (f *file) copyTo(ctx context.Context, db *sql.DB, path string) error {
	empty, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := empty.Close(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return err
	}
	return syncFile(path)
}

// check reads the whole database and reports damage.
func check(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s; restore the file from a backup", tokenkeep.ErrCorrupt, verdict)
	}
	return nil
}

// syncFile makes the content of a file and its name durable.
func syncFile(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
