package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// statements are the prepared statements of a store. database/sql prepares each
// once on every connection of the pool.
type statements struct {
	byID   *sql.Stmt
	find   map[tokenkeep.Field]*sql.Stmt
	widths *sql.Stmt
	page   *sql.Stmt
	begin  *sql.Stmt
	update *sql.Stmt
	insert *sql.Stmt
	remove *sql.Stmt
	nextID *sql.Stmt
	lastID *sql.Stmt

	all []*sql.Stmt
	// keyArgs is how often a find takes the value that it looks for.
	keyArgs int
}

// fieldColumns are the columns that a Match can look at.
var fieldColumns = map[tokenkeep.Field]string{
	tokenkeep.ByUserName:     "user_name",
	tokenkeep.ByAccessToken:  "access_token",
	tokenkeep.ByGrantToken:   "grant_token",
	tokenkeep.ByRefreshToken: "refresh_token",
}

// prepare prepares all statements on db.
func (st *statements) prepare(ctx context.Context, db *sql.DB, n names) error {
	p := preparer{ctx: ctx, db: db, names: n, st: st}
	columns := columnNames()
	rows := "SELECT " + strings.Join(columns, ", ") + " FROM {table} "
	st.byID = p.prepare(rows + "WHERE id = ?")
	st.find = map[tokenkeep.Field]*sql.Stmt{}
	for field, column := range fieldColumns {
		st.find[field] = p.prepare(rows + findWhere(n.dialect, column) + " LIMIT 2")
	}
	st.keyArgs = strings.Count(n.dialect.exact(""), "?")
	st.widths = p.prepare("SELECT DISTINCT length(id) FROM {table} WHERE id > '' ORDER BY 1")
	st.page = p.prepare(rows + "WHERE length(id) = ? AND id > ? ORDER BY id LIMIT ?")
	st.begin = p.prepare(n.dialect.begin(n))
	st.update = p.prepare("UPDATE {table} SET " + assignments(columns) + ", version = version + 1 WHERE id = ? AND version = ?")
	st.insert = p.prepare("INSERT INTO {table} (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")")
	st.remove = p.prepare("DELETE FROM {table} WHERE id = ?")
	st.nextID = p.prepare("UPDATE {meta} SET value = value + 1 WHERE name = 'last_id'")
	st.lastID = p.prepare("SELECT value FROM {meta} WHERE name = 'last_id'")
	if p.err != nil {
		return errors.Join(p.err, st.close())
	}
	return nil
}

// findWhere is a Match on column as a condition, as tokenkeep.Match describes it.
func findWhere(d *Dialect, column string) string {
	return "WHERE " + d.exact(column) +
		" AND (? = '' OR client_id = ?)" +
		" AND (? = '' OR data_centre = ? OR data_centre IS NULL OR data_centre = '')"
}

// findArgs are the arguments of findWhere.
func (st *statements) findArgs(m tokenkeep.Match) []any {
	args := make([]any, 0, st.keyArgs+4)
	for range st.keyArgs {
		args = append(args, m.Value.Reveal())
	}
	return append(args, m.ClientID, m.ClientID, m.DataCentre, m.DataCentre)
}

// assignments sets every column that values returns.
func assignments(columns []string) string {
	var b strings.Builder
	for i, column := range columns {
		if i == colID || i == colVersion {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(column + " = ?")
	}
	return b.String()
}

// close closes all statements.
func (st *statements) close() error {
	var errs []error
	for _, s := range st.all {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// A preparer prepares statements until one fails.
type preparer struct {
	ctx   context.Context //nolint:containedctx // lives for one call
	db    *sql.DB
	names names
	st    *statements
	err   error
}

func (p *preparer) prepare(query string) *sql.Stmt {
	if p.err != nil {
		return nil
	}
	stmt, err := p.db.PrepareContext(p.ctx, p.names.fill(query))
	if err != nil {
		p.err = err
		return nil
	}
	p.st.all = append(p.st.all, stmt)
	return stmt
}
