package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/tokenkeep/tokenkeep"
)

// FindToken implements [tokenkeep.TokenStore] with one statement.
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, s.fail(ctx, "find", err)
	}
	t, err := s.match(ctx, nil, m)
	if err == nil && t == nil {
		err = fmt.Errorf("%w by %s", tokenkeep.ErrNotFound, m.Field)
	}
	return t, s.fail(ctx, "find", err)
}

// FindTokenByID implements [tokenkeep.TokenStore] with one statement.
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	t, err := s.byID(ctx, nil, id)
	if err == nil && t == nil {
		err = fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	return t, s.fail(ctx, "find", err)
}

// match returns the row that m means, nil when there is none, and ErrAmbiguous
// when there are several. A nil tx reads outside of a transaction.
func (s *Store) match(ctx context.Context, tx *sql.Tx, m tokenkeep.Match) (*tokenkeep.Token, error) {
	if !storable(m.Value.Reveal()) || !storable(m.ClientID) || !storable(m.DataCentre) {
		return nil, nil
	}
	stmt, args := s.stmts.match(m)
	rows, err := s.query(ctx, tx, stmt, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if len(rows) > 1 {
		return nil, m.Ambiguous(rows[0].Token, rows[1].Token)
	}
	return rows[0].Token, nil
}

// byID returns the row with this id, or nil. The id is unique, whatever the
// collation of its column, so what is equal to it only nearly is told apart here.
func (s *Store) byID(ctx context.Context, tx *sql.Tx, id string) (*tokenkeep.Token, error) {
	if !storable(id) {
		return nil, nil
	}
	rows, err := s.query(ctx, tx, s.stmts.byID, id)
	if err != nil || len(rows) == 0 || rows[0].ID != id {
		return nil, err
	}
	return rows[0].Token, nil
}

// storable reports whether a column can hold v. Some products refuse to look for
// what it cannot.
func storable(v string) bool { return utf8.ValidString(v) && !strings.Contains(v, "\x00") }

// A row is one that was read. Mark is set if another program wrote it last.
type row struct {
	*tokenkeep.Token
	seen, mark string
}

// adoptTries is how often a read begins again because a row that it wants to adopt
// changes at that moment.
const adoptTries = 5

// query returns the rows of stmt, in tx or, if that is nil, outside of a
// transaction. It adopts those that another program wrote.
func (s *Store) query(ctx context.Context, tx *sql.Tx, stmt *sql.Stmt, args ...any) (rows []row, err error) {
	for try := 1; ; try++ {
		if tx != nil {
			rows, err = s.read(ctx, tx.StmtContext(ctx, stmt), args)
		} else {
			err = s.reread(ctx, func() (err error) {
				rows, err = s.read(ctx, stmt, args)
				return err
			})
		}
		if err == nil {
			err = s.adoptAll(ctx, tx, rows)
		}
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return rows, err
		}
		if tx != nil {
			return nil, err
		}
		if try == adoptTries {
			return rows, nil // as adopted in memory
		}
	}
}

func (s *Store) adoptAll(ctx context.Context, tx *sql.Tx, rows []row) error {
	for _, r := range rows {
		if r.mark == "" {
			continue
		}
		if err := s.adopt(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

// read returns the rows of stmt as they are.
func (s *Store) read(ctx context.Context, stmt *sql.Stmt, args []any) (found []row, err error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	var rec record
	targets := rec.targets(s.stmts.width)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		t, err := rec.token()
		if err != nil {
			return nil, err
		}
		found = append(found, row{t, text(rec[colSeen]), text(rec[colMark])})
	}
	return found, rows.Err()
}

// pageSize is how many rows a listing reads at a time.
const pageSize = 256

// GetTokens implements [tokenkeep.TokenStore]. It looks once over the ids, then
// reads pages of 256 rows, and holds no connection between them, so the loop's
// body may use the store. A row that is saved or deleted while the listing runs is
// seen as it is when its page is read.
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		var widths []int
		err := s.reread(ctx, func() (err error) {
			widths, err = s.widths(ctx)
			return err
		})
		if err != nil {
			yield(nil, s.fail(ctx, "list", err))
			return
		}
		for _, width := range widths {
			if !s.listWidth(ctx, width, yield) {
				return
			}
		}
	}
}

// widths returns the lengths of the ids in the table, ascending: 10, and others
// if Zoho's SDKs wrote to it.
func (s *Store) widths(ctx context.Context) (widths []int, err error) {
	rows, err := s.stmts.widths.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		widths = append(widths, n)
	}
	return widths, rows.Err()
}

// listWidth yields the rows with ids of one width, and reports whether to go on.
func (s *Store) listWidth(ctx context.Context, width int, yield func(*tokenkeep.Token, error) bool) bool {
	last := ""
	for {
		page, err := s.query(ctx, nil, s.stmts.page, width, last, pageSize)
		if err != nil {
			yield(nil, s.fail(ctx, "list", err))
			return false
		}
		for _, t := range page {
			if err := ctx.Err(); err != nil {
				yield(nil, s.fail(ctx, "list", err))
				return false
			}
			if !yield(t.Token, nil) {
				return false
			}
			last = t.ID
		}
		if len(page) < pageSize {
			return true
		}
	}
}
