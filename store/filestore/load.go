package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// How long a file that looks half-written is read again, and how often. The
// official SDKs truncate the file and then write it, which takes them less than
// a millisecond unless they are stopped or killed in between.
const (
	tornWait = 250 * time.Millisecond
	tornPoll = 2 * time.Millisecond
)

// current makes the view that of the files. It costs two calls of stat while
// they are unchanged.
func (s *Store) current(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ok, err := s.unchanged(); ok || err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if ok, err := s.unchanged(); ok || err != nil {
		return err
	}
	if s.recheck() {
		return nil
	}
	v, err := s.read(ctx, false)
	if err != nil {
		return err
	}
	if v.unsettled && !s.readOnly {
		return s.settleForRead(ctx, v)
	}
	s.publish(v)
	return nil
}

// unchanged reports whether the view is still that of the files.
func (s *Store) unchanged() (bool, error) {
	rows, err := statID(s.path)
	if err != nil {
		return false, readError(err, s.path)
	}
	side, err := statID(s.side.path)
	if err != nil {
		return false, readError(err, s.side.path)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false, tokenkeep.ErrClosed
	}
	v := s.view
	return v != nil && v.sure && rows == v.rowsID && side.content() == v.sideID, nil
}

// content returns id without times: a file that only grows does not need them.
func (id fileID) content() fileID {
	id.mtime, id.ctime = 0, 0
	return id
}

// recheck compares the bytes of a token file that had changed shortly before it
// was read. It reports whether the view still stands. The caller has the turn.
func (s *Store) recheck() bool {
	v := s.view
	if v == nil || v.sure {
		return false
	}
	side, err := statID(s.side.path)
	if err != nil || side.content() != v.sideID {
		return false
	}
	now := time.Now()
	data, id, f, err := s.readFile()
	if err != nil || f == nil {
		return false
	}
	defer func() { _ = f.Close() }()
	if id != v.rowsID || !bytes.Equal(data, v.file.data) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.sure = !id.fresh(now)
	return true
}

// publish makes v the view. The caller has the turn.
func (s *Store) publish(v *view) {
	s.warnVanished(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = v
}

// warnVanished tells of rows that went without this store's doing: an official
// SDK saved what it had read before.
func (s *Store) warnVanished(v *view) {
	if s.view == nil {
		return
	}
	for id := range s.view.byID {
		h := s.side.rows[id]
		if v.byID[id] == nil && (h == nil || !h.cur.Deleted) {
			s.log.Warn("another program removed a token from the file", "path", s.path, "token", id)
		}
	}
}

// read reads both files. The caller has the turn; locked says that it has the
// lock too, so that no other Store is writing.
func (s *Store) read(ctx context.Context, locked bool) (*view, error) {
	for start := time.Now(); ; {
		now := time.Now()
		v, cut, err := s.readOnce(locked)
		if err != nil && !errors.Is(err, tokenkeep.ErrCorrupt) {
			return nil, err
		}
		if !s.doubtful(v, cut, err, now) || now.Sub(start) > tornWait {
			return s.accept(v, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(tornPoll):
		}
	}
}

// readOnce reads both files once. The token file comes first: then a save
// between the two reads leaves a row with its last record but one, which will do.
func (s *Store) readOnce(locked bool) (v *view, cut bool, err error) {
	now := time.Now()
	data, id, f, err := s.readFile()
	if err != nil {
		return nil, false, readError(err, s.path)
	}
	s.pin(f)
	side, err := statID(s.side.path)
	if err == nil {
		err = s.side.read()
	}
	if err != nil {
		return nil, false, fmt.Errorf("read sidecar: %w", err)
	}
	parsed, err := s.parse(data)
	if err != nil {
		return nil, false, corrupt(s.path, err.Error())
	}
	v = s.match(parsed, locked)
	v.rowsID, v.sideID = id, side.content()
	v.sure = !id.fresh(now)
	return v, parsed.cut, nil
}

// parse parses the file, unless the view has just these bytes.
func (s *Store) parse(data []byte) (*file, error) {
	if s.view != nil && bytes.Equal(data, s.view.file.data) {
		return s.view.file, nil
	}
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	level := slog.LevelWarn
	if s.view != nil {
		level = slog.LevelDebug // once is enough
	}
	for _, w := range f.warnings {
		s.log.Log(context.Background(), level, "odd line in the token file", "path", s.path, "line", w.Line, "what", w.Text)
	}
	return f, nil
}

// readFile returns the bytes of the token file, and the open file. A missing
// file is an empty one.
func (s *Store) readFile() (data []byte, id fileID, f *os.File, err error) {
	for {
		f, err = os.Open(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fileID{}, nil, nil
		}
		if err != nil {
			return nil, fileID{}, nil, err
		}
		var after fileID
		if id, err = openID(f); err == nil {
			data, err = readAll(f, id.size)
		}
		if err == nil {
			after, err = openID(f)
		}
		if err != nil {
			_ = f.Close() // the error of reading says more
			return nil, fileID{}, nil, err
		}
		if after.content() == id.content() && after.mtime == id.mtime {
			return data, after, f, nil
		}
		_ = f.Close() // another program is writing it in place
	}
}

// readAll reads f, whose size is about size.
func readAll(f *os.File, size int64) ([]byte, error) {
	if size > maxFileBytes {
		return nil, fmt.Errorf("%w: it is larger than %d MB", tokenkeep.ErrCorrupt, maxFileBytes>>20)
	}
	data := make([]byte, size)
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data[:n], err
}

// doubtful reports whether what was read may be half of what another program is
// writing in place: it is recent and not what a Store wrote, or it looks torn.
func (s *Store) doubtful(v *view, cut bool, err error, now time.Time) bool {
	if err != nil {
		return s.view != nil
	}
	if !v.rowsID.exists || !v.unsettled && !cut && !s.misses(v) {
		return false
	}
	age := v.rowsID.age(now)
	torn := cut || s.misses(v)
	return age < tick || torn && age < tornWait
}

// misses reports whether v lacks a token of the view that no Store deleted.
func (s *Store) misses(v *view) bool {
	if s.view == nil {
		return false
	}
	for id := range s.view.byID {
		if h := s.side.rows[id]; v.byID[id] == nil && (h == nil || !h.cur.Deleted) {
			return true
		}
	}
	return false
}

// accept takes what was read for what is there. An empty file is what an
// official SDK leaves that dies between truncating and writing: none of them
// writes one. Then the last good copy stands, and the next save writes it.
func (s *Store) accept(v *view, err error) (*view, error) {
	if err != nil {
		return nil, err
	}
	if v.rowsID.exists && v.rowsID.size == 0 && s.view != nil && s.view.count() > 0 {
		s.log.Warn("another program emptied the token file; keeping what it held", "path", s.path)
		kept := s.match(s.view.file, false)
		kept.rowsID, kept.sideID, kept.sure = v.rowsID, v.sideID, v.sure
		return kept, nil
	}
	return v, nil
}
