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
// centre, times) is in FILE.tokenkeep, which shows no secret: candidate refresh
// tokens are in it encrypted, with a key made of the row's own refresh token, so
// that they open beside FILE only. It is bound to a row by the row's id and a digest
// of the ten values. When another program
// changes a row, the digest no longer fits: the row is adopted under a new
// version, so that a compare-and-swap with the old one conflicts. Do not delete
// it while a program runs; without it, rows start again at version 1.
//
// FILE.history has what happened to the tokens, as one line of JSON for each event:
// user names and ids in clear, no token. It is made by the first event, outlives the
// rows, and is only appended to, until [Store.PruneEvents] removes what is old or
// [Options].HistoryBytes is reached: then its older half goes. A line that a process
// did not finish is passed over. It has a lock of its own, FILE.history.lock: no
// save or lookup of a token waits for it.
//
// FILE.lock, FILE.lock.next and FILE.history.lock are empty and only carry locks. They may stay for
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
