// Package sqlstore keeps tokens in one table of an SQL database. It speaks
// database/sql and brings no driver: the caller opens the *sql.DB and says which
// [Dialect] it speaks. For SQLite with everything set up, see package
// sqlitestore.
//
//	db, err := sql.Open("sqlite", "file:/var/lib/app/tokens.db")
//	…
//	store, err := sqlstore.New(ctx, db, sqlstore.SQLite(), nil)
//
// # The table
//
// [New] creates the table, or takes over the table of Zoho's own SDKs
// (oauthtoken, with its ten columns) and adds columns after those ten. Programs
// that use the SDKs go on working with the same table: they insert with named
// columns and read the first ten by position. Columns:
//
//	id user_name client_id client_secret refresh_token access_token grant_token
//	expiry_time redirect_url api_domain          Zoho's ten
//	version                                      counts the saves of the row
//	accounts_server data_centre scopes state claim mints
//	created_at updated_at used_at                milliseconds since 1970, UTC
//
// NULL and the empty text both mean that a value is absent. expiry_time is the
// number of milliseconds since 1970 in decimal digits, as the SDKs write it; a
// value that is not such a number reads as a token that has expired. scopes holds
// one scope a line, mints milliseconds with commas between them, claim
// "<since> <owner>" and state "<class> <until> <since> <failures> <reason>".
//
// A second table, <table>_meta, holds the version of the schema and the last id
// that was given, so that an id never names a second login, also after all rows
// were deleted.
//
// # Sharing the table with Zoho's SDKs
//
// Their programs know no versions. Triggers count the version of a row for them
// and keep the last id above theirs, so that a save that began before such a
// program wrote fails with ErrConflict, as it should, and overwrites nothing. A
// refresh token that such a program changed is a new login: it clears state,
// claim and mint times, as [tokenkeep.Merge] does.
//
// # Operations
//
// A lookup is one statement, prepared once for each connection, on an index. A
// save with a version is one UPDATE. A save without one is a transaction: find
// the row that is meant, merge, write. No transaction and no lock is held across
// anything but SQL. Listing reads pages in the order of ids and holds no
// connection between them.
//
// An error that ends a save because ctx ended leaves open whether the row was
// written: read it again.
package sqlstore
