package filestore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tokenkeep/tokenkeep"
)

// eventLines returns events as lines of the history.
func eventLines(events []tokenkeep.Event) ([]byte, error) {
	var lines []byte
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("%w: an event of kind %q cannot be written: %w", tokenkeep.ErrInvalid, e.Kind, err)
		}
		lines = append(append(lines, text...), '\n')
	}
	return lines, nil
}

// parseEvent reads a line without its end. It reports false for one that is
// damaged: one that a process did not finish, or a power failure left.
func parseEvent(line []byte) (e tokenkeep.Event, ok bool) {
	err := json.Unmarshal(line, &e)
	return e, err == nil && e.Kind != ""
}

// An eventLine is a line of the history as it stands there.
type eventLine struct {
	text    []byte // with its end; good until the next line is read
	start   int64
	damaged bool
}

// readEvents reads the lines of r and calls use with each, until it returns false.
// What follows the last line end is being written, or its writer died: that is not
// read.
func readEvents(ctx context.Context, r io.Reader, use func(tokenkeep.Event, eventLine) bool) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e, ok := parseEvent(text[:len(text)-1])
		if !use(e, eventLine{text: text, start: at, damaged: !ok}) {
			return nil
		}
		at += int64(len(text))
	}
}
