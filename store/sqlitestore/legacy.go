package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// ReadLegacy yields the tokens of a SQLite file with a table of Zoho's SDKs, such
// as the zohooauth.db of Zoho's article, in the order in which it keeps them, and
// changes nothing in it. The tables of older SDKs, which lack columns or name them
// user_mail and redirect_uri, are read too.
//
// The tokens have no ID and no Version, so that saving them into another store
// makes rows of their own and never meets a row that happens to have the same id.
// An expiry that cannot be understood is past. Rows without any token are left
// out, with a warning to the logger.
//
// An error is yielded last, with a nil token: it wraps tokenkeep.ErrCorrupt if
// the file is damaged or no database, tokenkeep.ErrSchema if it has no such table,
// and fs.ErrNotExist if there is no file.
func ReadLegacy(ctx context.Context, path string, opts *Options) iter.Seq2[*tokenkeep.Token, error] {
	o := opts.withDefaults()
	return func(yield func(*tokenkeep.Token, error) bool) {
		goOn := true
		err := readLegacy(ctx, path, &o, func(t *tokenkeep.Token) bool {
			goOn = yield(t, nil)
			return goOn
		})
		if err != nil && goOn {
			yield(nil, fmt.Errorf("sqlite: read %s: %w", path, err))
		}
	}
}

func readLegacy(ctx context.Context, path string, o *Options, yield func(*tokenkeep.Token) bool) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	f, err := newFile(path, o)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", f.dsn(url.Values{"mode": {"ro"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	table, err := findTable(ctx, db, o.Table)
	if err != nil {
		return diagnose(err)
	}
	rows, err := db.QueryContext(ctx, `SELECT * FROM "`+strings.ReplaceAll(table, `"`, `""`)+`"`) //nolint:gosec // quoted, and a table that is there
	if err != nil {
		return diagnose(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return diagnose(scanLegacy(ctx, rows, o, yield))
}

// findTable returns the name of the table as the database spells it.
func findTable(ctx context.Context, db *sql.DB, table string) (name string, err error) {
	err = db.QueryRowContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", table).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: it has no table %q; name the right file, or the right table", tokenkeep.ErrSchema, table)
	}
	return name, err
}

// scanLegacy yields the rows as tokens, by the names of the columns.
func scanLegacy(ctx context.Context, rows *sql.Rows, o *Options, yield func(*tokenkeep.Token) bool) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	fields := make([]sql.NullString, len(columns))
	targets := make([]any, len(columns))
	for i := range fields {
		targets[i] = &fields[i]
	}
	for n := 1; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		t := &tokenkeep.Token{}
		for i, column := range columns {
			setField(t, strings.ToLower(column), strings.TrimSuffix(fields[i].String, "\r"))
		}
		if t.RefreshToken.IsZero() && t.AccessToken.IsZero() && t.GrantToken.IsZero() {
			o.Logger.WarnContext(ctx, "left out a row without a token", "row", n)
			continue
		}
		if !yield(t) {
			return nil
		}
	}
	return rows.Err()
}

// setField sets what a column of this name holds. Other columns are ignored.
func setField(t *tokenkeep.Token, column, value string) {
	switch column {
	case "user_name", "user_mail":
		t.UserName = value
	case "client_id":
		t.ClientID = value
	case "client_secret":
		t.ClientSecret = tokenkeep.NewSecret(value)
	case "refresh_token":
		t.RefreshToken = tokenkeep.NewSecret(value)
	case "access_token":
		t.AccessToken = tokenkeep.NewSecret(value)
	case "grant_token":
		t.GrantToken = tokenkeep.NewSecret(value)
	case "expiry_time":
		t.Expiry = sqlstore.ParseExpiry(value)
	case "redirect_url", "redirect_uri":
		t.RedirectURL = value
	case "api_domain":
		t.APIDomain = value
	case "accounts_server":
		t.AccountsServer = value
	case "data_centre":
		t.DataCentre = value
	}
}

// diagnose tells a damaged file apart from other errors.
func diagnose(err error) error {
	switch code(err) {
	case corrupt, notADB:
		return fmt.Errorf("%w: %w; name the right file, or restore it from a backup", tokenkeep.ErrCorrupt, err)
	}
	return err
}
