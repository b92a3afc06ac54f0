package sealedstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A counting store counts look-ups.
type counting struct {
	tokenkeep.TokenStore
	n int
}

func (s *counting) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	s.n++
	return s.TokenStore.FindToken(ctx, partial)
}

// What is found costs one look-up in the inner store, also while rows may be plain.
func TestLookUps(t *testing.T) {
	inner := &counting{TokenStore: tokenkeep.NewMemoryStore()}
	s := newStore(t, inner, newKeyring(t), nil)
	strict := newStore(t, inner, s.Keys(), &sealedstore.Options{RequireSealed: true})
	ann := save(t, s, token("ann"))
	by := func(t *tokenkeep.Token) *tokenkeep.Token {
		return &tokenkeep.Token{ClientID: t.ClientID, RefreshToken: t.RefreshToken}
	}
	looks := func(what string, s *sealedstore.Store, partial *tokenkeep.Token, want int, target error) {
		t.Helper()
		inner.n = 0
		if _, err := s.FindToken(t.Context(), partial); !errors.Is(err, target) || inner.n != want {
			t.Errorf("%s: %d look-ups, want %d; error %v", what, inner.n, want, err)
		}
	}
	looks("a sealed row by its name", s, &tokenkeep.Token{UserName: "ann"}, 1, nil)
	looks("a sealed row by a token", s, by(ann), 1, nil)
	looks("a sealed row by a token, if all are", strict, by(ann), 1, nil)
	looks("a token that nobody has", s, by(token("eve")), 3, tokenkeep.ErrNotFound)
	looks("a token that nobody has, if all are sealed", strict, by(token("eve")), 1, tokenkeep.ErrNotFound)
	bob := save(t, inner.TokenStore, token("bob"))
	looks("a plain row by a token", s, by(bob), 2, nil)
	if _, err := s.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	looks("a sealed row by a token, with two keys", s, by(ann), 2, nil)
}

// A plain row that somebody put beside a sealed one, with the same token, takes
// nothing from it and blocks nobody.
func TestSealedRowGoesBeforeAPlainOne(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	s := newStore(t, inner, newKeyring(t), nil)
	ann := save(t, s, token("ann"))
	planted := token("eve")
	planted.RefreshToken = ann.RefreshToken
	save(t, inner, planted)
	got, err := s.FindToken(t.Context(), &tokenkeep.Token{ClientID: ann.ClientID, RefreshToken: ann.RefreshToken})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, ann, "the sealed row")
}
