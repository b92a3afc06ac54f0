package filestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// SaveToken implements [tokenkeep.TokenStore]. A value that not every official
// SDK can read gives a [FieldError], unless the row has that value already.
//
// A save that changes none of the ten columns, such as that of a claim, appends
// to the sidecar and leaves the token file as it is.
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := s.writable(); err != nil {
		return fmt.Errorf("save to token file: %w", err)
	}
	if err := t.Validate(); err != nil {
		return fmt.Errorf("save to token file: %w", err)
	}
	if err := s.update(ctx, func() error { return s.save(t) }); err != nil {
		return fmt.Errorf("save to token file: %w", err)
	}
	return nil
}

func (s *Store) writable() error {
	if s.readOnly {
		return fmt.Errorf("%w: %s was opened read-only", tokenkeep.ErrReadOnly, s.path)
	}
	return nil
}

// save writes t. The caller has the lock and a settled view.
func (s *Store) save(t *tokenkeep.Token) error {
	old, next, err := s.next(t)
	if err != nil {
		return err
	}
	next.Version++
	next.UpdatedAt = time.Now().UTC()
	if old == nil {
		err = s.insert(next)
	} else {
		err = s.replace(old, next)
	}
	if err != nil {
		return err
	}
	s.compact()
	t.ID, t.Version = next.ID, next.Version
	return nil
}

// next returns the row that saving t replaces, nil for a new one, and what it
// becomes, with the version that it replaces.
func (s *Store) next(t *tokenkeep.Token) (*entry, *tokenkeep.Token, error) {
	old := s.view.byID[t.ID]
	if t.Version > 0 {
		if old == nil || old.token.Version != t.Version {
			return nil, nil, fmt.Errorf("%w: id %q, version %d", tokenkeep.ErrConflict, t.ID, t.Version)
		}
		return old, t.Clone(), nil
	}
	if old == nil {
		var err error
		if old, err = s.meant(t); err != nil {
			return nil, nil, err
		}
	}
	if old != nil {
		return old, tokenkeep.Merge(old.token, t), nil
	}
	n := t.Clone()
	n.ID, n.Version, n.CreatedAt = "", 0, time.Now().UTC()
	return nil, n, nil
}

// meant returns the row that t means without a version and a known id, or nil.
func (s *Store) meant(t *tokenkeep.Token) (*entry, error) {
	m, err := tokenkeep.MatchFor(t)
	if errors.Is(err, tokenkeep.ErrNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row, err := tokenkeep.FindMeant(t, s.view.candidates(s.seed, m))
	if err != nil || row == nil {
		return nil, err
	}
	return s.view.byID[row.ID], nil
}

// insert adds a row for t and sets its id.
func (s *Store) insert(t *tokenkeep.Token) error {
	blank := &row{tail: strings.Repeat(",", s.view.file.width-columns)}
	if _, err := blank.with(t); err != nil { // before an id is spent
		return err
	}
	id, err := s.side.newID()
	if err != nil {
		return err
	}
	t.ID = id
	r, err := blank.with(t)
	if err != nil {
		return err
	}
	e, err := entryOf(r, t)
	if err != nil {
		return err
	}
	w, err := s.commit(s.view.file, change{
		records: []*record{e.rec},
		rows:    append(slices.Clip(s.view.file.rows), r),
		rewrite: true, at: len(s.view.file.rows), sync: true,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.apply(s.view)
	s.view.add(s.seed, e)
	return nil
}

// replace writes t in the place of old.
func (s *Store) replace(old *entry, t *tokenkeep.Token) error {
	r, err := old.row.with(t)
	if err != nil {
		return err
	}
	e, err := entryOf(r, t)
	if err != nil {
		return err
	}
	c := change{records: []*record{e.rec}, sync: !e.rec.sameLogin(old.rec)}
	if r.val != old.row.val {
		c.rewrite, c.rows = true, slices.Clone(s.view.file.rows)
		c.at = slices.Index(c.rows, old.row)
		c.rows[c.at] = r
	} else {
		e.row = old.row
	}
	w, err := s.commit(s.view.file, c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.apply(s.view)
	s.view.update(s.seed, old, e)
	return nil
}

// entryOf returns the entry for the row r of t.
func entryOf(r *row, t *tokenkeep.Token) (*entry, error) {
	rec, err := recordOf(t.Clone(), r)
	if err != nil {
		return nil, err
	}
	return newEntry(r, rec), nil
}

// DeleteToken implements [tokenkeep.TokenStore].
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	err := s.writable()
	if err == nil {
		err = s.update(ctx, func() error { return s.delete(id) })
	}
	if err != nil {
		return fmt.Errorf("delete from token file: %w", err)
	}
	return nil
}

// delete removes a row. The caller has the lock and a settled view.
func (s *Store) delete(id string) error {
	e := s.view.byID[id]
	if e == nil {
		return fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	rows := slices.DeleteFunc(slices.Clone(s.view.file.rows), func(r *row) bool { return r == e.row })
	return s.remove([]*entry{e}, rows)
}

// DeleteTokens implements [tokenkeep.TokenStore]. It also removes the lines of
// the file that are no tokens: whatever they are, they may hold secrets.
func (s *Store) DeleteTokens(ctx context.Context) error {
	err := s.writable()
	if err == nil {
		err = s.update(ctx, func() error { return s.remove(s.view.entries, nil) })
	}
	if err != nil {
		return fmt.Errorf("delete from token file: %w", err)
	}
	return nil
}

// remove writes rows without those of gone.
func (s *Store) remove(gone []*entry, rows []*row) error {
	c := change{rows: rows, rewrite: true, at: -1, sync: true}
	for _, e := range gone {
		if e.token != nil {
			c.records = append(c.records, &record{
				ID: e.rec.ID, Version: e.rec.Version + 1, Deleted: true, UpdatedAt: time.Now().UTC(),
			})
		}
	}
	w, err := s.commit(s.view.file, c)
	if err != nil {
		return err
	}
	v := s.match(w.rows(s.view.file), true)
	w.apply(v)
	s.publish(v)
	s.compact()
	return nil
}
