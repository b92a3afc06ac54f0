package filestore

import (
	"context"
	"fmt"
	"iter"

	"github.com/tokenkeep/tokenkeep"
)

// FindToken implements [tokenkeep.TokenStore].
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, fmt.Errorf("find in token file: %w", err)
	}
	if err := s.current(ctx); err != nil {
		return nil, fmt.Errorf("find in token file: %w", err)
	}
	t, err := s.one(m)
	if err != nil {
		return nil, fmt.Errorf("find in token file %s: %w", s.path, err)
	}
	return t.Clone(), nil
}

// one returns the token of the view that m means.
func (s *Store) one(m tokenkeep.Match) (*tokenkeep.Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, tokenkeep.ErrClosed
	}
	return m.One(s.view.candidates(s.seed, m))
}

// FindTokenByID implements [tokenkeep.TokenStore].
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if err := s.current(ctx); err != nil {
		return nil, fmt.Errorf("find in token file: %w", err)
	}
	t, err := s.byID(id)
	if err != nil {
		return nil, fmt.Errorf("find in token file %s: %w", s.path, err)
	}
	return t.Clone(), nil
}

// byID returns the token of the view with this id.
func (s *Store) byID(id string) (*tokenkeep.Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, tokenkeep.ErrClosed
	}
	e := s.view.byID[id]
	if e == nil {
		return nil, fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	return e.token, nil
}

// GetTokens implements [tokenkeep.TokenStore]. It yields the tokens as they were
// when it began.
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		tokens, err := s.all(ctx)
		for _, t := range tokens {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(t.Clone(), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, fmt.Errorf("list token file: %w", err))
		}
	}
}

// all returns the tokens of the view.
func (s *Store) all(ctx context.Context) ([]*tokenkeep.Token, error) {
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, tokenkeep.ErrClosed
	}
	return s.view.tokens(), nil
}
