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

// code returns the primary result code of an SQLite error, and 0 for another.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
