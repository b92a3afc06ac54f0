package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tokenkeep/tokenkeep"
)

// ErrNoAnswer means that a question got no answer: the input ended.
var ErrNoAnswer = errors.New("no answer: the input ended")

// maxLine bounds what a line of input may hold.
const maxLine = 64 << 10

// Line asks on standard error and returns the next line of input without white
// space around it. On ctx's end it returns ctx's error; the read goes on behind,
// until the process ends.
func (u *IO) Line(ctx context.Context, question string) (string, error) {
	fmt.Fprint(u.Err, question)
	return await(ctx, func() (string, error) { return readLine(u.In) })
}

// Secret is Line without an echo on a terminal.
func (u *IO) Secret(ctx context.Context, question string) (tokenkeep.Secret, error) {
	f, ok := u.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := u.Line(ctx, question)
		return tokenkeep.NewSecret(line), err
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return tokenkeep.Secret{}, fmt.Errorf("terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(f.Fd()), before) }() // an interrupt leaves the echo off otherwise
	fmt.Fprint(u.Err, question)
	line, err := await(ctx, func() (string, error) {
		b, err := term.ReadPassword(int(f.Fd()))
		return strings.TrimSpace(string(b)), err
	})
	fmt.Fprintln(u.Err)
	return tokenkeep.NewSecret(line), err
}

// await runs read and returns what it gives, or ctx's error if that comes first.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1)
	go func() { // ends with the read: standard input cannot be interrupted
		line, err := read()
		got <- result{line, err}
	}()
	select {
	case r := <-got:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// readLine reads one line and not a byte beyond it if r is unbuffered.
func readLine(r io.Reader) (string, error) {
	br, ok := r.(io.ByteReader)
	if !ok {
		br = oneByte{r}
	}
	var line []byte
	for len(line) <= maxLine {
		b, err := br.ReadByte()
		switch {
		case err == nil && b != '\n':
			line = append(line, b)
		case err != nil && len(line) == 0:
			return "", ErrNoAnswer
		default:
			return strings.TrimSpace(string(line)), nil
		}
	}
	return "", fmt.Errorf("the line has more than %d bytes", maxLine)
}

// oneByte reads byte by byte, so that what follows the line stays in the stream.
type oneByte struct{ r io.Reader }

// ReadByte implements [io.ByteReader].
func (o oneByte) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(o.r, b[:])
	return b[0], err
}
