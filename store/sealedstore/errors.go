package sealedstore

import (
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// Errors of this package, for errors.Is.
var (
	// ErrKeyMissing: a row is sealed with a key that the key ring lacks, because it
	// was retired, is not deployed yet, or is another store's.
	ErrKeyMissing = errors.New("the key is not in the key ring")
	// ErrKeyInUse: a key cannot be retired, because rows are sealed with it, or it
	// is the primary one.
	ErrKeyInUse = errors.New("the key is in use")
	// ErrNotSealed: Options.RequireSealed is set, and a row is not sealed.
	ErrNotSealed = errors.New("the row is not sealed")
)

const (
	hintMissing   = "bring the key back, as a further key of the key ring; nothing was changed"
	hintDamaged   = "restore the row from a backup, or delete the token by its id and log in again; nothing was changed"
	hintNotSealed = "seal the rows that are not, by a rotation without RequireSealed; nothing was changed"
)

// openError says why the row id cannot be opened.
func openError(id string, err error) error {
	hint := hintDamaged
	switch {
	case errors.Is(err, ErrKeyMissing):
		hint = hintMissing
	case errors.Is(err, ErrNotSealed):
		hint = hintNotSealed
	}
	return &tokenkeep.Error{
		Class: tokenkeep.StoreUnavailable, Op: "sealed: open", Reason: "token " + id + " cannot be opened", Hint: hint, Err: err,
	}
}

// damaged is the cause of a row that is not what was sealed.
func damaged(what string) error { return fmt.Errorf("%w: %s", tokenkeep.ErrCorrupt, what) }

// keyError is the error of an operation on keys.
func keyError(reason string, err error) error {
	hint := "see that the key can be read; nothing was changed"
	if errors.Is(err, ErrKeyMissing) {
		hint = hintMissing
	}
	return &tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Op: "sealed: keys", Reason: reason, Hint: hint, Err: err}
}
