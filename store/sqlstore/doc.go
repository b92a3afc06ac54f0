// Package sqlstore keeps tokens in one table of an SQL database: MySQL and MariaDB
// ([MySQL]), PostgreSQL ([Postgres]) or SQLite ([SQLite]). It speaks database/sql and
// brings no driver: the program imports one. For SQLite with everything set up, see
// package sqlitestore.
//
//	import _ "github.com/go-sql-driver/mysql"
//
//	p := sqlstore.Params{Host: "db.example", Database: "zohooauth", User: "app", Password: secret, TLS: true}
//	dsn, err := p.MySQL()
//	…
//	store, err := sqlstore.Open(ctx, "mysql", dsn, sqlstore.MySQL(), nil)
//
// [Params] are those of the DBStore of Zoho's own SDKs. [Open] takes any DSN of the
// driver, and [New] a *sql.DB that the program opened itself.
//
// # The table
//
// The store creates the table, or takes over the table of Zoho's SDKs (oauthtoken,
// with its ten columns) and adds columns after those ten. Programs that use the SDKs
// go on working with the same table: they insert with named columns and read the
// first ten by position. Columns:
//
//	id user_name client_id client_secret refresh_token access_token grant_token
//	expiry_time redirect_url api_domain          Zoho's ten
//	version                                      counts the saves of the row
//	accounts_server data_centre scopes state claim mints candidates logins
//	created_at updated_at used_at                milliseconds since 1970, UTC
//	seen, touched (MySQL), writer (PostgreSQL)   show what another program wrote
//
// NULL and the empty text both mean that a value is absent. expiry_time is the
// number of milliseconds since 1970 in decimal digits, as the SDKs write it; a
// value that is not such a number reads as a token that has expired. scopes holds
// one scope a line, candidates one refresh token a line, mints and logins milliseconds
// with commas between them, claim
// "<since> <owner>" and state "<class> <until> <since> <failures> <reason>".
//
// A second table, <table>_meta, holds the version of the schema and the last id
// that was given, so that an id never names a second login, also after all rows
// were deleted. The schema is brought up to date once, by the first of the processes
// that start; a table of a newer version is refused with tokenkeep.ErrSchema. After
// that, a user with SELECT, INSERT, UPDATE and DELETE on the two tables is enough,
// and a server that takes no writes can be read.
//
// # The history
//
// A third table, <table>_events, holds the history of events ([Store.AppendEvents]), one
// row each: seq, its number; at, its time in milliseconds; token_key and user_key,
// digests of the id and the user name for look-ups; body, the tokenkeep.Event as JSON.
// It is made with the others, or by the first append if the user may make tables. A user
// needs SELECT, INSERT and DELETE on it; without them the store keeps no history, says so
// with tokenkeep.ErrNoHistory, and does everything else. An append is one statement, apart
// from the saves of tokens; the events of one append stay together and in order.
//
// # Sharing the table with Zoho's SDKs
//
// Their programs know no versions. What they write is noticed all the same, so that
// a save that began before fails with ErrConflict, as it should, and overwrites
// nothing. In SQLite triggers count the version for them. In MySQL and PostgreSQL,
// where triggers take rights, a column tells who wrote the row last: MySQL changes
// touched by itself when a program does not set it (ON UPDATE CURRENT_TIMESTAMP),
// and PostgreSQL stamps each row with its transaction (xmin), which is compared with
// the one in writer. The first read of such a row adopts it: it counts the version,
// in one more statement. A refresh token that such a program changed is a new login of
// that moment, for policies and quotas too: it clears state, claim, mint times,
// candidates, scopes and the time of use, and with another API domain also accounts
// server and data centre.
//
// Ids begin at 1000000000. The SDKs take max(id) as text and add one, which works
// while all ids have one width. A MySQL table with shorter ids is cured, for them and
// for this package, by ALTER TABLE oauthtoken MODIFY id BIGINT NOT NULL.
//
// # Operations
//
// A lookup is one statement, prepared once for each connection, on an index, and
// one round trip. A save with a version is one UPDATE. A save without one is a lookup
// and such an UPDATE, or a transaction that inserts a row. No transaction and no lock
// is held across anything but SQL. Listing reads pages in the order of ids and holds
// no connection between them.
//
// A statement that the server took back, for a deadlock or a lock that another
// program holds, is tried again a few times; a read whose connection broke is made
// again on another one. An error that ends a save because ctx ended, or because the
// connection broke, leaves open whether the row was written: read it again.
//
// # Errors
//
// A wrong password, an unknown database and missing rights are of the class
// tokenkeep.Misconfigured; a server that takes no writes gives tokenkeep.ErrReadOnly,
// a value that it does not take tokenkeep.ErrInvalid; what else goes wrong is
// tokenkeep.StoreUnavailable. None of them shows a password or a token.
package sqlstore
