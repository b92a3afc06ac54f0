// Package sqlitestore keeps tokens in a SQLite database, in pure Go: the embedded
// default of tokenkeep, for up to millions of tokens on one host and any number
// of processes.
//
//	store, err := sqlitestore.Open(ctx, "/var/lib/app/tokens.db", nil)
//	if err != nil { … }
//	defer store.Close()
//
// The path ":memory:" gives a private database in memory, shared by all
// goroutines that use the store and gone when it is closed.
//
// # Files
//
// A database that does not exist is created, readable by its owner alone (0600),
// in a folder that is created likewise (0700). Beside it SQLite keeps NAME-wal and
// NAME-shm, which belong to it and must be moved and copied with it, and this
// package keeps NAME.lock and NAME.queue, empty files that put writers in order.
// An existing database that others can read is used, and a warning logged.
//
// Keep the database on a local disk: SQLite's locks do not work on network file
// systems.
//
// # Durability and concurrency
//
// The database is in WAL mode with synchronous=FULL: a save is on the disk when it
// returns, and readers never wait for writers. Writers of all processes queue at
// the lock files, because SQLite's own waiting lets one busy process starve the
// others. The queue is a courtesy and not what keeps the data right: a process
// that stands still in it for a second is passed by, and SQLite's own lock
// decides.
//
// # The file of Zoho's sample
//
// Zoho's article on token persistence keeps tokens in a SQLite file, zohooauth.db,
// with a table oauthtoken. [Open] opens such a file: after a check that it is
// sound, a copy of it is kept beside it as NAME.before-tokenkeep-TIME, and columns,
// indexes and triggers are added to the table in one transaction. No row is
// changed, and Python programs that use the sample go on working with it.
// [ReadLegacy] reads such a file, and the tables of older SDKs, and changes
// nothing.
//
// # Reading only
//
// A database that may not be written can be read; writes fail with
// tokenkeep.ErrReadOnly. If the folder may not be written either and no process
// has the database open, it is read as immutable: a program with other rights
// that starts to write it meanwhile is not noticed until the store is opened
// again.
package sqlitestore
