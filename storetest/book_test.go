package storetest_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A fault is a mistake that a store author might make.
type fault string

const (
	ignoresVersion fault = "ignores Version"
	losesUpdates   fault = "reads, lets others write, and writes"
	firstRow       fault = "finds the first row without a key"
	guessesRow     fault = "finds the first of several rows"
	reusesIDs      fault = "gives the id of a deleted row again"
	doesNotCopy    fault = "hands out what it keeps"
	blanksRefresh  fault = "blanks the refresh token on an upsert"
	foldsCase      fault = "takes names for equal that differ in case"
	ignoresContext fault = "ignores ctx"
	resurrects     fault = "inserts what is saved with a version"
	deadlocks      fault = "is locked while a list is read"
	cutsSeconds    fault = "keeps times to the second"
	readsBehind    fault = "answers some reads from before the last save"
	acksEarly      fault = "returns before it has written"
	tearsRows      fault = "writes in place"
)

// A book is what a small store keeps, with the mistakes of its faults.
type book struct {
	Rows   []*tokenkeep.Token
	Last   int64
	faults []fault
	before *tokenkeep.Token // the row that was replaced last
}

func (b *book) has(f fault) bool { return slices.Contains(b.faults, f) }

func (b *book) byID(id string) (*tokenkeep.Token, error) {
	for _, t := range b.Rows {
		if t.ID == id {
			return t, nil
		}
	}
	return nil, fmt.Errorf("book: %w: id %q", tokenkeep.ErrNotFound, id)
}

// read is byID for a caller.
func (b *book) read(id string) (*tokenkeep.Token, error) {
	t, err := b.byID(id)
	if before := b.before; err == nil && b.has(readsBehind) && t.Version >= 12 && before != nil && before.ID == id {
		b.before = nil
		return before, nil
	}
	return t, err
}

func (b *book) find(partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil && b.has(firstRow) && len(b.Rows) > 0 {
		return b.Rows[0], nil
	}
	if err != nil {
		return nil, fmt.Errorf("book: %w", err)
	}
	for _, t := range b.Rows {
		folded := b.has(foldsCase) && m.Field == tokenkeep.ByUserName && strings.EqualFold(t.UserName, partial.UserName)
		if folded || b.has(guessesRow) && m.Matches(t) {
			return t, nil
		}
	}
	t, err := m.One(slices.Values(b.Rows))
	if err != nil {
		return nil, fmt.Errorf("book: %w", err)
	}
	return t, nil
}

// replaces returns the row that a save of t replaces, or nil.
func (b *book) replaces(t *tokenkeep.Token) (*tokenkeep.Token, error) {
	old, err := b.byID(t.ID)
	if t.Version > 0 {
		switch {
		case err != nil && b.has(resurrects):
			return nil, nil
		case err != nil, old.Version != t.Version && !b.has(ignoresVersion):
			return nil, fmt.Errorf("book: %w", tokenkeep.ErrConflict)
		}
		return old, nil
	}
	if err == nil {
		return old, nil
	}
	return tokenkeep.FindMeant(t, slices.Values(b.Rows))
}

// save puts t in its place.
func (b *book) save(t *tokenkeep.Token) error {
	if err := t.Validate(); err != nil {
		return err
	}
	old, err := b.replaces(t)
	if err != nil {
		return err
	}
	row := t.Clone()
	switch {
	case old == nil:
		b.Last = max(b.Last+1, tokenkeep.FirstID)
		if b.has(reusesIDs) {
			b.Last = tokenkeep.FirstID + int64(len(b.Rows))
		}
		row.ID, row.Version, row.CreatedAt = strconv.FormatInt(b.Last, 10), 0, time.Now()
	case t.Version == 0:
		row = tokenkeep.Merge(old, t)
		if b.has(blanksRefresh) {
			row.RefreshToken = t.RefreshToken
		}
	}
	if old != nil {
		row.Version, b.before = old.Version, old
		b.Rows = slices.DeleteFunc(b.Rows, func(r *tokenkeep.Token) bool { return r == old })
	}
	row.Version, row.UpdatedAt = row.Version+1, time.Now()
	if b.has(cutsSeconds) {
		row.Expiry = row.Expiry.Truncate(time.Second)
	}
	t.ID, t.Version = row.ID, row.Version
	if b.has(doesNotCopy) {
		*t = *row
		row = t
	}
	b.Rows = append(b.Rows, row)
	slices.SortFunc(b.Rows, func(x, y *tokenkeep.Token) int { return cmp.Compare(x.ID, y.ID) })
	return nil
}

func (b *book) delete(id string) error {
	old, err := b.byID(id)
	if err != nil {
		return err
	}
	b.Rows = slices.DeleteFunc(b.Rows, func(r *tokenkeep.Token) bool { return r == old })
	return nil
}

// out is how a row leaves the book.
func (b *book) out(t *tokenkeep.Token, err error) (*tokenkeep.Token, error) {
	if err != nil || b.has(doesNotCopy) {
		return t, err
	}
	return t.Clone(), nil
}

// A shelf gives access to a book: f reads it, or changes it and returns whether
// it did.
type shelf interface {
	with(ctx context.Context, f func(*book) (changed bool, err error)) error
	flawed(f fault) bool
}

// A bookStore makes a TokenStore of a shelf.
type bookStore struct{ shelf }

func (s bookStore) one(ctx context.Context, f func(*book) (*tokenkeep.Token, error)) (t *tokenkeep.Token, err error) {
	err = s.with(ctx, func(b *book) (bool, error) {
		t, err = b.out(f(b))
		return false, err
	})
	return t, err
}

func (s bookStore) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	return s.one(ctx, func(b *book) (*tokenkeep.Token, error) { return b.find(partial) })
}

func (s bookStore) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	return s.one(ctx, func(b *book) (*tokenkeep.Token, error) { return b.read(id) })
}

func (s bookStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	return s.with(ctx, func(b *book) (bool, error) { return true, b.save(t) })
}

func (s bookStore) DeleteToken(ctx context.Context, id string) error {
	return s.with(ctx, func(b *book) (bool, error) { return true, b.delete(id) })
}

func (s bookStore) DeleteTokens(ctx context.Context) error {
	return s.with(ctx, func(b *book) (bool, error) {
		b.Rows = nil
		return true, nil
	})
}

func (s bookStore) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		var rows []*tokenkeep.Token
		list := func(b *book) (bool, error) {
			for _, t := range b.Rows {
				row, _ := b.out(t, nil)
				rows = append(rows, row)
			}
			if s.flawed(deadlocks) {
				yieldAll(ctx, rows, yield)
			}
			return false, nil
		}
		if err := s.with(ctx, list); err != nil {
			yield(nil, err)
		} else if !s.flawed(deadlocks) {
			yieldAll(ctx, rows, yield)
		}
	}
}

func yieldAll(ctx context.Context, rows []*tokenkeep.Token, yield func(*tokenkeep.Token, error) bool) {
	for _, t := range rows {
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		if !yield(t, nil) {
			return
		}
	}
}

// A memoryShelf keeps a book in this process.
type memoryShelf struct {
	faults []fault
	lock   chan struct{} // holds one element while the book is in use
	mu     sync.Mutex
	book   book
}

func newMemoryShelf(faults ...fault) bookStore {
	return bookStore{&memoryShelf{faults: faults, lock: make(chan struct{}, 1), book: book{faults: faults}}}
}

func (m *memoryShelf) flawed(f fault) bool { return slices.Contains(m.faults, f) }

func (m *memoryShelf) with(ctx context.Context, f func(*book) (bool, error)) error {
	if err := ctx.Err(); err != nil && !m.flawed(ignoresContext) {
		return err
	}
	if m.flawed(losesUpdates) {
		return m.carelessly(f)
	}
	select {
	case m.lock <- struct{}{}:
		defer func() { <-m.lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := f(&m.book)
	return err
}

// carelessly changes a copy of the book and puts it back.
func (m *memoryShelf) carelessly(f func(*book) (bool, error)) error {
	m.mu.Lock()
	b := book{Rows: slices.Clone(m.book.Rows), Last: m.book.Last, faults: m.faults}
	m.mu.Unlock()
	changed, err := f(&b)
	if !changed || err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	m.mu.Lock()
	m.book = b
	m.mu.Unlock()
	return nil
}
