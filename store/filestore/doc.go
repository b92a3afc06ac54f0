// Package filestore keeps tokens in one local file, in the format of Zoho's own
// SDKs, so that programs in Go, Python, Java, Node, PHP and Ruby on one machine
// can share their logins.
//
//	store, err := filestore.Open("sdk_tokens.txt", nil)
//
// It is made for one machine and up to a few thousand tokens: a save rewrites
// the file. Lookups cost the same for any number of tokens while the file is
// unchanged. The folder must be on a local disk: file locks of network file
// systems cannot be trusted.
//
// # What it reads and writes
//
// Every dialect of the official SDKs is read: with and without quotes, CRLF and
// LF, nine, ten and more columns, the six columns of the first generation, with
// the header lost, and rows that the Node SDK broke with a comma. [Parse] does
// this for any reader. What is written is the common part that every SDK reads:
// ten columns, LF, no quotes. A value that needs quotes is refused with a
// [FieldError]. If another program stored such a value, its row is kept as it
// stands and can still be refreshed. Lines that are no tokens are kept too.
// Before the first save that changes the dialect of a file, a copy is kept in
// FILE.before-tokenkeep.
//
// # The files next to it
//
// What the ten columns have no room for (version, state, claim, scopes, data
// centre, times) is in FILE.tokenkeep, which holds no secret. It is bound to a
// row by the row's id and a digest of the ten values. When another program
// changes a row, the digest no longer fits: the row is adopted under a new
// version, so that a compare-and-swap with the old one conflicts. Do not delete
// it while a program runs; without it, rows start again at version 1.
//
// FILE.lock and FILE.lock.next are empty and only carry locks. They may stay for
// ever.
//
// # Processes
//
// Any number of processes may use one file at once. Each write holds an
// exclusive lock for about a millisecond, never longer than its own file
// operations, and waiting processes get their turn in a fair way. The official
// SDKs take no lock and rewrite the file in place: a save of theirs at the same
// instant can undo a save of ours, as it does between two of their own.
// A half-written file of theirs is noticed and read again.
//
// # Files and modes
//
// New files have mode 0600, new folders 0700. An existing file keeps its mode
// and owner; [Store.ModeWarning] says when others can read it. A symbolic link
// is followed once, by Open: its target is what is replaced.
package filestore
