package sqlitestore

import (
	"errors"

	"modernc.org/sqlite"
)

// Primary result codes of SQLite: https://www.sqlite.org/rescode.html.
const (
	busy     = 5
	locked   = 6
	readOnly = 8
	corrupt  = 11
	cantOpen = 14
	notADB   = 26
)

// Extended result codes: a database in WAL mode cannot be read, because the files
// that belong to it cannot be made.
const (
	readOnlyCantInit  = readOnly | 5<<8
	readOnlyDirectory = readOnly | 6<<8
)

// needsFiles reports whether err is the failure to make those files.
func needsFiles(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == readOnlyCantInit || e.Code() == readOnlyDirectory || e.Code()&0xff == cantOpen)
}

// code returns the primary result code of an SQLite error, and 0 for another.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
