// Package ui is how the commands talk: data goes to standard output, everything
// else to standard error.
//
// The rules are these. Standard output can be piped into another program without
// a look. Notes, progress, questions and errors go to standard error, notes and
// progress only without --quiet. Colour appears only on a terminal and never
// with NO_COLOR. Words carry the meaning, colour only repeats it.
package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// An IO is the three streams of a command. Its fields are set before use and not
// changed after it; its methods may be called by several goroutines as far as
// the streams allow it.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// Quiet leaves out notes and progress.
	Quiet bool
	// Color allows colour on terminals.
	Color bool
}

// System returns the streams of the process.
func System(getenv func(string) string) *IO {
	return &IO{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Color: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
	}
}

// OutIsTerminal reports whether a person reads standard output.
func (u *IO) OutIsTerminal() bool { return isTerminal(u.Out) }

// ErrIsTerminal reports whether a person reads standard error.
func (u *IO) ErrIsTerminal() bool { return isTerminal(u.Err) }

// InIsTerminal reports whether a person can answer a question.
func (u *IO) InIsTerminal() bool { return isTerminal(u.In) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Note tells the user something on standard error, unless Quiet.
func (u *IO) Note(format string, args ...any) {
	if !u.Quiet {
		fmt.Fprintf(u.Err, format+"\n", args...)
	}
}

// Say tells the user what the command cannot do without, Quiet or not.
func (u *IO) Say(format string, args ...any) { fmt.Fprintf(u.Err, format+"\n", args...) }

// Done notes a success.
func (u *IO) Done(format string, args ...any) {
	u.Note("%s "+format, append([]any{u.paint(u.Err, green, "✓")}, args...)...)
}

// Warn tells the user about a danger on standard error, Quiet or not.
func (u *IO) Warn(format string, args ...any) {
	fmt.Fprintf(u.Err, "%s "+format+"\n", append([]any{u.paint(u.Err, yellow, "!")}, args...)...)
}

// Fail tells the user what went wrong on standard error, Quiet or not.
func (u *IO) Fail(format string, args ...any) {
	fmt.Fprintf(u.Err, "%s "+format+"\n", append([]any{u.paint(u.Err, red, "✗")}, args...)...)
}

// JSON writes v to standard output, indented, with a newline.
func (u *IO) JSON(v any) error { return writeJSON(u.Out, v) }

// ErrJSON writes v to standard error, in one line.
func (u *IO) ErrJSON(v any) error {
	enc := json.NewEncoder(u.Err)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// A colour is a parameter of the terminal's SGR sequence.
type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

func (u *IO) paint(w io.Writer, c colour, s string) string {
	if !u.Color || !isTerminal(w) {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// Good returns s in the colour of success, for standard output.
func (u *IO) Good(s string) string { return u.paint(u.Out, green, s) }

// Fair returns s in the colour of what needs a look.
func (u *IO) Fair(s string) string { return u.paint(u.Out, yellow, s) }

// Bad returns s in the colour of what is broken.
func (u *IO) Bad(s string) string { return u.paint(u.Out, red, s) }
