package tokenkeep

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// What was minted and not saved forbids nothing and permits nothing once it is
// of no use: states and the budget count again.
func TestSpentUnsavedTokenPermitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		s := unsavedSession(t, store, p, row)
		time.Sleep(2 * time.Hour) // the unsaved token has expired
		r := read(t, store, row.ID)
		r.State, r.Claim = State{Class: NeedsLogin, Reason: "revoked"}, Claim{}
		must(t, store.SaveToken(t.Context(), r))
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrNeedsLogin) || p.refreshes.Load() != 1 {
			t.Errorf("%v, %d requests", err, p.refreshes.Load())
		}
		r = read(t, store, row.ID)
		r.State, r.Mints = State{}, nil
		must(t, store.SaveToken(t.Context(), r))
		_, err := s.Token(t.Context())
		must(t, err)
		if got := read(t, store, row.ID); len(got.Mints) != 1 {
			t.Errorf("the mint was not counted: %v", got.Mints)
		}
	})
}

// unsavedSession returns a session of row whose first refresh the store did not
// take.
func unsavedSession(t *testing.T, store *faultyStore, p *stubProvider, row *Token) *Session {
	t.Helper()
	return unsavedIn(t, New(store, p, nil), store, p, row)
}

func unsavedIn(t *testing.T, k *Keeper, store *faultyStore, p *stubProvider, row *Token) *Session {
	t.Helper()
	minted := p.refresh
	p.refresh = func(ctx context.Context, n int64, r *Token) (*Token, error) {
		store.onSave = func(*Token) error { return errors.New("connection refused") }
		if minted != nil {
			return minted(ctx, n, r)
		}
		return p.mint(), nil
	}
	s := open(t, k, row.ID)
	if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
		t.Fatal(err)
	}
	store.onSave, p.refresh = nil, minted
	return s
}

// A used-up budget does not keep from saving what is minted already.
func TestUnsavedTokenNeedsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{limits: Limits{Mints: 1, Window: 10 * time.Minute}}
		row := stored(t, store, -time.Minute)
		s := unsavedSession(t, store, p, row)
		if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" {
			t.Errorf("%q, %v", tok.Reveal(), err)
		}
	})
}

// A token that waits to be saved outlives the sessions of its row.
func TestUnsavedTokenOutlivesItsSessions(t *testing.T) {
	store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
	row := stored(t, store, -time.Minute)
	k := New(store, p, &Options{ClaimTime: 50 * time.Millisecond})
	unsavedIn(t, k, store, p, row)
	collect()
	tok, err := open(t, k, row.ID).Token(t.Context())
	if err != nil || tok.Reveal() != "1000.access.1" || p.refreshes.Load() != 1 {
		t.Errorf("%q, %v, %d requests", tok.Reveal(), err, p.refreshes.Load())
	}
	k.mu.Lock()
	n := len(k.unsaved)
	k.mu.Unlock()
	if n != 0 {
		t.Errorf("%d states are kept after the save", n)
	}
}

func collect() {
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond) // cleanups run on a goroutine of their own
	}
}

// An unsaved successor of a strict rotator is saved though its access token has
// expired meanwhile.
func TestUnsavedSuccessorIsSavedHoursLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{limits: Limits{Rotation: RotationStrict}}
		var spent []string
		p.refresh = func(_ context.Context, n int64, r *Token) (*Token, error) {
			spent = append(spent, r.RefreshToken.Reveal())
			m := p.mint()
			m.RefreshToken = NewSecret("1000.refresh.successor." + string(rune('0'+n)))
			return m, nil
		}
		row := stored(t, store, -time.Minute)
		s := unsavedSession(t, store, p, row)
		time.Sleep(3 * time.Hour)
		_, err := s.Token(t.Context())
		must(t, err)
		if len(spent) != 2 || spent[1] != "1000.refresh.successor.1" {
			t.Errorf("spent %q", spent)
		}
	})
}
