package sealedstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// Rows from before the store was sealed are read, found by every key, and sealed by
// their next save.
func TestPlainRowsAreReadAndSealedByTheirNextSave(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	ann, bob := save(t, inner, token("ann")), save(t, inner, token("bob"))
	s := newStore(t, inner, newKeyring(t), nil)
	for what, partial := range map[string]*tokenkeep.Token{
		"user name":     {UserName: "ann"},
		"access token":  {AccessToken: ann.AccessToken},
		"refresh token": {ClientID: ann.ClientID, RefreshToken: ann.RefreshToken},
	} {
		got, err := s.FindToken(t.Context(), partial)
		if err != nil {
			t.Errorf("a plain row by %s: %v", what, err)
			continue
		}
		same(t, got, ann, "a plain row by "+what)
	}
	read := get(t, s, ann.ID)
	read.AccessToken = tokenkeep.NewSecret("1000.canary-new")
	save(t, s, read)
	same(t, get(t, s, ann.ID), read, "a row after the save that sealed it")
	if read.Version != 2 {
		t.Errorf("the first save of a plain row gave version %d", read.Version)
	}
	save(t, s, &tokenkeep.Token{UserName: "bob", AccessToken: tokenkeep.NewSecret("1000.canary-new")})
	for _, row := range []*tokenkeep.Token{ann, bob} {
		in := get(t, inner, row.ID)
		for _, v := range append(in.Candidates, in.ClientSecret, in.RefreshToken, in.AccessToken, in.GrantToken) {
			if strings.Contains(v.Reveal(), "canary") {
				t.Errorf("a secret of %s is still plain after a save", row.UserName)
			}
		}
	}
	if err := s.SaveToken(t.Context(), ann); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save of the version from before the seal: %v", err)
	}
}

func TestRequireSealed(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	row := save(t, inner, token("ann"))
	s := newStore(t, inner, newKeyring(t), &sealedstore.Options{RequireSealed: true})
	_, err := s.FindTokenByID(t.Context(), row.ID)
	refused(t, err, sealedstore.ErrNotSealed, "find")
	refused(t, s.SaveToken(t.Context(), token("ann")), sealedstore.ErrNotSealed, "save")
	if _, err := s.FindToken(t.Context(), &tokenkeep.Token{AccessToken: row.AccessToken}); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("a plain token is looked up in the inner store though all have to be sealed: %v", err)
	}
	sum, err := s.Rotate(t.Context(), s.Keys().Primary())
	if err != nil || sum.Sealed != 1 {
		t.Fatalf("a rotation does not seal plain rows: %+v, %v", sum, err)
	}
	same(t, get(t, s, row.ID), row, "after the rotation")
}

// Plain values that look like sealed ones are kept as they are.
func TestPlainValuesThatLookSealed(t *testing.T) {
	s := newStore(t, tokenkeep.NewMemoryStore(), newKeyring(t), nil)
	row := token("ann")
	row.ClientSecret, row.GrantToken = tokenkeep.NewSecret("tk1.0123456789.1.abcd"), tokenkeep.NewSecret("tkf.reserved")
	save(t, s, row)
	same(t, get(t, s, row.ID), row, "values with the prefixes of sealed ones")
	got, err := s.FindToken(t.Context(), &tokenkeep.Token{ClientID: row.ClientID, GrantToken: row.GrantToken})
	if err != nil || got.ID != row.ID {
		t.Errorf("find by such a value: %v", err)
	}
}
