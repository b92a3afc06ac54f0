package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What TestSimulation found, each in its smallest form.

// A token that waits for its save gives way to a newer one in the store, also when
// the callers want another than that.
func TestUnsavedTokenReplacesNoNewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, -time.Minute)
		store := &faultyStore{TokenStore: rows}
		p.refresh = func(_ context.Context, n int64, _ *Token) (*Token, error) {
			if n == 1 {
				store.onSave = func(*Token) error { return errors.New("connection refused") }
			}
			return p.mint(), nil
		}
		k := New(store, p, nil)
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		store.onSave = nil
		_, err := open(t, New(rows, p, nil), row.ID).Token(t.Context())
		must(t, err)
		tok, err := open(t, k, row.ID).Refresh(t.Context())
		if err != nil || tok.Reveal() != "1000.access.3" {
			t.Errorf("Refresh() = %q, %v; the store had 1000.access.2", tok.Reveal(), err)
		}
	})
}
