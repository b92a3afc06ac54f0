package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A FieldError says that a value cannot be written so that every official SDK
// reads it back. It wraps [tokenkeep.ErrInvalid] and holds no secret.
type FieldError struct {
	// Token is the id of the token, or its user name if it has no id yet.
	Token string
	// Field is the column, such as "redirect_url".
	Field string
	// Char names the character that is in the way, such as "a comma".
	Char string
}

// Error returns what is wrong and what to do.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%s of token %q contains %s, which not every official SDK reads back from a file; "+
		"change the value or keep the tokens in another store", e.Field, e.Token, e.Char)
}

// Unwrap returns [tokenkeep.ErrInvalid].
func (e *FieldError) Unwrap() error { return tokenkeep.ErrInvalid }

func fieldError(t *tokenkeep.Token, col int) *FieldError {
	e := &FieldError{Token: t.ID, Field: columnNames[col]}
	if e.Token == "" {
		e.Token = t.UserName
	}
	v := values(t)[col]
	for _, c := range []struct{ char, name string }{
		{",", "a comma"},
		{`"`, "a quotation mark"},
		{`\`, "a backslash"},
		{"\r", "a carriage return"},
		{"\n", "a line feed"},
		{"\x00", "a NUL"},
	} {
		if strings.Contains(v, c.char) {
			e.Char = c.name
			break
		}
	}
	return e
}

// writeError says what a failed write means.
func writeError(err error, path string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission), isReadOnlyFS(err):
		return fmt.Errorf("%w: %w; give this user write access to the folder of %s, or open it read-only",
			tokenkeep.ErrReadOnly, err, path)
	case isDiskFull(err):
		return fmt.Errorf("%w: %w; free space on the disk of %s, nothing was changed", tokenkeep.ErrReadOnly, err, path)
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// readError says what a failed read means.
func readError(err error, path string) error {
	e := &tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Reason: "cannot read the token file", Err: err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "give this user read access to " + path
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "check the path " + path
	case errors.Is(err, errIsDirectory):
		e.Hint = path + " is a folder: give the path of a file, such as " + path + "/sdk_tokens.txt"
	default:
		e.Hint = "check " + path
	}
	return e
}

// corrupt says that a file was not understood and left alone.
func corrupt(path, why string) error {
	return fmt.Errorf("%w: %s: %s; check the path, or restore the file from a copy (nothing was changed)",
		tokenkeep.ErrCorrupt, path, why)
}
