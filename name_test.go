package tokenkeep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A nameless login whose name comes late does not replace a login that the user
// made since.
func TestLateNameReplacesNoNewerLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		k := New(store, p, nil)
		defer k.Close()
		s, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.c1")}) // refresh.1; no name can be had
		must(t, err)
		time.Sleep(time.Minute)
		_, err = k.Login(t.Context(), &Grant{Code: NewSecret("1000.c2"), UserName: "u"}) // refresh.2
		must(t, err)
		time.Sleep(2 * time.Hour)
		p.identify = func(*Token) (string, error) { return "u", nil }
		_, err = s.Token(t.Context()) // refreshes, and asks for the name
		must(t, err)
		synctest.Wait()
		u, err := k.Session(t.Context(), "u")
		must(t, err)
		row, err := u.Row(t.Context())
		must(t, err)
		if row.RefreshToken.Reveal() != "1000.refresh.2" || len(p.revoked) != 0 {
			t.Errorf("the older login replaced the newer; revoked %q", p.revoked)
		}
	})
}

// ... but it does replace one that was there before, or that is dead.
func TestLateNameReplacesAnOlderLogin(t *testing.T) {
	for _, dead := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, p := NewMemoryStore(), &stubProvider{}
			k := New(store, p, nil)
			defer k.Close()
			old := stored(t, store, time.Hour)
			time.Sleep(time.Minute)
			s, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.c1")})
			must(t, err)
			if dead {
				old = read(t, store, old.ID)
				old.State, old.UsedAt = State{Class: NeedsLogin}, time.Now().Add(time.Second)
				must(t, store.SaveToken(t.Context(), old))
			}
			time.Sleep(2 * time.Hour)
			p.identify = func(*Token) (string, error) { return old.UserName, nil }
			_, err = s.Token(t.Context())
			must(t, err)
			synctest.Wait()
			if got := read(t, store, old.ID); got.RefreshToken.Reveal() != "1000.refresh.1" || got.State != (State{}) || got.Claim.Held() {
				t.Errorf("dead %t: the row was not renewed", dead)
			}
		})
	}
}

// Two first logins of one user at the same moment end in one row.
func TestTwoFirstLoginsAtOnceEndInOneRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.identify = func(*Token) (string, error) {
			time.Sleep(time.Second)
			return "u", nil
		}
		slow := slowStore{store}
		done := make(chan *Session, 2)
		for _, c := range []string{"1000.c1", "1000.c2"} {
			go func() {
				s, err := New(slow, p, nil).Login(t.Context(), &Grant{Code: NewSecret(c)})
				if err != nil {
					t.Error(err)
				}
				done <- s
			}()
		}
		for range 2 {
			if s := <-done; s != nil {
				_, err := s.Token(t.Context())
				must(t, err)
			}
		}
		if _, err := New(store, p, nil).Session(t.Context(), "u"); err != nil {
			t.Error(err)
		}
	})
}

// slowStore takes a moment for each operation, so that others come in between.
type slowStore struct{ *MemoryStore }

func (s slowStore) FindToken(ctx context.Context, t *Token) (*Token, error) {
	defer time.Sleep(10 * time.Millisecond)
	return s.MemoryStore.FindToken(ctx, t)
}

func (s slowStore) SaveToken(ctx context.Context, t *Token) error {
	defer time.Sleep(10 * time.Millisecond)
	return s.MemoryStore.SaveToken(ctx, t)
}
