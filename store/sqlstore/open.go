package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// poolSize is how many connections of one process [Open] keeps: few, because
// servers allow some hundred in all, and a statement takes less than a millisecond.
const poolSize = 8

// Open returns a store on a database of its own, which Close closes. Driver is the
// name under which the program registered the driver, by an import: "mysql" for
// github.com/go-sql-driver/mysql, "pgx" for github.com/jackc/pgx/v5/stdlib. It keeps
// up to eight connections; a program that wants others opens the *sql.DB itself and
// calls [New].
//
// The errors are those of New. None of them shows the DSN.
func Open(ctx context.Context, driver string, dsn tokenkeep.Secret, dialect Dialect, opts *Options) (*Store, error) {
	db, err := sql.Open(driver, dsn.Reveal())
	if err != nil {
		return nil, &tokenkeep.Error{
			Class: tokenkeep.Misconfigured, Op: dialect.name + ": open", Reason: "the driver " + driver + " is not there, or does not understand the DSN",
			Hint: "import the driver, and see its documentation for the form of a DSN",
		}
	}
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s, err := New(ctx, db, dialect, opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.owned = db
	return s, nil
}
