package filestore

import (
	"fmt"
	"io"

	"github.com/tokenkeep/tokenkeep"
)

// Write writes tokens as a file that every official SDK reads: ten columns, LF,
// no quotes. It writes the secrets in clear. A value that would need quotes
// gives a [FieldError], and then nothing is written.
func Write(w io.Writer, tokens []*tokenkeep.Token) error {
	f := newFile()
	for _, t := range tokens {
		r, err := (&row{}).with(t)
		if err != nil {
			return fmt.Errorf("write token file: %w", err)
		}
		f.rows = append(f.rows, r)
	}
	data, _ := f.encode()
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	return nil
}
