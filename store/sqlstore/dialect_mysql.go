package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// MySQL returns the dialect of MySQL 5.7, MariaDB 10.2 and newer, by
// github.com/go-sql-driver/mysql. [Params.MySQL] makes a DSN; of any other, all that
// matters is that it leaves the connection's character set at utf8mb4. Whether the
// driver counts found or changed rows (clientFoundRows) makes no difference.
//
// The columns of Zoho's table become texts of up to 16 MB in utf8mb4, compared byte
// for byte whatever the collation; the column id stays as it is. Zoho's SDKs read
// and write them as before. Needed rights: SELECT, INSERT, UPDATE and DELETE, and
// for the first start CREATE, ALTER and INDEX; no triggers.
func MySQL() Dialect {
	return Dialect{
		name:    "mysql",
		bind:    func(query string) string { return query },
		quote:   func(name string) string { return "`" + name + "`" },
		exact:   mysqlExact,
		columns: "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position",
		begin:   lockCounter,
		skip:    mysqlSkip,
		alone:   mysqlAlone,
		halfway: true,
		foreign: foreign{
			column: "touched", // changed by ON UPDATE CURRENT_TIMESTAMP when another program changes the row
			value:  "NULL",
			ours:   "touched IS NULL",
			mark:   "CAST(touched AS CHAR)",
		},
		migrations:  []func(n names) []string{mysqlVersion1, mysqlVersion2},
		events:      mysqlEvents,
		eventInsert: insertValues, // InnoDB gives the rows of one such statement consecutive numbers
		diagnose:    mysqlDiagnose,
	}
}

// lockCounter takes the row lock that puts those in order who insert.
func lockCounter(n names) string {
	return "SELECT value FROM " + n.dialect.quote(n.meta) + " WHERE name = 'last_id' FOR UPDATE"
}

// mysqlExact uses the index first: its collation may ignore case and always
// ignores spaces at the end.
func mysqlExact(column string) string {
	return column + " = ? AND CAST(" + column + " AS BINARY) = CAST(? AS BINARY)"
}

// mysqlVersion1 makes the official table of Zoho's SDKs, if it is not there, and
// adds to it. Each statement ends a transaction of its own, so each may be run
// again.
func mysqlVersion1(n names) []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS {meta} (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL) ENGINE=InnoDB`,
		`CREATE TABLE IF NOT EXISTS {table} (id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255),
			client_secret varchar(255), refresh_token varchar(255), access_token varchar(255), grant_token varchar(255),
			expiry_time varchar(20), redirect_url varchar(255), api_domain varchar(255), primary key (id)) ENGINE=InnoDB`,
		mysqlAlter(n),
		`UPDATE {table} SET touched = NULL WHERE touched IS NOT NULL AND seen IS NULL AND version = 1`,
		`INSERT IGNORE INTO {meta} (name, value) SELECT 'last_id', GREATEST(999999999, coalesce(max(CAST(id AS UNSIGNED)), 0)) FROM {table}
			WHERE length(id) = 10 AND CAST(id AS UNSIGNED) BETWEEN 1000000000 AND 2147483647`,
	}
}

// mysqlLong is the type of our texts.
const mysqlLong = " mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"

// mysqlVersion2 adds columns for what a later version keeps of a login.
func mysqlVersion2(names) []string {
	return []string{"ALTER TABLE {table} ADD COLUMN candidates" + mysqlLong + ", ADD COLUMN logins" + mysqlLong}
}

// mysqlEvents makes the table of the history.
func mysqlEvents(n names) []string {
	const key = " varchar(12) CHARACTER SET ascii COLLATE ascii_bin NULL"
	return []string{"CREATE TABLE IF NOT EXISTS {events} (seq bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, at bigint NOT NULL, " +
		"token_key" + key + ", user_key" + key + ", body mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, " +
		"INDEX " + n.derived("events_token") + " (token_key, seq), INDEX " + n.derived("events_user") + " (user_key, seq), " +
		"INDEX " + n.derived("events_at") + " (at)) ENGINE=InnoDB"}
}

// mysqlAlter changes the official table in one statement, which is done whole or
// not at all.
func mysqlAlter(n names) string {
	const long = mysqlLong
	steps := []string{
		"ENGINE=InnoDB", "ROW_FORMAT=DYNAMIC",
		"ADD COLUMN version bigint NOT NULL DEFAULT 1",
	}
	for _, column := range []string{
		"user_name", "client_id", "client_secret", "refresh_token", "access_token", "grant_token", "redirect_url", "api_domain",
	} {
		steps = append(steps, "MODIFY COLUMN "+column+long)
	}
	for _, column := range []string{"accounts_server", "data_centre", "scopes", "state", "claim", "mints"} {
		steps = append(steps, "ADD COLUMN "+column+long)
	}
	steps = append(steps,
		"ADD COLUMN created_at bigint NULL", "ADD COLUMN updated_at bigint NULL", "ADD COLUMN used_at bigint NULL",
		"ADD COLUMN seen varchar(40) CHARACTER SET ascii NULL",
		"ADD COLUMN touched datetime(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
	)
	for _, column := range []string{"user_name", "access_token", "grant_token", "refresh_token"} {
		steps = append(steps, "ADD INDEX "+n.derived(column)+" ("+column+"(191))")
	}
	return "ALTER TABLE {table} " + strings.Join(steps, ", ")
}

// mysqlLockTime is how long a process waits for another one that changes the
// schema.
const mysqlLockTime = 2 * time.Minute

// mysqlAlone holds a lock of the server, because what changes the schema cannot be
// one transaction. If the process dies, the server releases it.
func mysqlAlone(ctx context.Context, s *Store, do func(q executor) error) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool
	const name = "CONCAT('tokenkeep.', MD5(CONCAT(DATABASE(), '.', ?)))"
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", s.names.table, int(mysqlLockTime.Seconds())).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return &tokenkeep.Error{
			Class: tokenkeep.StoreUnavailable, Op: "upgrade", Reason: fmt.Sprintf("another program has been changing the table %s for %v", s.names.table, mysqlLockTime),
			Hint: "look for it in SHOW PROCESSLIST, and open the store again when it is done",
		}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, e := conn.ExecContext(ctx, "DO RELEASE_LOCK("+name+")", s.names.table)
		err = errors.Join(err, e)
	}()
	return do(conn)
}

// Error numbers: https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
// and https://mariadb.com/kb/en/mariadb-error-code-reference/.

// mysqlSkip holds for "already exists": table, column, index.
func mysqlSkip(err error) bool {
	switch mysqlNumber(err) {
	case 1050, 1060, 1061:
		return true
	}
	return false
}

func mysqlDiagnose(err error) diagnosis {
	number := mysqlNumber(err)
	if number == 0 {
		return diagnosis{lost: true, hint: "check that the server runs and can be reached; a save whose answer was lost may be stored"}
	}
	d := mysqlMeaning(number)
	d.code = strconv.FormatUint(number, 10)
	return d
}

func mysqlMeaning(number uint64) diagnosis {
	const wrong = tokenkeep.Misconfigured
	switch number {
	case 1213, 1020: // deadlock; MariaDB: the record has changed since it was last read
		return diagnosis{tries: 6, hint: "other programs change the same rows in another order; try again"}
	case 1205:
		return diagnosis{tries: 2, hint: "another program holds a lock on the row; try again, and end that program if it hangs (SHOW PROCESSLIST)"}
	case 1290, 1792, 1836:
		return diagnosis{sentinel: tokenkeep.ErrReadOnly, hint: "this server is a replica, or set to read-only: connect to the primary"}
	case 1045, 1698, 1524, 1251:
		return diagnosis{class: wrong, hint: "the server does not accept the user name and the password: check both, and the host that the user may come from"}
	case 1044, 1142, 1143, 1227, 1370:
		return diagnosis{class: wrong, rights: true, hint: "grant the user SELECT, INSERT, UPDATE and DELETE on the two tables, and for the first start CREATE, ALTER and INDEX"}
	case 1049, 1046:
		return diagnosis{class: wrong, hint: "create the database, or correct its name"}
	case 1146, 1054:
		return diagnosis{sentinel: tokenkeep.ErrSchema, hint: "the tables are not those that this program made; open the store again, or use another table"}
	case 1406, 1264, 1265, 1366, 1292, 3988:
		return diagnosis{sentinel: tokenkeep.ErrInvalid, quiet: true, hint: "the server does not take a value as it is: the columns must be those that this program made, and the connection's character set utf8mb4"}
	case 1153, 1301:
		return diagnosis{hint: "raise the server's max_allowed_packet"}
	case 1040, 1203, 1226, 1461:
		return diagnosis{hint: "the server has no connection or statement left: raise its limits, or lower the pools of its clients"}
	case 1021, 1114, 1026, 3, 28:
		return diagnosis{hint: "check that the server's disk works and has space; what was saved before is intact"}
	case 1053, 1927, 1317:
		return diagnosis{lost: true, hint: "the server is being shut down, or ended the connection; try again"}
	case 1034, 1712, 126, 127:
		return diagnosis{sentinel: tokenkeep.ErrCorrupt, hint: "check the table (CHECK TABLE), and restore it from a backup"}
	case 1062:
		return diagnosis{quiet: true, hint: "another program took the id at the same moment; try again"}
	}
	return diagnosis{}
}

// mysqlNumber returns the number of an error of the server, or 0. The driver's type
// is found by its field, so that this package needs no driver.
func mysqlNumber(err error) uint64 {
	for ; err != nil; err = errors.Unwrap(err) {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range several.Unwrap() {
				if n := mysqlNumber(e); n != 0 {
					return n
				}
			}
		}
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		if f := v.FieldByName("Number"); f.IsValid() && f.CanUint() {
			return f.Uint()
		}
	}
	return 0
}
