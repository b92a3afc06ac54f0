package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Table is rows of cells under a header.
type Table struct {
	header []string
	rows   [][]Cell
}

// A Cell is a text and the painter of its colour, if it has one.
type Cell struct {
	Text  string
	Paint func(string) string
}

// Text returns cells without colour.
func Text(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, t := range texts {
		cells[i].Text = t
	}
	return cells
}

// NewTable returns a table with a header.
func NewTable(header ...string) *Table { return &Table{header: header} }

// Add appends a row. Control characters in its texts are shown as "?", so that a
// stored name cannot steer the terminal.
func (t *Table) Add(cells ...Cell) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		c.Text = Plain(c.Text)
		row[i] = c
	}
	t.rows = append(t.rows, row)
}

// Write writes the table with columns as wide as they need to be.
func (t *Table) Write(w io.Writer) error {
	widths := make([]int, len(t.header))
	all := append([][]Cell{Text(t.header...)}, t.rows...)
	for _, row := range all {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Text))
		}
	}
	var b strings.Builder
	for _, row := range all {
		writeRow(&b, row, widths)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func writeRow(b *strings.Builder, row []Cell, widths []int) {
	for i, c := range row {
		text := c.Text
		if c.Paint != nil {
			text = c.Paint(text)
		}
		b.WriteString(text)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.Text)+2))
		}
	}
	b.WriteByte('\n')
}

// Plain returns s with control characters replaced by "?".
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '?'
		}
		return r
	}, s)
}
