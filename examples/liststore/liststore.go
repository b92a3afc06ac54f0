// Package liststore keeps tokens in a list in memory: the list-based store of
// Zoho's article on token persistence, as a tokenkeep.TokenStore. It is the
// smallest store there is, and the place to begin one of your own.
//
//	keeper := tokenkeep.New(&liststore.Store{}, provider, nil)
//
// Tokens are gone when the process ends. Programs use tokenkeep.NewMemoryStore,
// which does the same.
package liststore

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A Store is a list of tokens. The zero value is empty and ready for use. It is
// safe for concurrent use by goroutines, and must not be copied.
type Store struct {
	mu   sync.Mutex // guards rows and last
	rows []*tokenkeep.Token
	last int64 // the newest id given, less FirstID-1
}

var _ tokenkeep.TokenStore = (*Store)(nil)

// FindToken implements [tokenkeep.TokenStore].
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, fmt.Errorf("list: find: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := m.One(slices.Values(s.rows))
	if err != nil {
		return nil, fmt.Errorf("list: find: %w", err)
	}
	return t.Clone(), nil
}

// FindTokenByID implements [tokenkeep.TokenStore].
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.place(id)
	if i < 0 {
		return nil, fmt.Errorf("list: find: %w: id %q", tokenkeep.ErrNotFound, id)
	}
	return s.rows[i].Clone(), nil
}

// SaveToken implements [tokenkeep.TokenStore].
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.Validate(); err != nil {
		return fmt.Errorf("list: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, row, err := s.next(t)
	if err != nil {
		return fmt.Errorf("list: save: %w", err)
	}
	row.Version++
	row.UpdatedAt = time.Now()
	if i < 0 {
		s.rows = append(s.rows, row)
	} else {
		s.rows[i] = row
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// next returns the row that saving t makes, with the version that it replaces, and
// its place in the list: -1 if it is new.
func (s *Store) next(t *tokenkeep.Token) (int, *tokenkeep.Token, error) {
	i := s.place(t.ID)
	if t.Version > 0 {
		if i < 0 || s.rows[i].Version != t.Version {
			return 0, nil, fmt.Errorf("%w: id %q", tokenkeep.ErrConflict, t.ID)
		}
		return i, t.Clone(), nil
	}
	if i < 0 { // not known by its id
		old, err := tokenkeep.FindMeant(t, slices.Values(s.rows))
		if err != nil {
			return 0, nil, err
		}
		i = slices.Index(s.rows, old)
	}
	if i >= 0 {
		return i, tokenkeep.Merge(s.rows[i], t), nil
	}
	s.last++
	row := t.Clone()
	row.ID, row.CreatedAt = strconv.FormatInt(tokenkeep.FirstID-1+s.last, 10), time.Now()
	return -1, row, nil
}

// place returns where the row with this id is, or -1.
func (s *Store) place(id string) int {
	return slices.IndexFunc(s.rows, func(t *tokenkeep.Token) bool { return t.ID == id })
}

// DeleteToken implements [tokenkeep.TokenStore].
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.place(id)
	if i < 0 {
		return fmt.Errorf("list: delete: %w: id %q", tokenkeep.ErrNotFound, id)
	}
	s.rows = slices.Delete(s.rows, i, i+1)
	return nil
}

// GetTokens implements [tokenkeep.TokenStore].
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		s.mu.Lock()
		rows := slices.Clone(s.rows) // rows are replaced, never changed
		s.mu.Unlock()
		for _, t := range rows {
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

// DeleteTokens implements [tokenkeep.TokenStore].
func (s *Store) DeleteTokens(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = nil
	return nil
}
