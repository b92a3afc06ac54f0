package tokenkeep

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// What was deleted does not come back to memory from a look that began before.
func TestDeletedStaysOutOfMemory(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, time.Hour)
	k := New(store, p, nil)
	s := open(t, k, row.ID)
	must(t, k.Delete(t.Context(), row.ID))
	s.st.publish(k.snapshot(row, false)) // read before, published after
	if _, err := s.Token(t.Context()); !errors.Is(err, ErrNeedsLogin) {
		t.Errorf("%v", err)
	}
}

// Who learns that another process deleted the row hands its token out no more.
func TestRowLearnsOfADeletion(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	for name, learn := range map[string]func(*Session) error{
		"Row":    func(s *Session) error { _, err := s.Row(t.Context()); return err },
		"Delete": func(s *Session) error { return s.keeper.Delete(t.Context(), s.ID()) },
		"Logout": func(s *Session) error { return s.keeper.Logout(t.Context(), s.ID()) },
	} {
		s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
		must(t, store.DeleteToken(t.Context(), s.ID()))
		if err := learn(s); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrNeedsLogin) {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// A version of the row that brings no new token does not make it refusable anew.
func TestNewVersionWithTheSameTokenIsStillBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
		for range 5 {
			_, _, err := call(t, s, func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" }, get(t, leads))
			must(t, err)
			r := read(t, store, s.ID()) // another process tries, and fails
			must(t, store.SaveToken(t.Context(), r))
			_, err = s.Row(t.Context())
			must(t, err)
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}

// A store that keeps no versions is enough for one process.
func TestStoreWithoutVersionsServesOneProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := plainStore{NewMemoryStore()}, &stubProvider{}
		s := open(t, New(store, p, nil), stored(t, store, -time.Minute).ID)
		for range 5 {
			_, err := s.Token(t.Context())
			must(t, err)
			time.Sleep(2 * time.Hour)
		}
		if n := p.refreshes.Load(); n != 5 {
			t.Errorf("%d refreshes, want 5", n)
		}
	})
}

// plainStore says version 1 whatever it keeps.
type plainStore struct{ *MemoryStore }

func (s plainStore) SaveToken(ctx context.Context, t *Token) error {
	if old, err := s.MemoryStore.FindTokenByID(ctx, t.ID); err == nil && t.Version > 0 {
		t.Version = old.Version
	}
	defer func() { t.Version = 1 }()
	return s.MemoryStore.SaveToken(ctx, t)
}

func (s plainStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	t, err := s.MemoryStore.FindTokenByID(ctx, id)
	if t != nil {
		t.Version = 1
	}
	return t, err
}

// A time-out inside the store is the store's failure, not the caller's haste.
func TestTimeOutOfTheStoreHasAClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{TokenStore: NewMemoryStore()}
		row := stored(t, store, -time.Minute)
		s := open(t, New(store, &stubProvider{}, nil), row.ID)
		store.onFind = func() error { return context.DeadlineExceeded }
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		store.onFind = nil
		if _, err := s.Row(ctx); errors.Is(err, ErrStoreUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left: %v", err)
		}
	})
}
