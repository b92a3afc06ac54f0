package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// tries is how often a save begins again because the row was sealed anew, or saved
// by others, at the same moment.
const tries = 200

// SaveToken implements [tokenkeep.TokenStore]. Every save seals with the primary
// key. It reads the row first: a token that exists costs one look-up more than the
// inner store, a new one two saves, since a seal is bound to the id.
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := t.Validate(); err != nil {
		return wrap("save", err)
	}
	if t.Version > 0 {
		return wrap("save", s.replace(ctx, t))
	}
	return wrap("save", s.upsert(ctx, t))
}

// replace writes t over exactly its version. A rotation that seals the row anew
// meanwhile changes the version of the inner row only, and conflicts with nobody.
func (s *Store) replace(ctx context.Context, t *tokenkeep.Token) error {
	for try := range tries {
		r, err := s.byID(ctx, t.ID)
		if err != nil {
			return err
		}
		if !r.there() || r.token.Version != t.Version {
			return fmt.Errorf("%w: id %q, version %d", tokenkeep.ErrConflict, t.ID, t.Version)
		}
		err = s.write(ctx, r.inner, t, t.Version+1)
		if err == nil {
			t.Version++
		}
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return errTooFast
}

// write seals t at this version and puts it in place of inner. The keys are asked
// for after inner was read: a rotation whose new key they lack has not touched inner
// yet, and when it does, this write conflicts. So no row stays behind under a key
// that the rotation leaves.
func (s *Store) write(ctx context.Context, inner, t *tokenkeep.Token, version int64) error {
	next := t.Clone()
	next.ID = inner.ID
	sealed, err := seal(s.keys.fresh(ctx).primary(), next, version)
	if err != nil {
		return err
	}
	sealed.Version = inner.Version
	return s.inner.SaveToken(ctx, sealed)
}

// upsert merges t into the row that it means, or makes one.
func (s *Store) upsert(ctx context.Context, t *tokenkeep.Token) error {
	var r *row
	for try := range tries {
		var err error
		if r, err = s.target(ctx, t, r); err != nil {
			return err
		}
		next := t.Clone()
		next.CreatedAt, next.Version = r.inner.CreatedAt, 0
		if r.there() {
			next = tokenkeep.Merge(r.token, t)
		}
		err = s.write(ctx, r.inner, next, next.Version+1)
		if err == nil {
			t.ID, t.Version = r.inner.ID, next.Version+1
		}
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return errTooFast
}

// target returns the row to save t in: the one that it means, or a reserved one.
// last is that of a try before, whose reservation still stands.
func (s *Store) target(ctx context.Context, t *tokenkeep.Token, last *row) (*row, error) {
	if last.reserved() {
		if r, err := s.byID(ctx, last.inner.ID); err != nil || r.reserved() {
			return r, err
		}
	}
	if t.ID != "" {
		if r, err := s.byID(ctx, t.ID); err != nil || r.there() {
			return r, err
		}
	}
	m, err := tokenkeep.MatchFor(t)
	if err != nil { // nothing to look it up by: it means a new row
		return s.reserve(ctx, &tokenkeep.Token{GrantToken: tokenkeep.NewSecret(reservedMark)})
	}
	if r, err := s.find(ctx, m); err != nil || r != nil {
		return r, err
	}
	return s.reserve(ctx, s.reservation(ctx, m))
}

// reservation returns the token that reserves a row for what m means. It is such
// that all who save what m means at this moment get one row, and that it harms no
// row which another of them has filled by then: it tells nothing but the key that
// the row was found by, its data centre, and a mark in place of the fingerprint of
// the grant token, which is not needed to open the row and comes back with the
// save that follows.
func (s *Store) reservation(ctx context.Context, m tokenkeep.Match) *tokenkeep.Token {
	if m.Field == tokenkeep.ByUserName {
		t := partialFor(m, m.Value)
		t.GrantToken = tokenkeep.NewSecret(reservedMark)
		return t
	}
	return partialFor(m, s.keys.fresh(ctx).primary().fingerprint(m.Field, m.Value))
}

// reserve makes a row without a token, to have an id that the seal can be bound to.
// If others were faster, it is theirs that comes back.
func (s *Store) reserve(ctx context.Context, t *tokenkeep.Token) (*row, error) {
	if err := s.inner.SaveToken(ctx, t); err != nil {
		return nil, err
	}
	if t.Version == 1 {
		t.CreatedAt = time.Now()
		return &row{inner: t}, nil
	}
	r, err := s.byID(ctx, t.ID)
	if err == nil && r == nil {
		err = fmt.Errorf("%w: id %q", tokenkeep.ErrConflict, t.ID) // deleted already
	}
	return r, err
}

var errTooFast = &tokenkeep.Error{
	Class: tokenkeep.StoreUnavailable, Op: "merge", Reason: "the row changes faster than it can be saved",
	Hint: "look for a program that saves this token in a loop",
}

// pause waits a little before the next try, longer each time, up to 20 ms.
func pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rand.N(min(time.Duration(try)*time.Millisecond, 20*time.Millisecond))) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
