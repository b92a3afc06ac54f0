package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tokenkeep/tokenkeep"
)

// FindToken implements [tokenkeep.TokenStore]. By user name it makes one look-up in
// the inner store; by a token, one for each key. Where no sealed row has the token it
// makes one more, as long as rows may be plain, and one more again to make sure that
// there is none: so a sealed row goes before a plain one with the same token, which
// anybody could have put there.
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, wrap("find", err)
	}
	r, err := s.find(ctx, m)
	if err != nil {
		return nil, wrap("find", err)
	}
	if !r.there() {
		return nil, wrap("find", fmt.Errorf("%w by %s", tokenkeep.ErrNotFound, m.Field))
	}
	return r.token, nil
}

// FindTokenByID implements [tokenkeep.TokenStore] with one look-up in the inner
// store.
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	r, err := s.byID(ctx, id)
	if err != nil {
		return nil, wrap("find", err)
	}
	if !r.there() {
		return nil, wrap("find", fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id))
	}
	return r.token, nil
}

// byID returns the row with this id, which may be a reserved one, or nil.
func (s *Store) byID(ctx context.Context, id string) (*row, error) {
	inner, err := s.inner.FindTokenByID(ctx, id)
	if errors.Is(err, tokenkeep.ErrNotFound) {
		return nil, nil //nolint:nilnil // no row is an answer
	}
	if err != nil {
		return nil, err
	}
	return s.open(ctx, inner)
}

// find returns the row that m means; a reserved one if there is no other; or nil.
func (s *Store) find(ctx context.Context, m tokenkeep.Match) (*row, error) {
	candidates := s.candidates(ctx, m)
	found, err := s.ask(ctx, m, candidates)
	if err != nil || found.there() || m.Field == tokenkeep.ByUserName {
		return found, err
	}
	if !s.opts.RequireSealed {
		plain := partialFor(m, m.Value)
		candidates = append(candidates, plain)
		if r, err := s.ask(ctx, m, []*tokenkeep.Token{plain}); r != nil || err != nil {
			return r, err
		}
	}
	if found == nil && len(candidates) > 1 {
		// A row that is sealed anew at the same moment moves from the later candidates
		// to the first, behind the back of who asks for one after the other.
		return s.ask(ctx, m, s.candidates(ctx, m)[:1])
	}
	return found, nil
}

// ask is find for these candidates.
func (s *Store) ask(ctx context.Context, m tokenkeep.Match, candidates []*tokenkeep.Token) (*row, error) {
	var found *row
	for _, partial := range candidates {
		inner, err := s.inner.FindToken(ctx, partial)
		switch {
		case errors.Is(err, tokenkeep.ErrNotFound):
			continue
		case errors.Is(err, tokenkeep.ErrAmbiguous):
			return s.scan(ctx, m, candidates)
		case err != nil:
			return nil, err
		}
		r, err := s.openMatch(ctx, inner, m)
		if err != nil {
			return nil, err
		}
		if found.there() && r.there() && found.inner.ID != r.inner.ID {
			return nil, m.Ambiguous(found.token, r.token)
		}
		if !found.there() {
			found = r
		}
	}
	return found, nil
}

// candidates returns what to ask the inner store for, to find the sealed rows that m
// means: the fingerprints by each key, or the user name.
func (s *Store) candidates(ctx context.Context, m tokenkeep.Match) []*tokenkeep.Token {
	if m.Field == tokenkeep.ByUserName {
		return []*tokenkeep.Token{partialFor(m, m.Value)}
	}
	var all []*tokenkeep.Token
	for _, k := range s.keys.fresh(ctx).keys {
		all = append(all, partialFor(m, k.fingerprint(m.Field, m.Value)))
	}
	return all
}

// partialFor returns the partial token that means m with another value.
func partialFor(m tokenkeep.Match, value tokenkeep.Secret) *tokenkeep.Token {
	t := &tokenkeep.Token{ClientID: m.ClientID, DataCentre: m.DataCentre}
	switch m.Field {
	case tokenkeep.ByUserName:
		t.UserName = value.Reveal()
	case tokenkeep.ByAccessToken:
		t.AccessToken = value
	case tokenkeep.ByGrantToken:
		t.GrantToken = value
	case tokenkeep.ByRefreshToken:
		t.RefreshToken = value
	}
	return t
}

// openMatch opens a row that the inner store found for m, and makes sure that what
// was sealed is what was asked for: anybody could have moved a fingerprint.
func (s *Store) openMatch(ctx context.Context, inner *tokenkeep.Token, m tokenkeep.Match) (*row, error) {
	r, err := s.open(ctx, inner)
	if err == nil && r.there() && !m.Matches(r.token) {
		return nil, openError(inner.ID, damaged("its fingerprint belongs to another token"))
	}
	return r, err
}

// scan is find where several rows of the inner store fit: it reads all of them, to
// leave out those that are reserved only.
func (s *Store) scan(ctx context.Context, m tokenkeep.Match, candidates []*tokenkeep.Token) (*row, error) {
	var tokens []*tokenkeep.Token
	rows := map[string]*row{}
	for inner, err := range s.inner.GetTokens(ctx) {
		if err != nil {
			return nil, err
		}
		if isReserved(inner) || !slices.ContainsFunc(candidates, means(inner)) {
			continue
		}
		r, err := s.openMatch(ctx, inner, m)
		if err != nil {
			return nil, err
		}
		rows[inner.ID], tokens = r, append(tokens, r.token)
	}
	t, err := m.One(slices.Values(tokens))
	if errors.Is(err, tokenkeep.ErrNotFound) {
		return nil, nil //nolint:nilnil // no row is an answer
	}
	if err != nil {
		return nil, err
	}
	return rows[t.ID], nil
}

// means returns whether a partial token means inner.
func means(inner *tokenkeep.Token) func(partial *tokenkeep.Token) bool {
	return func(partial *tokenkeep.Token) bool {
		m, err := tokenkeep.MatchFor(partial)
		return err == nil && m.Matches(inner)
	}
}

// GetTokens implements [tokenkeep.TokenStore]. It ends with an error at the first
// row that cannot be opened.
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		for inner, err := range s.inner.GetTokens(ctx) {
			var r *row
			if err == nil {
				r, err = s.open(ctx, inner)
			}
			if err != nil {
				yield(nil, wrap("list", err))
				return
			}
			if r.there() && !yield(r.token, nil) {
				return
			}
		}
	}
}
