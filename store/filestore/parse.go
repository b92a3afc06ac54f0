package filestore

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// maxFileBytes is the largest file that is read: far beyond what a store that
// rewrites its file is good for.
const maxFileBytes = 256 << 20

// A Warning tells of something odd in a file that was read nevertheless. It
// holds no secret.
type Warning struct {
	// Line counts from 1.
	Line int
	// Text says what was found and how it was taken.
	Text string
}

// String returns "line N: text".
func (w Warning) String() string { return fmt.Sprintf("line %d: %s", w.Line, w.Text) }

// Parse reads the tokens of a file of any official SDK, in the order of the
// file. Rows of the first generation have no id: their tokens have an empty one.
// An expiry that is not in milliseconds counts as long over. Lines that are no
// tokens are skipped with a warning. What is no token file at all gives an error
// that wraps [tokenkeep.ErrCorrupt]. An empty file has no tokens.
func Parse(r io.Reader) ([]*tokenkeep.Token, []Warning, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read token file: %w", err)
	}
	f, err := parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read token file: %w: %w", tokenkeep.ErrCorrupt, err)
	}
	var tokens []*tokenkeep.Token
	for _, r := range f.rows {
		if r.isToken() {
			tokens = append(tokens, r.token())
		}
	}
	return tokens, f.warnings, nil
}

// IsTokenFile reports whether a file that begins with head looks like one of an
// official SDK: a header of theirs, or a row where the header was lost. An empty
// head does not.
func IsTokenFile(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for line := range strings.Lines(strings.TrimPrefix(string(head), bom)) {
		cells, _ := splitLine(strings.TrimRight(line, "\r\n"))
		if blank(cells) {
			continue
		}
		return isHeader(cells) && knownWidth(len(cells)) || plausible(cells)
	}
	return false
}

const bom = "\ufeff"

// parse reads a file. Its errors say what is wrong and hold nothing of it.
func parse(data []byte) (*file, error) {
	switch {
	case len(data) > maxFileBytes:
		return nil, fmt.Errorf("it is larger than %d MB", maxFileBytes>>20)
	case bytes.HasPrefix(data, []byte("SQLite format 3\x00")):
		return nil, fmt.Errorf("it is an SQLite database; open it with the SQLite store")
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fmt.Errorf("it is not text")
	}
	p := &parser{file: newFile(), seen: map[string]*row{}}
	p.lines = strings.Split(strings.TrimPrefix(string(data), bom), "\n")
	if err := p.findWidth(); err != nil {
		return nil, err
	}
	for p.next < len(p.lines) {
		if err := p.line(); err != nil {
			return nil, err
		}
	}
	p.file.setBytes(data)
	return p.file, nil
}

// A parser reads the lines of a file.
type parser struct {
	file  *file
	lines []string
	next  int             // index of the next line
	seen  map[string]*row // rows by id and tokens, to drop repeated ones
	width int             // columns of a row, by the last header
	tries int             // lines that were tried in vain to join to others
}

// findWidth sets the width by the first header, or if SDKs that raced each other
// lost it by the first line that must be a row.
func (p *parser) findWidth() error {
	some := false
	for i, line := range p.lines {
		cells, _ := splitLine(strings.TrimRight(line, "\r"))
		switch {
		case blank(cells):
			continue
		case isHeader(cells):
			return p.setHeader(line, len(cells), i+1)
		case plausible(cells):
			p.width = columns
			if len(cells) == widthV1 {
				p.width = widthV1
			}
			p.warn(i+1, "the header is missing; the line was read as a token")
			return nil
		}
		some = true
	}
	if some {
		return fmt.Errorf("it has neither the header nor a row of a token file")
	}
	p.width = columns
	return nil
}

func (p *parser) warn(line int, format string, args ...any) {
	p.file.warnings = append(p.file.warnings, Warning{Line: line, Text: fmt.Sprintf(format, args...)})
}

// line reads the next line, or the lines that a quoted column spans.
func (p *parser) line() error {
	n := p.next + 1
	text := strings.TrimRight(p.lines[p.next], "\r")
	p.next++
	cells, open := splitLine(text)
	if open {
		text, cells = p.extend(text, cells)
	}
	switch {
	case blank(cells):
		return nil
	case isHeader(cells):
		return p.setHeader(text, len(cells), n)
	}
	p.add(text, cells, n)
	return nil
}

// How many lines one row may take, and how often that is tried in vain in one
// file, so that no file takes long to read.
const (
	maxSpan  = 16
	maxTries = 100
)

// extend tries to read a row whose quoted column holds line ends. A quotation
// mark that merely stands at the start of a column must not swallow the rows
// after it: a line that is a row by itself is never joined to another.
func (p *parser) extend(text string, cells []cell) (string, []cell) {
	if p.layout(cells) != nil || p.tries >= maxTries {
		return text, cells
	}
	p.tries++
	var b strings.Builder
	b.WriteString(p.lines[p.next-1])
	for i := p.next; i < len(p.lines) && i < p.next+maxSpan; i++ {
		alone, _ := splitLine(strings.TrimRight(p.lines[i], "\r"))
		if plausible(alone) || isHeader(alone) {
			break
		}
		b.WriteString("\n" + p.lines[i])
		long := strings.TrimRight(b.String(), "\r")
		if more, open := splitLine(long); !open {
			if len(more) < columns-1 || !quotedEnds(more) {
				break
			}
			p.next, p.tries = i+1, p.tries-1
			return long, more
		}
	}
	return text, cells
}

// quotedEnds reports whether line ends stand in quoted columns only.
func quotedEnds(cells []cell) bool {
	for _, c := range cells {
		if c.val == c.seg && strings.Contains(c.seg, "\n") {
			return false
		}
	}
	return true
}

// setHeader takes the width of the rows that follow. Names do not count.
func (p *parser) setHeader(text string, width, line int) error {
	if !knownWidth(width) {
		return fmt.Errorf("line %d: the header has %d columns; files of Zoho's SDKs have 6, 9 or 10", line, width)
	}
	p.width = width
	if width > p.file.width {
		p.file.header, p.file.width = strings.TrimRight(text, "\r"), width
	}
	return nil
}

// add takes a line that is neither blank nor a header.
func (p *parser) add(text string, cells []cell, line int) {
	p.file.cut = p.next == len(p.lines) && p.width != widthV1 && len(cells) < columns-1
	r := p.layout(cells)
	if r == nil {
		p.keep(text, line)
		return
	}
	if len(cells) > p.rowWidth(cells) && len(cells) >= columns-1 {
		p.warn(line, "an unquoted comma tore a value; it was put back")
	}
	r.line = line
	p.addToken(r)
}

// addToken takes a row, unless it repeats another one in all columns.
func (p *parser) addToken(r *row) {
	key := r.val[colID] + "\x00" + r.val[colRefreshToken] + "\x00" + r.val[colAccessToken]
	if old := p.seen[key]; old != nil && old.val == r.val && old.tail == r.tail {
		p.warn(r.line, "repeats line %d and was dropped", old.line)
		return
	}
	if r.val[colID] == "" {
		p.warn(r.line, "the token has no id")
	}
	p.seen[key] = r
	p.file.odd = p.file.odd || r.odd()
	p.file.rows = append(p.file.rows, r)
}

// keep takes a line that is no token, to write it back as it stands.
func (p *parser) keep(text string, line int) {
	p.warn(line, "is no token; it is kept and not used")
	p.file.rows, p.file.odd = append(p.file.rows, &row{text: text, line: line}), true
}
