package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A Dialect is the SQL of one database product. There is one function for each,
// such as [SQLite]; the zero Dialect is not usable.
//
// The statements of this package are written once, in standard SQL with "?" for
// arguments. A Dialect holds what differs.
type Dialect struct {
	// name starts the messages of errors.
	name string
	// bind turns "?" into the placeholders of the product.
	bind func(query string) string
	// quote quotes a name that nameRule allows.
	quote func(name string) string
	// exact is a condition that holds when column is the argument, byte for byte.
	// Each "?" in it stands for that one argument.
	exact func(column string) string
	// read returns the expression that reads a column; nil stands for its name.
	read func(column string) string
	// columns lists the columns of the table that its argument names, in order,
	// and no row when there is no such table.
	columns string
	// begin is the first statement of a transaction that reads before it writes:
	// it keeps other writers out until the end.
	begin func(n names) string
	// migrations are the statements that lead from each version of the schema to
	// the next, beginning with the official table or none.
	migrations []func(n names) []string
	// events are the statements that make the table of the history.
	events func(n names) []string
	// eventInsert is the statement that adds events to it, whose numbers follow each
	// other.
	eventInsert func(n names, rows int) string
	// skip reports whether a migration may go on after err, because what the
	// statement does was done already. Nil: never.
	skip func(err error) bool
	// alone runs do while no other process changes the schema. Nil stands for one
	// transaction; a product that has one for its schema needs no more.
	alone func(ctx context.Context, s *Store, do func(q executor) error) error
	// halfway says that a migration which was interrupted leaves a part of its
	// work behind, and begins again from the last version.
	halfway bool
	// isolation is that of transactions that write.
	isolation sql.IsolationLevel
	// foreign shows writes of programs that know no versions, where the version
	// does not count them by a trigger.
	foreign foreign
	// diagnose returns what a driver's error means.
	diagnose func(err error) diagnosis
}

// A foreign says how a row shows who wrote it last. The zero foreign is that of a
// product whose triggers count the version.
type foreign struct {
	// column is set to value, an expression, by every write of this package, and
	// to something else by every other write.
	column, value string
	// ours is a condition that holds while the last write was one of ours.
	ours string
	// mark is an expression: NULL while ours holds, and else a text that differs
	// for each write.
	mark string
}

// A diagnosis is what an error of a driver means.
type diagnosis struct {
	// code names the error in the product's manual.
	code string
	// sentinel is set where package tokenkeep has one, or else class. Neither
	// means that the store is unavailable.
	sentinel error
	class    tokenkeep.Class
	// hint says what to do.
	hint string
	// tries is how often what failed may be tried in all: the product took it back
	// by itself.
	tries int
	// lost says that the connection broke: it is open whether a write happened.
	lost bool
	// rights says that the user lacks a right.
	rights bool
	// quiet says that the driver's text may quote a value.
	quiet bool
}

// names are the names of a store's tables, as configured and quoted.
type names struct {
	table, meta, events string
	dialect             *Dialect
}

// nameRule is what a table may be called: short enough that the names derived
// from it fit every product.
var nameRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,39}$`)

// newNames checks the name of the table and derives the others.
func newNames(d *Dialect, table string) (names, error) {
	if !nameRule.MatchString(table) || strings.HasPrefix(strings.ToLower(table), "sqlite_") {
		return names{}, fmt.Errorf("sqlstore: %q cannot be the name of a table: use up to 40 letters, digits and underscores, a letter first", table)
	}
	return names{table: table, meta: table + "_meta", events: table + "_events", dialect: d}, nil
}

// derived returns a quoted name that begins with the table's, for an index or a
// trigger.
func (n names) derived(suffix string) string { return n.dialect.quote(n.table + "_" + suffix) }

// fill replaces {table}, {meta} and {events} in query and binds its arguments.
func (n names) fill(query string) string {
	quote := n.dialect.quote
	return n.dialect.bind(strings.NewReplacer("{table}", quote(n.table), "{meta}", quote(n.meta), "{events}", quote(n.events)).Replace(query))
}
