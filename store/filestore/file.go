package filestore

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A file is what a token file holds.
type file struct {
	header   string // as it is written
	width    int    // columns of a row: 10, or more if the file has more
	rows     []*row
	foreign  bool // writing it changes more than the rows saved
	odd      bool // a row stands in it in a way that this package does not write
	cut      bool // the last line looks unfinished
	warnings []Warning

	data []byte // the bytes on the disk
	lens []int  // the lengths of the rows in data, if it is what encode gives
}

// newFile returns a file without rows.
func newFile() *file {
	return &file{header: strings.Join(columnNames[:], ","), width: columns}
}

// encode returns the bytes of the file, and the length of each row with its end.
func (f *file) encode() (data []byte, lens []int) {
	size := len(f.header) + 1
	lens = make([]int, len(f.rows))
	for i, r := range f.rows {
		lens[i] = len(r.encode()) + 1
		size += lens[i]
	}
	data = make([]byte, 0, size)
	data = append(append(data, f.header...), '\n')
	for _, r := range f.rows {
		data = append(append(data, r.encode()...), '\n')
	}
	return data, lens
}

// setBytes notes what stands on the disk.
func (f *file) setBytes(data []byte) {
	f.data = data
	end := []byte("\n")
	switch own, lens := f.encode(); {
	case bytes.Equal(own, data):
		f.lens = lens
	case len(data) > 0:
		f.foreign = !bytes.Equal(bytes.TrimSuffix(own, end), bytes.TrimSuffix(data, end))
	}
}

// A draft is the next content of a token file, in parts, so that a save need not
// touch the rows that it leaves alone.
type draft struct {
	file  *file
	parts [][]byte
	at    int // the row that changes, if only one does; -1 if not
}

// draft returns the content of f with other rows. If at is not negative, only the
// row with that index differs, or is appended.
func (f *file) draft(rows []*row, at int) *draft {
	next := *f
	next.rows, next.foreign, next.cut = rows, false, false
	d := &draft{file: &next, at: at}
	if at < 0 || f.lens == nil {
		next.data, next.lens = next.encode()
		d.at, d.parts = -1, [][]byte{next.data}
		return d
	}
	from, to := f.span(at)
	d.parts = [][]byte{f.data[:from], []byte(rows[at].encode() + "\n"), f.data[to:]}
	return d
}

// check makes sure that a file with odd rows reads back as it was meant: a line
// that is no token, or a value in quotes, could change its meaning when the lines
// around it change. Files that no program has damaged never come to this.
func (d *draft) check() error {
	if !d.file.odd {
		return nil
	}
	again, err := parse(bytes.Join(d.parts, nil))
	if err != nil {
		return err
	}
	if i := firstDifference(again.rows, d.file.rows); i >= 0 {
		return fmt.Errorf("line %d cannot be kept next to what is saved; repair or remove it", d.file.rows[i].line)
	}
	return nil
}

// firstDifference returns the index of the first row of want that got has not in
// its place, or -1.
func firstDifference(got, want []*row) int {
	for i, w := range want {
		if i >= len(got) || got[i].val != w.val || got[i].text != w.text {
			return i
		}
	}
	if len(got) > len(want) {
		return len(want) - 1
	}
	return -1
}

// span returns where a row stands in the file's data: at the end for the index
// after the last.
func (f *file) span(at int) (from, to int) {
	from = len(f.header) + 1
	for _, n := range f.lens[:at] {
		from += n
	}
	if at == len(f.lens) {
		return from, from
	}
	return from, from + f.lens[at]
}

// written returns the file after the draft was written. The file that it was
// drafted from must not be used any more.
func (d *draft) written() *file {
	f := d.file
	if d.at < 0 {
		return f
	}
	from, to := f.span(d.at)
	f.data = slices.Replace(f.data, from, to, d.parts[1]...)
	if d.at == len(f.lens) {
		f.lens = append(f.lens, 0)
	}
	f.lens[d.at] = len(d.parts[1])
	return f
}
