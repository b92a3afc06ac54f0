package stores

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// Look opens the store at l for reading, and leaves a table of Zoho's SDKs that
// tokenkeep has not taken over as it is: then the store is an [Official], whose
// writes fail. Other stores are opened as by [Open]. The error wraps
// fs.ErrNotExist when there is no such file, or no such table on a server:
// nothing is made.
func Look(ctx context.Context, l Location, logger *slog.Logger) (tokenkeep.TokenStore, io.Closer, error) {
	if l.OnFile() && !l.Transient() {
		if _, err := os.Stat(l.Path); err != nil {
			return nil, nil, err
		}
	}
	if l.Transient() || l.Scheme != sqlite && l.Scheme != mysql && l.Scheme != postgres {
		return Open(ctx, l, logger)
	}
	t, err := findTable(ctx, l)
	switch {
	case errors.Is(err, errOther), err != nil && ctx.Err() == nil:
		return Open(ctx, l, logger) // it is ours; or Open says better what is wrong
	case err != nil:
		return nil, nil, err
	case len(t.columns) == 0 && l.OnServer():
		return nil, nil, errors.Join(fmt.Errorf("%w: there is no table %s in the database", fs.ErrNotExist, t.name), t.db.Close())
	case len(t.columns) == 0:
		return reopen(ctx, l, logger, t)
	}
	t.logger = logger
	return t, t, nil
}

// errOther means that a table is none of Zoho's SDKs.
var errOther = errors.New("another table")

// reopen opens an SQLite file without the table, as it is.
func reopen(ctx context.Context, l Location, logger *slog.Logger, t *Official) (tokenkeep.TokenStore, io.Closer, error) {
	if err := t.db.Close(); err != nil {
		return nil, nil, err
	}
	return Open(ctx, l, logger)
}

// findTable connects to l and finds the table. The error wraps errOther if it has
// a column that only tokenkeep's have.
func findTable(ctx context.Context, l Location) (*Official, error) {
	driver, dsn, err := l.dsn()
	if err != nil {
		return nil, err
	}
	db, err := sql.Open(driver, dsn.Reveal())
	if err != nil {
		return nil, errors.New("the driver does not understand the location") // its own error may quote the password
	}
	t := &Official{db: db, scheme: l.Scheme, name: tableOf(l), place: l.String()}
	if err := t.describe(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if slices.Contains(t.columns, "version") || len(t.columns) > 0 && !slices.Contains(t.columns, "refresh_token") {
		return nil, errors.Join(errOther, db.Close())
	}
	return t, nil
}

func tableOf(l Location) string {
	if l.OnServer() {
		return l.Server.Table
	}
	return defaults(mysql).Table
}

// describe reads the names and types of the columns.
func (t *Official) describe(ctx context.Context) (err error) {
	rows, err := t.db.QueryContext(ctx, describeQuery(t.scheme), t.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var column, kind string
		if err := rows.Scan(&column, &kind); err != nil {
			return err
		}
		column = strings.ToLower(column)
		t.columns = append(t.columns, column)
		if column == "id" {
			t.idType = strings.ToLower(kind)
		}
	}
	return rows.Err()
}

func describeQuery(scheme string) string {
	switch scheme {
	case sqlite:
		return `SELECT name, type FROM pragma_table_info(?) ORDER BY cid`
	case mysql:
		return `SELECT column_name, data_type FROM information_schema.columns
			WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`
	}
	return `SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
		WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
}

// IDType returns the type of the column id of a table, such as "varchar" or
// "bigint", and "" where there is no table. It changes nothing.
func IDType(ctx context.Context, l Location) (kind string, err error) {
	if l.Scheme != sqlite && l.Scheme != mysql && l.Scheme != postgres {
		return "", nil
	}
	driver, dsn, err := l.dsn()
	if err != nil {
		return "", err
	}
	db, err := sql.Open(driver, dsn.Reveal())
	if err != nil {
		return "", errors.New("the driver does not understand the location")
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	t := &Official{db: db, scheme: l.Scheme, name: tableOf(l)}
	err = t.describe(ctx)
	return t.idType, err
}
