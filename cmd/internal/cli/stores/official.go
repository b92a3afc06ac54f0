package stores

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// An Official is a table of Zoho's SDKs that is only looked at: its writes fail
// with tokenkeep.ErrReadOnly, and nothing of it is changed. Tables of older SDKs,
// which lack columns or name them user_mail and redirect_uri, are read too. Its
// tokens have no version.
type Official struct {
	db      *sql.DB
	scheme  string
	name    string
	place   string
	columns []string
	idType  string
	logger  *slog.Logger
}

var (
	_ tokenkeep.TokenStore = (*Official)(nil)
	_ tokenkeep.Pinger     = (*Official)(nil)
)

// Close closes the connection.
func (t *Official) Close() error { return t.db.Close() }

// Ping implements [tokenkeep.Pinger], as far as reading goes.
func (t *Official) Ping(ctx context.Context) error { return t.fail("ping", t.db.PingContext(ctx)) }

// GetTokens implements [tokenkeep.TokenStore]. It holds a connection while the
// loop runs. Rows without any token are left out.
func (t *Official) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		goOn := true
		err := t.read(ctx, func(tok *tokenkeep.Token) bool {
			goOn = yield(tok, nil)
			return goOn
		})
		if err != nil && goOn {
			yield(nil, t.fail("list", err))
		}
	}
}

func (t *Official) read(ctx context.Context, yield func(*tokenkeep.Token) bool) (err error) {
	rows, err := t.db.QueryContext(ctx, t.query())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
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
		tok := tokenOf(columns, fields)
		if tok.RefreshToken.IsZero() && tok.AccessToken.IsZero() && tok.GrantToken.IsZero() {
			t.logger.WarnContext(ctx, "left out a row without a token", "row", n)
			continue
		}
		if !yield(tok) {
			return nil
		}
	}
	return rows.Err()
}

// query reads all rows in the order of ids.
func (t *Official) query() string {
	quote := `"`
	if t.scheme == mysql {
		quote = "`"
	}
	q := "SELECT * FROM " + quote + strings.ReplaceAll(t.name, quote, quote+quote) + quote
	switch {
	case !slices.Contains(t.columns, "id"):
		return q
	case t.scheme == postgres:
		return q + " ORDER BY length(CAST(id AS text)), id"
	}
	return q + " ORDER BY length(id), id"
}

// tokenOf makes a token of a row by the names of its columns.
func tokenOf(columns []string, fields []sql.NullString) *tokenkeep.Token {
	tok := &tokenkeep.Token{}
	for i, column := range columns {
		setField(tok, strings.ToLower(column), strings.TrimSuffix(fields[i].String, "\r"))
	}
	return tok
}

// setField sets what a column of this name holds. Other columns are ignored.
func setField(tok *tokenkeep.Token, column, value string) {
	switch column {
	case "id":
		tok.ID = value
	case "user_name", "user_mail":
		tok.UserName = value
	case "client_id":
		tok.ClientID = value
	case "client_secret":
		tok.ClientSecret = tokenkeep.NewSecret(value)
	case "refresh_token":
		tok.RefreshToken = tokenkeep.NewSecret(value)
	case "access_token":
		tok.AccessToken = tokenkeep.NewSecret(value)
	case "grant_token":
		tok.GrantToken = tokenkeep.NewSecret(value)
	case "expiry_time":
		tok.Expiry = sqlstore.ParseExpiry(value)
	case "redirect_url", "redirect_uri":
		tok.RedirectURL = value
	case "api_domain":
		tok.APIDomain = value
	}
}

// FindToken implements [tokenkeep.TokenStore] by reading all rows.
func (t *Official) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, t.fail("find", err)
	}
	var failed error
	found, err := m.One(func(yield func(*tokenkeep.Token) bool) {
		failed = t.read(ctx, yield)
	})
	if failed != nil {
		return nil, t.fail("find", failed)
	}
	return found, t.fail("find", err)
}

// FindTokenByID implements [tokenkeep.TokenStore] by reading all rows.
func (t *Official) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	var found *tokenkeep.Token
	err := t.read(ctx, func(tok *tokenkeep.Token) bool {
		if tok.ID == id {
			found = tok
		}
		return found == nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	return found, t.fail("find", err)
}

// SaveToken implements [tokenkeep.TokenStore] and fails.
func (t *Official) SaveToken(context.Context, *tokenkeep.Token) error { return t.readOnly("save") }

// DeleteToken implements [tokenkeep.TokenStore] and fails.
func (t *Official) DeleteToken(context.Context, string) error { return t.readOnly("delete") }

// DeleteTokens implements [tokenkeep.TokenStore] and fails.
func (t *Official) DeleteTokens(context.Context) error { return t.readOnly("delete") }

func (t *Official) readOnly(op string) error {
	return t.fail(op, fmt.Errorf("%w: it is a table of Zoho's SDKs, and only looked at", tokenkeep.ErrReadOnly))
}

func (t *Official) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", t.place, op, err)
}
