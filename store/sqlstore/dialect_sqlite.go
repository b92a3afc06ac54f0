package sqlstore

import (
	"errors"

	"github.com/tokenkeep/tokenkeep"
)

// SQLite returns the dialect of SQLite 3.35 and newer. Errors are told apart by
// the method Code() int of modernc.org/sqlite; those of other drivers count as
// "store unavailable".
//
// Open the database in WAL mode with synchronous=FULL, or a save is not durable
// when it returns, with a busy timeout, and with transactions that begin as
// immediate ("_txlock=immediate" for modernc.org/sqlite), or one of two processes
// that create the table at the same moment may fail. Package sqlitestore does all
// of this.
func SQLite() Dialect {
	return Dialect{
		name:        "sqlite",
		bind:        func(query string) string { return query },
		quote:       func(name string) string { return `"` + name + `"` },
		exact:       func(column string) string { return column + " = ?" }, // BINARY is the default collation
		columns:     "SELECT name FROM pragma_table_info(?) ORDER BY cid",
		begin:       sqliteBegin,
		events:      sqliteEvents,
		eventInsert: insertValues,
		diagnose:    sqliteDiagnose,
		migrations: []func(n names) []string{
			sqliteVersion1, sqliteVersion2,
		},
	}
}

// sqliteBegin takes the write lock and changes nothing. A transaction that reads
// first and writes later fails with SQLITE_BUSY when another one wrote in
// between, and no busy timeout helps; this way it waits at its start.
func sqliteBegin(n names) string {
	return "DELETE FROM " + n.dialect.quote(n.meta) + " WHERE name = ''"
}

// sqliteVersion1 makes the official table of Zoho's SDKs, if it is not there, and
// adds to it.
func sqliteVersion1(n names) []string {
	steps := []string{
		`CREATE TABLE IF NOT EXISTS {table} (id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255),
			client_secret varchar(255), refresh_token varchar(255), access_token varchar(255), grant_token varchar(255),
			expiry_time varchar(20), redirect_url varchar(255), api_domain varchar(255), primary key (id))`,
		`CREATE TABLE {meta} (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL)`,
		`INSERT INTO {meta} (name, value) SELECT 'last_id', coalesce(max(CAST(id AS INTEGER)), 0) FROM {table}
			WHERE length(id) = 10 AND CAST(id AS INTEGER) BETWEEN 1000000000 AND 2147483647`,
		`UPDATE {meta} SET value = 999999999 WHERE name = 'last_id' AND value < 999999999`,
		`ALTER TABLE {table} ADD COLUMN version bigint NOT NULL DEFAULT 1`,
	}
	for _, column := range []string{"accounts_server", "data_centre", "scopes", "state", "claim", "mints"} {
		steps = append(steps, "ALTER TABLE {table} ADD COLUMN "+column+" text")
	}
	for _, column := range []string{"created_at", "updated_at", "used_at"} {
		steps = append(steps, "ALTER TABLE {table} ADD COLUMN "+column+" bigint")
	}
	for _, column := range []string{"user_name", "access_token", "grant_token", "refresh_token"} {
		steps = append(steps, "CREATE INDEX "+n.derived(column)+" ON {table} ("+column+") WHERE "+column+" IS NOT NULL")
	}
	return append(steps, sqliteForeignInsert(n), sqliteForeignVersion(n), sqliteForeignUpdate(n, ""))
}

// sqliteVersion2 adds columns for what a later version keeps of a login.
func sqliteVersion2(n names) []string {
	return []string{
		"ALTER TABLE {table} ADD COLUMN candidates text",
		"ALTER TABLE {table} ADD COLUMN logins text",
		"DROP TRIGGER " + n.derived("foreign_update"),
		sqliteForeignUpdate(n, `,
				candidates = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.candidates END,
				logins = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token
					THEN coalesce(coalesce(NEW.logins, NEW.created_at) || ',', '') || (1000 * CAST(strftime('%s', 'now') AS INTEGER))
					ELSE NEW.logins END,
				used_at = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.used_at END`),
	}
}

// sqliteEvents makes the table of the history. Numbers are not given again.
func sqliteEvents(n names) []string {
	return []string{
		"CREATE TABLE {events} (seq INTEGER PRIMARY KEY AUTOINCREMENT, at bigint NOT NULL, token_key varchar(12), user_key varchar(12), body text NOT NULL)",
		"CREATE INDEX " + n.derived("events_token") + " ON {events} (token_key, seq) WHERE token_key IS NOT NULL",
		"CREATE INDEX " + n.derived("events_user") + " ON {events} (user_key, seq) WHERE user_key IS NOT NULL",
		"CREATE INDEX " + n.derived("events_at") + " ON {events} (at)",
	}
}

// sqliteForeignInsert keeps the last id above those that other programs choose.
// Ids beyond 2147483647 break the Java SDK and are none of theirs.
func sqliteForeignInsert(n names) string {
	return "CREATE TRIGGER " + n.derived("foreign_insert") + ` AFTER INSERT ON {table} FOR EACH ROW
		WHEN length(NEW.id) = 10 AND CAST(NEW.id AS INTEGER) <= 2147483647
			AND CAST(NEW.id AS INTEGER) > (SELECT value FROM {meta} WHERE name = 'last_id')
		BEGIN
			UPDATE {meta} SET value = CAST(NEW.id AS INTEGER) WHERE name = 'last_id';
		END`
}

// sqliteForeignVersion begins the versions of a row that another program inserted at
// the time in milliseconds: see [adopted].
func sqliteForeignVersion(n names) string {
	return "CREATE TRIGGER " + n.derived("foreign_version") + ` AFTER INSERT ON {table} FOR EACH ROW WHEN NEW.created_at IS NULL
		BEGIN
			UPDATE {table} SET version = 1000 * CAST(strftime('%s', 'now') AS INTEGER) WHERE id = NEW.id;
		END`
}

// sqliteForeignUpdate counts the version when a program that knows no versions
// changes a row. A new refresh token is a login of that moment; a new access token
// shows that the login works. More sets the columns of later versions.
func sqliteForeignUpdate(n names, more string) string {
	return "CREATE TRIGGER " + n.derived("foreign_update") + ` AFTER UPDATE ON {table} FOR EACH ROW
		WHEN NEW.version = OLD.version
		BEGIN
			UPDATE {table} SET version = OLD.version + 1,
				state = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token OR NEW.access_token IS NOT OLD.access_token
					THEN NULL ELSE NEW.state END,
				claim = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.claim END,
				mints = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.mints END` + more + `
			WHERE id = NEW.id;
		END`
}

// Result codes of SQLite: https://www.sqlite.org/rescode.html.
const (
	sqliteError    = 1
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

func sqliteDiagnose(err error) diagnosis {
	coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok {
		return diagnosis{}
	}
	switch coded.Code() & 0xff {
	case sqliteReadOnly:
		return diagnosis{sentinel: tokenkeep.ErrReadOnly, hint: "make the database file and its folder writable"}
	case sqliteCorrupt, sqliteNotADB:
		return diagnosis{sentinel: tokenkeep.ErrCorrupt, hint: "restore the file from a backup, or move it away and log in again; nothing in it was changed"}
	case sqliteError:
		return diagnosis{sentinel: tokenkeep.ErrSchema, hint: "the tables are not those that this program made; open the store again, or use another table"}
	case sqliteBusy, sqliteLocked:
		return diagnosis{hint: "another program holds the database's write lock; try again, and end that program if it hangs"}
	case sqliteFull, sqliteIOErr:
		return diagnosis{hint: "check that the disk works and has space; what was saved before is intact"}
	case sqliteCantOpen:
		return diagnosis{hint: "check that the file and its folder exist and may be read and written"}
	}
	return diagnosis{}
}
