package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"reflect"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// Postgres returns the dialect of PostgreSQL 11 and newer, by
// github.com/jackc/pgx/v5/stdlib or another driver whose errors have a method
// SQLState() string. [Params.Postgres] makes a DSN.
//
// The table is looked for along the search path, and made in its first schema. A
// table with Zoho's ten columns is taken over; they become texts without a limit,
// except id. Needed rights: SELECT, INSERT, UPDATE and DELETE, and for the first
// start CREATE on the schema, or to own the table. The database's encoding must be
// UTF8. Writes of other programs show by the system column xmin, so no triggers are
// needed; after a restore from a dump each row is adopted once.
//
// Behind a pooler that hands out connections by transaction, such as PgBouncer,
// prepared statements must be switched on there.
func Postgres() Dialect {
	return Dialect{
		name:      "postgres",
		bind:      numbered,
		quote:     func(name string) string { return `"` + name + `"` },
		exact:     func(column string) string { return column + " = ?" },
		columns:   "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(?)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
		read:      postgresRead,
		begin:     lockCounter,
		alone:     postgresAlone,
		isolation: sql.LevelReadCommitted,
		foreign: foreign{
			column: "writer", // the transaction of the last write of this package
			value:  "txid_current() % 4294967296",
			ours:   "xmin::text = writer::text",
			mark:   "CASE WHEN xmin::text = writer::text THEN NULL ELSE xmin::text END",
		},
		migrations: []func(n names) []string{postgresVersion1, postgresVersion2},
		diagnose:   postgresDiagnose,
	}
}

// numbered turns each "?" into "$1", "$2"…: no statement has one in a text.
func numbered(query string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// postgresRead fixes the type of what is read: prepared statements fail for good
// when somebody changes that of a column.
func postgresRead(column string) string {
	switch column {
	case "version", "created_at", "updated_at", "used_at":
		return column + "::bigint"
	}
	return column + "::text"
}

// postgresAlone is a transaction under a lock of the server, because two that make
// the same table at once fail.
func postgresAlone(ctx context.Context, s *Store, do func(q executor) error) error {
	h := fnv.New64a()
	_, _ = h.Write([]byte("tokenkeep." + s.names.table)) // a hash takes everything
	return s.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil { //nolint:gosec // any 64 bits will do
			return err
		}
		return do(tx)
	})
}

// postgresVersion1 makes a table like the official one of Zoho's SDKs, if it is not
// there, and adds to it. Indexes are of hashes: they take values of any length.
func postgresVersion1(n names) []string {
	alter := []string{"ADD COLUMN version bigint NOT NULL DEFAULT 1"}
	for _, column := range official[1:] {
		if column != "expiry_time" {
			alter = append(alter, "ALTER COLUMN "+column+" TYPE text")
		}
		alter = append(alter, "ALTER COLUMN "+column+" DROP NOT NULL")
	}
	for _, column := range []string{"accounts_server", "data_centre", "scopes", "state", "claim", "mints"} {
		alter = append(alter, "ADD COLUMN "+column+" text")
	}
	for _, column := range []string{"created_at", "updated_at", "used_at"} {
		alter = append(alter, "ADD COLUMN "+column+" bigint")
	}
	alter = append(alter, "ADD COLUMN seen text", "ADD COLUMN writer bigint")
	steps := []string{
		`CREATE TABLE IF NOT EXISTS {table} (id varchar(10) COLLATE "C" NOT NULL, user_name text, client_id text, client_secret text,
			refresh_token text, access_token text, grant_token text, expiry_time varchar(20), redirect_url text, api_domain text,
			PRIMARY KEY (id))`,
		`CREATE TABLE {meta} (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL)`,
		`INSERT INTO {meta} (name, value) SELECT 'last_id', greatest(999999999, coalesce(max(id), '0')::bigint) FROM {table}
			WHERE length(id) = 10 AND id ~ '^[0-9]+$' AND id BETWEEN '1000000000' AND '2147483647'`,
		"ALTER TABLE {table} " + strings.Join(alter, ", "),
		`UPDATE {table} SET writer = txid_current() % 4294967296`,
	}
	for _, column := range []string{"user_name", "access_token", "grant_token", "refresh_token"} {
		steps = append(steps, "CREATE INDEX "+n.derived(column)+" ON {table} USING hash ("+column+")")
	}
	return steps
}

// postgresVersion2 adds columns for what a later version keeps of a login. It writes
// no row, so that none counts as written by another program.
func postgresVersion2(names) []string {
	return []string{"ALTER TABLE {table} ADD COLUMN candidates text, ADD COLUMN logins text"}
}

// postgresDiagnose goes by the codes of
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func postgresDiagnose(err error) diagnosis {
	coded, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	if !ok && isDSNError(err) {
		return diagnosis{class: tokenkeep.Misconfigured, quiet: true, hint: "correct the DSN: postgres://USER:PASSWORD@HOST:PORT/DATABASE"}
	}
	if !ok {
		return diagnosis{lost: true, hint: "check that the server runs and can be reached; a save whose answer was lost may be stored"}
	}
	code := coded.SQLState()
	d := postgresMeaning(code)
	d.code = code
	return d
}

func postgresMeaning(code string) diagnosis {
	const wrong = tokenkeep.Misconfigured
	switch code {
	case "40001", "40P01":
		return diagnosis{tries: 6, hint: "other programs change the same rows in another order; try again"}
	case "55P03":
		return diagnosis{tries: 2, hint: "another program holds a lock on the row; try again, and end that program if it hangs (pg_stat_activity)"}
	case "25006":
		return diagnosis{sentinel: tokenkeep.ErrReadOnly, hint: "this server is a standby, or set to read-only: connect to the primary"}
	case "28P01", "28000":
		return diagnosis{class: wrong, hint: "the server does not accept the user name and the password: check both, and the server's pg_hba.conf"}
	case "42501":
		return diagnosis{class: wrong, hint: "grant the user SELECT, INSERT, UPDATE and DELETE on the two tables; for the first start it must own an existing table, or have CREATE on the schema"}
	case "3D000", "3F000":
		return diagnosis{class: wrong, hint: "create the database and the schema, or correct their names"}
	case "42P01", "42703":
		return diagnosis{sentinel: tokenkeep.ErrSchema, hint: "the tables are not those that this program made; open the store again, or use another table"}
	case "57P01", "57P02", "57P03", "57P05":
		return diagnosis{lost: true, hint: "the server is starting or being shut down; try again in a while"}
	}
	switch code[:min(2, len(code))] {
	case "08":
		return diagnosis{lost: true, hint: "check that the server runs and can be reached; a save whose answer was lost may be stored"}
	case "22":
		return diagnosis{sentinel: tokenkeep.ErrInvalid, quiet: true, hint: "the server does not take a value as it is: the columns must be those that this program made, and the database's encoding UTF8"}
	case "53":
		return diagnosis{hint: "the server has no connection, memory or disk space left; what was saved before is intact"}
	case "58", "XX":
		return diagnosis{hint: "the server cannot read or write its files: see its log; restore the database from a backup if it is damaged"}
	}
	return diagnosis{}
}

// isDSNError reports whether pgx did not understand a DSN. Its text quotes it.
func isDSNError(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if t := reflect.TypeOf(err); t.Kind() == reflect.Pointer && t.Elem().Name() == "ParseConfigError" {
			return true
		}
	}
	return false
}
