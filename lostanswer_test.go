package tokenkeep

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An answer of the store can be lost though it saved: what comes next conflicts
// with our own write.
func TestLostAnswerOfTheCommitIsNoConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &lossyStore{MemoryStore: NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			store.lose.Store(1) // the commit's answer
			return p.mint(), nil
		}
		var kinds []EventKind
		k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) { kinds = append(kinds, e.Kind) }})
		tok, err := open(t, k, row.ID).Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.1" || p.refreshes.Load() != 1 {
			t.Errorf("Token() = %q, %v, %d requests", tok.Reveal(), err, p.refreshes.Load())
		}
		if len(kinds) != 1 || kinds[0] != Refreshed {
			t.Errorf("events %v, want one that tells of the refresh", kinds)
		}
	})
}

// The claim that a flight wrote without learning of it is its own.
func TestLostAnswerOfTheClaimIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &lossyStore{MemoryStore: NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		store.lost = ErrConflict // as a driver that retries would say
		store.lose.Store(1)
		began := time.Now()
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		if err != nil || time.Since(began) > time.Second || p.refreshes.Load() != 1 {
			t.Errorf("%v after %v, %d requests", err, time.Since(began), p.refreshes.Load())
		}
	})
}

// lossyStore saves, and loses the answers that a test tells it to.
type lossyStore struct {
	*MemoryStore
	lose atomic.Int64 // how many of the next answers
	lost error        // what is said instead
}

func (s *lossyStore) SaveToken(ctx context.Context, t *Token) error {
	row := t.Clone()
	if err := s.MemoryStore.SaveToken(ctx, row); err != nil {
		return err
	}
	if s.lose.Add(-1) >= 0 {
		if s.lost != nil {
			return s.lost
		}
		return errors.New("connection reset")
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// A claim is renewed though somebody else saved the row meanwhile.
func TestLongRequestKeepsItsClaimThoughTheRowIsRenamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			r := read(t, store, row.ID)
			r.UserName = "renamed"
			must(t, store.SaveToken(t.Context(), r))
			time.Sleep(20 * time.Second)
			return p.mint(), nil
		}
		go func() { _, _ = open(t, New(store, p, nil), row.ID).Token(t.Context()) }()
		time.Sleep(time.Second)
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		must(t, err)
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d requests: the claim was not renewed", n)
		}
		if got := read(t, store, row.ID); got.UserName != "renamed" {
			t.Error("the new name was overwritten")
		}
	})
}

// A store whose writes conflict without end is not asked without pause, and not
// for longer than the flight's time, whether it looks at ctx or not.
func TestEndlessConflictEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saves int
		store := &faultyStore{TokenStore: deafStore{NewMemoryStore()}}
		row := stored(t, store, -time.Minute)
		store.onSave = func(*Token) error {
			if saves++; saves > 10000 {
				panic("asked without pause")
			}
			return ErrConflict
		}
		began := time.Now()
		_, err := open(t, New(store, &stubProvider{}, nil), row.ID).Token(t.Context())
		if ClassOf(err) == "" || time.Since(began) > time.Minute+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// deafStore ignores ctx.
type deafStore struct{ *MemoryStore }

func (s deafStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	return s.MemoryStore.FindTokenByID(context.WithoutCancel(ctx), id)
}

// A failure behind the callers' backs is told of though the store does not take
// it.
func TestFailureIsToldThoughItIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			store.onSave = func(*Token) error { return errors.New("connection refused") }
			return nil, &Error{Class: NeedsLogin, Reason: "revoked"}
		}
		row := stored(t, store, -time.Minute)
		var told bool
		k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) { told = told || e.Kind == Failed }})
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrNeedsLogin) || !told {
			t.Errorf("%v, told: %t", err, told)
		}
	})
}

// The orphan of a deleted login is revoked at its own data centre.
func TestOrphanIsRevokedAtHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			must(t, store.DeleteToken(t.Context(), row.ID))
			return p.mint(), nil
		}
		var home string
		p.revoke = func(t *Token) error { home = t.DataCentre + " " + t.ClientID; return nil }
		_, _ = open(t, New(store, p, nil), row.ID).Token(t.Context())
		if home != "eu 1000.CLIENT" {
			t.Errorf("revoked at %q", home)
		}
	})
}
