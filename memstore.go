package tokenkeep

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A MemoryStore keeps tokens in memory: for tests, short jobs, and as the
// reference of what a [TokenStore] does. It lives as long as the process and is
// not shared between processes. Lookups read every row. Its history keeps the newest
// hundred thousand events at least. The zero value is empty and ready for use; it must
// not be copied.
type MemoryStore struct {
	mu     sync.Mutex // guards what follows; never held across a wait
	rows   map[string]*Token
	last   int64 // the newest id given, less FirstID-1
	events []Event
}

var (
	_ TokenStore = (*MemoryStore)(nil)
	_ Pinger     = (*MemoryStore)(nil)
	_ Historian  = (*MemoryStore)(nil)
)

// NewMemoryStore returns an empty MemoryStore.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

// FindToken implements [TokenStore].
func (s *MemoryStore) FindToken(ctx context.Context, partial *Token) (*Token, error) {
	m, err := MatchFor(partial)
	if err != nil {
		return nil, fmt.Errorf("memory: find: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := m.One(maps.Values(s.rows))
	if err != nil {
		return nil, fmt.Errorf("memory: find: %w", err)
	}
	return t.Clone(), nil
}

// FindTokenByID implements [TokenStore].
func (s *MemoryStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.rows[id]
	if !ok {
		return nil, fmt.Errorf("memory: find: %w: id %q", ErrNotFound, id)
	}
	return t.Clone(), nil
}

// SaveToken implements [TokenStore].
func (s *MemoryStore) SaveToken(ctx context.Context, t *Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.Validate(); err != nil {
		return fmt.Errorf("memory: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, err := s.next(t)
	if err != nil {
		return fmt.Errorf("memory: save: %w", err)
	}
	row.Version++
	row.UpdatedAt = time.Now()
	if s.rows == nil {
		s.rows = map[string]*Token{}
	}
	s.rows[row.ID] = row
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// next returns the row that saving t makes, with the version it replaces.
func (s *MemoryStore) next(t *Token) (*Token, error) {
	if t.Version > 0 {
		if old, ok := s.rows[t.ID]; !ok || old.Version != t.Version {
			return nil, fmt.Errorf("%w: id %q, version %d", ErrConflict, t.ID, t.Version)
		}
		return t.Clone(), nil
	}
	old, err := s.meant(t)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return Merge(old, t), nil
	}
	row := t.Clone()
	s.last++
	row.ID = strconv.FormatInt(FirstID-1+s.last, 10)
	row.CreatedAt = time.Now()
	return row, nil
}

// meant returns the row that t means without a version, or nil.
func (s *MemoryStore) meant(t *Token) (*Token, error) {
	if old, ok := s.rows[t.ID]; ok {
		return old, nil
	}
	return FindMeant(t, maps.Values(s.rows))
}

// DeleteToken implements [TokenStore].
func (s *MemoryStore) DeleteToken(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[id]; !ok {
		return fmt.Errorf("memory: delete: %w: id %q", ErrNotFound, id)
	}
	delete(s.rows, id)
	return nil
}

// GetTokens implements [TokenStore]. It yields the rows as they were when it
// began.
func (s *MemoryStore) GetTokens(ctx context.Context) iter.Seq2[*Token, error] {
	return func(yield func(*Token, error) bool) {
		for _, t := range s.sorted() {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(t.Clone(), nil) {
				return
			}
		}
	}
}

func (s *MemoryStore) sorted() []*Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.rows), func(a, b *Token) int { return CompareIDs(a.ID, b.ID) })
}

// DeleteTokens implements [TokenStore].
func (s *MemoryStore) DeleteTokens(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.rows)
	return nil
}

// Ping implements [Pinger].
func (s *MemoryStore) Ping(ctx context.Context) error { return ctx.Err() }

// memoryEvents is how many events are kept of a history in memory.
const memoryEvents = 100_000

// AppendEvents implements [Historian].
func (s *MemoryStore) AppendEvents(ctx context.Context, events []Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	if n := len(s.events); n > 2*memoryEvents { // now and then, because it copies
		s.events = slices.Clone(s.events[n-memoryEvents:])
	}
	return nil
}

// Events implements [Historian]. It yields the events as they were when it began.
func (s *MemoryStore) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, e := range s.selected(q) {
			if err := ctx.Err(); err != nil {
				yield(Event{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Event{}, err)
		}
	}
}

func (s *MemoryStore) selected(q EventQuery) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e Event) bool { return !q.Fits(e) })
}

// PruneEvents implements [Historian].
func (s *MemoryStore) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.events)
	s.events = slices.DeleteFunc(s.events, func(e Event) bool { return e.Time.Before(before) })
	return n - len(s.events), nil
}
