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
	find   map[tokenkeep.Field]*sql.Stmt // by the value alone
	narrow map[tokenkeep.Field]*sql.Stmt // and the client and the data centre
	widths *sql.Stmt
	page   *sql.Stmt
	lastID *sql.Stmt
	taken  *sql.Stmt
	begin  writeStmt
	update writeStmt
	insert writeStmt
	remove writeStmt
	nextID writeStmt
	raise  writeStmt
	adopt  writeStmt // has no query where triggers count the version

	all []*sql.Stmt
	// width is how many columns a row is read with.
	width int
	// keyArgs is how often an exact comparison takes its value.
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
	d := n.dialect
	rows := "SELECT " + strings.Join(st.readColumns(d), ", ") + " FROM {table} "
	byID := "WHERE " + d.exact("id")
	st.keyArgs = strings.Count(d.exact(""), "?")
	st.byID = p.prepare(rows + "WHERE id = ?")
	st.find, st.narrow = map[tokenkeep.Field]*sql.Stmt{}, map[tokenkeep.Field]*sql.Stmt{}
	for field, column := range fieldColumns {
		st.find[field] = p.prepare(rows + "WHERE " + d.exact(column) + " LIMIT 2")
		st.narrow[field] = p.prepare(rows + "WHERE " + d.exact(column) + narrowed(d) + " LIMIT 2")
	}
	st.widths = p.prepare("SELECT DISTINCT length(id) FROM {table} WHERE id > '' ORDER BY 1")
	st.page = p.prepare(rows + "WHERE length(id) = ? AND id > ? ORDER BY id LIMIT ?")
	st.remove = p.prepareWrite("DELETE FROM {table} " + byID)
	st.begin = p.prepareWrite(d.begin(n))
	st.nextID = p.prepareWrite("UPDATE {meta} SET value = value + 1 WHERE name = 'last_id'")
	st.lastID = p.prepare("SELECT value FROM {meta} WHERE name = 'last_id'")
	st.taken = p.prepare("SELECT count(*) FROM {table} " + byID)
	st.raise = p.prepareWrite("UPDATE {meta} SET value = ? WHERE name = 'last_id' AND value < ?")
	st.prepareWrites(&p, d, byID)
	if p.err != nil {
		return errors.Join(p.err, st.close())
	}
	return nil
}

// prepareWrites prepares the statements that write rows.
func (st *statements) prepareWrites(p *preparer, d *Dialect, byID string) {
	columns := columnNames()
	set, where, last := assignments(columns)+", version = version + 1", byID+" AND version = ?", "?"
	if d.foreign.column != "" {
		mine := ", seen = ?, " + d.foreign.column + " = " + d.foreign.value
		st.adopt = p.prepareWrite("UPDATE {table} SET accounts_server = ?, data_centre = ?, scopes = ?, " +
			"state = ?, claim = ?, mints = ?, candidates = ?, logins = ?, used_at = ?, version = ?" + mine + " " + where + " AND " + d.foreign.mark + " = ?")
		set += mine
		where += " AND " + d.foreign.ours
		columns = append(columns, "seen", d.foreign.column)
		last = d.foreign.value
	}
	st.update = p.prepareWrite("UPDATE {table} SET " + set + " " + where)
	st.insert = p.prepareWrite("INSERT INTO {table} (" + strings.Join(columns, ", ") + ") VALUES (" +
		strings.Repeat("?, ", len(columns)-1) + last + ")")
}

// readColumns returns the columns of a record, as expressions.
func (st *statements) readColumns(d *Dialect) []string {
	columns := columnNames()
	if d.read != nil {
		for i, column := range columns {
			columns[i] = d.read(column)
		}
	}
	if d.foreign.column != "" {
		columns = append(columns, "seen", d.foreign.mark)
	}
	st.width = len(columns)
	return columns
}

// narrowed narrows a Match by client and data centre, as tokenkeep.Match describes.
func narrowed(d *Dialect) string {
	return " AND (? = 0 OR " + d.exact("client_id") + ")" +
		" AND (? = 0 OR data_centre IS NULL OR data_centre = '' OR " + d.exact("data_centre") + ")"
}

// match returns the statement for m and its arguments.
func (st *statements) match(m tokenkeep.Match) (*sql.Stmt, []any) {
	args := st.key(make([]any, 0, 3*st.keyArgs+2), m.Value.Reveal())
	if m.ClientID == "" && m.DataCentre == "" {
		return st.find[m.Field], args
	}
	args = st.key(append(args, len(m.ClientID)), m.ClientID)
	return st.narrow[m.Field], st.key(append(args, len(m.DataCentre)), m.DataCentre)
}

// key appends the arguments of an exact comparison with value.
func (st *statements) key(args []any, value string) []any {
	for range st.keyArgs {
		args = append(args, value)
	}
	return args
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

// A writeStmt is a statement that writes. It is not prepared if the server took no
// writes when the store was opened.
type writeStmt struct {
	query    string
	prepared *sql.Stmt
}

func (p *preparer) prepareWrite(query string) writeStmt {
	w := writeStmt{query: p.names.fill(query)}
	w.prepared = p.prepare(query)
	if p.err != nil && errors.Is(p.names.dialect.diagnose(p.err).sentinel, tokenkeep.ErrReadOnly) {
		p.err = nil
	}
	return w
}

// exec runs w in tx or, if that is nil, outside of a transaction.
func (s *Store) exec(ctx context.Context, tx *sql.Tx, w writeStmt, args ...any) (sql.Result, error) {
	switch {
	case w.prepared == nil && tx == nil:
		return s.db.ExecContext(ctx, w.query, args...)
	case w.prepared == nil:
		return tx.ExecContext(ctx, w.query, args...)
	case tx == nil:
		return w.prepared.ExecContext(ctx, args...)
	}
	return tx.StmtContext(ctx, w.prepared).ExecContext(ctx, args...)
}
