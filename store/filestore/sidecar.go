package filestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/durable"
)

// A sidecar is the file with what the ten columns have no room for: a header and
// one line for each version of a row, the newest last. Lines are only appended,
// under the lock, so that one save costs one short write; once in a while the
// file is replaced by its newest lines.
//
// A sidecar is used by one goroutine at a time: the holder of [Store.turn].
type sidecar struct {
	path     string
	readOnly bool
	file     *os.File // kept open, so that its inode stays its own
	size     int64    // how much of file was read and understood
	rows     map[string]*history
	last     int64 // the largest id ever seen
	floor    int64 // the largest version of a row that is gone
}

// A history is the newest record of a row, and the one before it for as long as
// nobody has settled whether the newest came into force; see [Store.settle].
type history struct{ cur, prev *record }

func newSidecar(path string, readOnly bool) *sidecar {
	return &sidecar{path: path, readOnly: readOnly, rows: map[string]*history{}, last: tokenkeep.FirstID - 1}
}

// read takes in what other processes appended since the last read. If the file
// is gone, the records stay as they are: the next write brings it back.
func (s *sidecar) read() error {
	id, err := statID(s.path)
	if err != nil || !id.exists {
		s.closeFile()
		return err
	}
	if s.file != nil {
		own, err := openID(s.file)
		if err != nil {
			return err
		}
		if own.dev == id.dev && own.ino == id.ino && own.size >= s.size {
			return s.readFrom(s.size)
		}
	}
	return s.reopen()
}

// reopen reads the file from its start.
func (s *sidecar) reopen() error {
	s.closeFile()
	f, err := openFile(s.path, s.readOnly)
	if err != nil {
		return err
	}
	s.file, s.size = f, 0
	return s.readFrom(0)
}

// openFile opens a file for writing, or if that is not allowed for reading.
func openFile(path string, readOnly bool) (*os.File, error) {
	if !readOnly {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil || !errors.Is(err, fs.ErrPermission) && !isReadOnlyFS(err) {
			return f, err
		}
	}
	return os.Open(path)
}

// readFrom takes in the lines from off on. It stops before a line that is
// unfinished: another process is writing it, or died in it.
func (s *sidecar) readFrom(off int64) error {
	data, err := io.ReadAll(io.NewSectionReader(s.file, off, math.MaxInt64-off))
	if err != nil {
		return err
	}
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return nil
		}
		ok, err := s.take(line)
		if err != nil || !ok {
			return err
		}
		s.size += int64(len(line)) + 1
		data = rest
	}
}

// take takes in a line. It reports false for a damaged one.
func (s *sidecar) take(line []byte) (bool, error) {
	if s.size > 0 {
		var r record
		if !parseLine(line, &r) {
			return false, nil
		}
		s.put(&r)
		return true, nil
	}
	var h header
	if !parseLine(line, &h) || h.Schema == 0 {
		return false, fmt.Errorf("%w: %s is not a sidecar file of tokenkeep; move it away to start without versions",
			tokenkeep.ErrCorrupt, s.path)
	}
	if h.Schema > schema {
		return false, fmt.Errorf("%w: %s has format %d, this program knows %d; use a newer program",
			tokenkeep.ErrSchema, s.path, h.Schema, schema)
	}
	s.last, s.floor = max(s.last, h.Last), max(s.floor, h.Floor)
	return true, nil
}

// put makes r the newest record of its row.
func (s *sidecar) put(r *record) {
	h := s.rows[r.ID]
	if h == nil {
		h = &history{}
		s.rows[r.ID] = h
	}
	h.cur, h.prev = r, h.cur
	s.observe(r.ID)
}

// observe makes sure that id is never given to a new row. Ids beyond what Zoho's
// SDKs can hold do not count: they are as far from ours as can be.
func (s *sidecar) observe(id string) {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n <= math.MaxInt32 {
		s.last = max(s.last, n)
	}
}

// newID returns an id that was never seen.
func (s *sidecar) newID() (string, error) {
	if s.last >= math.MaxInt32 {
		return "", fmt.Errorf("%w: there are no ids left below %d", tokenkeep.ErrInvalid, math.MaxInt32)
	}
	s.last++
	return strconv.FormatInt(s.last, 10), nil
}

// append writes records and makes them the newest of their rows. They survive
// the death of the process at once, and a power failure after sync.
func (s *sidecar) append(records []*record) error {
	if err := s.prepare(); err != nil {
		return err
	}
	var lines []byte
	for _, r := range records {
		var err error
		if lines, err = appendLine(lines, r); err != nil {
			return err
		}
	}
	if _, err := s.file.WriteAt(lines, s.size); err != nil {
		return errors.Join(err, s.file.Truncate(s.size))
	}
	s.size += int64(len(lines))
	for _, r := range records {
		s.put(r)
	}
	return nil
}

// prepare makes sure that the file is there and ends where it was understood.
// Under the lock, what follows was left by a process that died.
func (s *sidecar) prepare() error {
	if s.file == nil || s.size == 0 {
		return s.replace(func(string) bool { return true })
	}
	info, err := s.file.Stat()
	if err != nil || info.Size() == s.size {
		return err
	}
	return s.file.Truncate(s.size)
}

func (s *sidecar) sync() error { return s.file.Sync() }

// replace writes the file anew with the newest record of each row that keep
// wants. What goes is remembered by its largest version, so that a row that
// comes back under an old id does not repeat one.
func (s *sidecar) replace(keep func(id string) bool) (err error) {
	floor, rows := s.floor, map[string]*history{}
	for id, h := range s.rows {
		if keep(id) {
			rows[id] = &history{cur: h.cur}
		} else {
			floor = max(floor, h.cur.Version)
		}
	}
	lines, err := appendLine(nil, header{Schema: schema, Last: s.last, Floor: floor})
	if err != nil {
		return err
	}
	for _, h := range rows {
		if lines, err = appendLine(lines, h.cur); err != nil {
			return err
		}
	}
	if err := s.write(lines); err != nil {
		return err
	}
	s.rows, s.floor = rows, floor
	return s.adopt(int64(len(lines)))
}

// write replaces the file durably. It takes its mode and owner from the token
// file, so that whoever may use one may use both.
func (s *sidecar) write(content []byte) (err error) {
	f, err := durable.Create(s.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	like, _ := os.Stat(s.tokens())
	if err := f.Like(like); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Commit()
}

// tokens returns the path of the token file.
func (s *sidecar) tokens() string { return s.path[:len(s.path)-len(sidecarSuffix)] }

// adopt opens the file that was just written.
func (s *sidecar) adopt(size int64) error {
	s.closeFile()
	f, err := openFile(s.path, s.readOnly)
	if err != nil {
		return err
	}
	s.file, s.size = f, size
	return nil
}

func (s *sidecar) closeFile() {
	if s.file != nil {
		_ = s.file.Close() // nothing is buffered; what matters was synced
		s.file = nil
	}
}

// bloated reports whether the file is worth replacing.
func (s *sidecar) bloated(rows int) bool { return s.size > 256<<10+int64(rows)<<10 }
