package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/tokenkeep/tokenkeep/internal/durable"
)

// update runs f with the turn and the lock, on a view that is current and
// settled. What f wants to write it passes to commit.
func (s *Store) update(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	release, err := s.acquire(ctx, s.lockWait)
	if err != nil {
		return err
	}
	defer release()
	if err := s.refresh(ctx); err != nil {
		return err
	}
	return f()
}

// refresh makes the view current and settled. The caller has the lock.
func (s *Store) refresh(ctx context.Context) error {
	ok, err := s.unchanged()
	if err != nil {
		return err
	}
	if (ok || s.recheck()) && !s.view.unsettled && !s.view.dangling {
		return nil
	}
	v, err := s.read(ctx, true)
	if err != nil {
		return err
	}
	return s.settle(v)
}

// settleForRead settles v if the lock is to be had soon, and else shows it as it
// is: a lookup must not fail because something cannot be written.
func (s *Store) settleForRead(ctx context.Context, v *view) error {
	release, err := s.acquire(ctx, readLockWait)
	if err != nil {
		s.log.DebugContext(ctx, "cannot record what another program changed", "path", s.path, "err", err)
		s.publish(v)
		return ctx.Err()
	}
	defer release()
	locked, err := s.read(ctx, true)
	if err != nil {
		return err
	}
	if err := s.settle(locked); err != nil {
		s.log.WarnContext(ctx, "cannot record what another program changed", "path", s.path, "err", err)
		s.publish(locked)
	}
	return nil
}

// settle gives every row of v an id and a record of its own, writes what is new,
// and makes v the view. The caller has the lock.
//
// Why versions are safe for compare-and-swap: a version is shown to a caller
// only together with the row whose digest its record has, every record that is
// appended has a larger version than all before it, and whoever appends has
// settled first. If a process dies between its append and its rename, its record
// describes no row. Nobody was told its version; the row keeps its last record
// but one, and the next writer settles it under the next larger version, so the
// lost version is never given to another content. If a process dies after the
// rename, the row and its new record are both in force.
func (s *Store) settle(v *view) error {
	c := change{rows: v.file.rows, at: -1}
	for i, e := range v.entries {
		if e.alien {
			r, err := s.rename(e.row)
			if err != nil {
				return err
			}
			if !c.rewrite {
				c.rows = append([]*row{}, c.rows...)
			}
			c.rows[i], c.rewrite, c.sync = r, true, true
			c.records = append(c.records, s.adopted(&history{}, r, nil))
		} else if e.fresh {
			c.records = append(c.records, e.rec)
		}
	}
	if len(c.records) > 0 {
		w, err := s.commit(v.file, c)
		if err != nil {
			return err
		}
		next := s.match(w.rows(v.file), true)
		next.rowsID, next.sure = v.rowsID, v.sure
		w.apply(next)
		v = next
	}
	s.publish(v)
	return nil
}

// rename returns the row under a fresh id.
func (s *Store) rename(r *row) (*row, error) {
	id, err := s.side.newID()
	if err != nil {
		return nil, err
	}
	s.log.Info("gave an id to a token that had none of its own", "path", s.path, "line", r.line, "token", id)
	return r.withID(id), nil
}

// A change is what a write brings about.
type change struct {
	records []*record
	rows    []*row // the rows of the file afterwards, if rewrite is set
	rewrite bool
	at      int  // the only row that differs or is appended, or -1
	sync    bool // with rewrite: the records must outlive a power failure too
}

// commit writes a change durably: the records first, then the rows, whose rename
// brings both into force; see match. Records without rows are in force at once.
//
// Records that go with rows are not synced by themselves unless c.sync is set: if
// a power failure takes them, the row is adopted like that of another program,
// which costs a claim and times that no longer matter. The death of a process
// takes nothing. The caller has the lock and a settled view.
func (s *Store) commit(f *file, c change) (w written, err error) {
	if c.rewrite {
		err = s.commitRows(f, c, &w)
	} else if err = s.side.append(c.records); err == nil {
		s.hook("appended")
		err = s.side.sync()
	}
	if err == nil {
		w.sideID, err = openID(s.side.file)
	}
	return w, writeError(err, s.path)
}

// written is what commit left behind.
type written struct {
	draft  *draft // what replaced the token file, or nil
	rowsID fileID
	sure   bool // see view.sure
	sideID fileID
}

// rows returns the file with the rows that it has now; old is what it was.
func (w *written) rows(old *file) *file {
	if w.draft != nil {
		return w.draft.file
	}
	return old
}

// apply notes in v what was written. The caller has v for itself, or Store.mu.
func (w *written) apply(v *view) {
	v.sideID = w.sideID.content()
	if w.draft != nil {
		v.file, v.rowsID, v.sure = w.draft.written(), w.rowsID, w.sure
	}
}

// commitRows replaces the token file.
func (s *Store) commitRows(old *file, c change, w *written) (err error) {
	if err := s.backup(old); err != nil {
		return err
	}
	d := old.draft(c.rows, c.at)
	if err := d.check(); err != nil {
		return corrupt(s.path, err.Error())
	}
	info, err := os.Stat(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := durable.Create(s.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Like(info); err != nil {
		return err
	}
	s.hook("created")
	for _, p := range d.parts {
		if _, err := f.Write(p); err != nil {
			return err
		}
	}
	if err := backdate(f); err != nil {
		return err
	}
	if err := s.syncBoth(f, c); err != nil {
		return err
	}
	s.hook("appended")
	w.draft = d
	return s.putInPlace(f, w)
}

// putInPlace renames f to the token file and keeps it open. If its time or size
// has changed by then, another program has written to it already.
func (s *Store) putInPlace(f *durable.File, w *written) error {
	before, err := openID(f.File)
	if err != nil {
		return err
	}
	s.pin(nil) // now, so that the rename itself frees the old content
	if err := f.Commit(); err != nil {
		s.distrust()
		return err
	}
	s.hook("renamed")
	w.rowsID, err = openID(f.File)
	w.sure = w.rowsID.mtime == before.mtime && w.rowsID.size == before.size
	s.pin(f.Detach())
	return err
}

// backdate makes the content a little older than it is, so that the time of any
// later change in place differs, however slow the clock of the file system is.
// Then nobody has to read the file twice to trust its time; see fileID.fresh.
func backdate(f *durable.File) error {
	return os.Chtimes(f.Name(), time.Time{}, time.Now().Add(-2*tick))
}

// syncBoth makes the content of f durable, and appends the records: at the same
// time if they must be durable too, which costs less than one after the other.
func (s *Store) syncBoth(f *durable.File, c change) error {
	if !c.sync {
		if err := f.Sync(); err != nil {
			return err
		}
		return s.side.append(c.records)
	}
	if err := s.side.append(c.records); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.side.sync() }()
	err := f.Sync()
	return errors.Join(err, <-done)
}

// distrust makes the next lookup read the token file again.
func (s *Store) distrust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		s.view.sure = false
	}
}

// backup keeps a copy of a file in a foreign dialect, once, before it is written
// in the common one.
func (s *Store) backup(old *file) error {
	if !old.foreign {
		return nil
	}
	path := s.path + backupSuffix
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, _, f, err := s.readFile()
	if err != nil || f == nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.log.Info("the token file changes to the dialect that all SDKs read; a copy of the old one is kept",
		"path", s.path, "copy", path)
	return durable.WriteFile(path, data)
}

// compact replaces the sidecar by its newest records if it is worth it. Failing
// is not fatal: it is tried again after the next save.
func (s *Store) compact() {
	if !s.side.bloated(len(s.view.entries)) {
		return
	}
	err := s.side.replace(func(id string) bool { return s.view.byID[id] != nil })
	if err != nil {
		s.log.Warn("cannot shorten the sidecar", "path", s.side.path, "err", err)
		return
	}
	if id, err := openID(s.side.file); err == nil {
		s.mu.Lock()
		s.view.sideID = id.content()
		s.mu.Unlock()
	}
}
