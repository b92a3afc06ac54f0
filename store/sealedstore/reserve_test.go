package sealedstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

var errCut = errors.New("cut off")

// cutStore fails from its n-th save on.
type cutStore struct {
	tokenkeep.TokenStore
	n int
}

func (s *cutStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if s.n--; s.n < 0 {
		return errCut
	}
	return s.TokenStore.SaveToken(ctx, t)
}

// A first save that was cut off leaves nothing that anybody sees, and the next save of
// the same user, by whatever key, takes its place.
func TestCutOffFirstSaveIsInvisible(t *testing.T) {
	for what, want := range map[string]*tokenkeep.Token{
		"user name":     token("ann"),
		"access token":  {AccessToken: tokenkeep.NewSecret("1000.access")},
		"grant token":   {ClientID: "c", GrantToken: tokenkeep.NewSecret("1000.grant"), DataCentre: "eu"},
		"refresh token": {ClientID: "c", RefreshToken: tokenkeep.NewSecret("1000.refresh")},
	} {
		t.Run(what, func(t *testing.T) {
			keys := newKeyring(t)
			inner := tokenkeep.NewMemoryStore()
			cut := newStore(t, &cutStore{inner, 1}, keys, nil)
			if err := cut.SaveToken(t.Context(), want.Clone()); !errors.Is(err, errCut) {
				t.Fatalf("the save was not cut off: %v", err)
			}
			s := newStore(t, inner, keys, nil)
			invisible(t, s, want)
			row := save(t, s, want.Clone())
			if row.ID != "1000000000" || row.Version != 1 {
				t.Errorf("the save made row %s, version %d, beside the reserved one", row.ID, row.Version)
			}
			same(t, get(t, s, row.ID), row, "the row")
			if found, err := s.FindToken(t.Context(), want); err != nil || found.ID != row.ID {
				t.Errorf("find: %v", err)
			}
		})
	}
}

// invisible tells when callers see a row that was only reserved.
func invisible(t *testing.T, s tokenkeep.TokenStore, partial *tokenkeep.Token) {
	t.Helper()
	ctx := t.Context()
	if _, err := s.FindToken(ctx, partial); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("find of a reserved row: %v", err)
	}
	if _, err := s.FindTokenByID(ctx, "1000000000"); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("find by id of a reserved row: %v", err)
	}
	for row, err := range s.GetTokens(ctx) {
		t.Errorf("a reserved row is listed: %v, %v", row, err)
	}
	claim := partial.Clone()
	claim.ID, claim.Version = "1000000000", 1
	if err := s.SaveToken(ctx, claim); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save of a version of a reserved row: %v", err)
	}
}

// A reserved row makes no look-up ambiguous.
func TestReservedRowMakesNothingAmbiguous(t *testing.T) {
	keys, inner := newKeyring(t), tokenkeep.NewMemoryStore()
	cut, s := newStore(t, &cutStore{inner, 1}, keys, nil), newStore(t, inner, keys, nil)
	other := token("ann")
	other.ClientID = "1000.OTHER"
	_ = cut.SaveToken(t.Context(), other)
	row := save(t, s, token("ann"))
	got, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, row, "the only token of the user")
	save(t, s, other)
	if _, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"}); !errors.Is(err, tokenkeep.ErrAmbiguous) {
		t.Errorf("two tokens of the user: %v", err)
	}
}

// Two first logins of one user at the same moment, of which one learns the data
// centre: what the faster one filled, the reservation of the slower one does not
// break, even if that dies then.
func TestReservationHarmsNoFilledRow(t *testing.T) {
	keys, inner := newKeyring(t), tokenkeep.NewMemoryStore()
	fast := newStore(t, inner, keys, nil)
	row := token("ann")
	row.DataCentre = ""
	row.Claim, row.Mints = tokenkeep.Claim{Owner: "fast"}, []time.Time{time.UnixMilli(1)}
	hook := &hookStore{TokenStore: &cutStore{inner, 1}}
	slow := newStore(t, hook, keys, nil)
	hook.beforeSave = func() { save(t, fast, row) } // right before the slower one reserves
	if err := slow.SaveToken(t.Context(), token("ann")); !errors.Is(err, errCut) {
		t.Fatalf("the slower save was not cut off: %v", err)
	}
	got := get(t, fast, row.ID)
	same(t, got, row, "the faster one's row")
	if got.Claim.Owner != "fast" || len(got.Mints) != 1 || !got.Expiry.Equal(row.Expiry) || got.APIDomain != row.APIDomain {
		t.Errorf("the faster one's row lost its claim, mint times, expiry or API domain: %+v", got)
	}
	again := save(t, fast, token("ann"))
	if again.ID != row.ID || again.Version != 2 {
		t.Errorf("the next save went to row %s, version %d", again.ID, again.Version)
	}
	if found, err := fast.FindToken(t.Context(), &tokenkeep.Token{ClientID: row.ClientID, GrantToken: row.GrantToken}); err != nil || found.ID != row.ID {
		t.Errorf("find by grant token after it: %v", err)
	}
}

// A rotation removes rows whose first save was cut off long ago, and no others.
func TestRotationRemovesOldReservations(t *testing.T) {
	keys, inner := newKeyring(t), tokenkeep.NewMemoryStore()
	for _, user := range []string{"old", "new"} {
		_ = newStore(t, &cutStore{inner, 1}, keys, nil).SaveToken(t.Context(), token(user))
	}
	old := get(t, inner, "1000000000")
	old.CreatedAt = time.Now().Add(-2 * time.Hour)
	save(t, inner, old)
	rotate(t, newStore(t, inner, keys, nil), 0)
	var left []string
	for row, err := range inner.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, row.UserName)
	}
	if len(left) != 1 || left[0] != "new" {
		t.Errorf("reserved rows after a rotation: %v", left)
	}
}
