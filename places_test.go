package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// loginAgain logs the user u in once more and returns the row, an hour later.
func loginAgain(t *testing.T, k *Keeper, code int) *Token {
	t.Helper()
	s, err := k.Login(t.Context(), &Grant{Code: NewSecret(fmt.Sprintf("1000.code.%d", code)), UserName: "u"})
	must(t, err)
	row, err := s.Row(t.Context())
	must(t, err)
	time.Sleep(time.Hour)
	return row
}

// hours returns how many hours after from each login was.
func hours(row *Token, from time.Time) string {
	var hours []int
	for _, at := range row.Logins {
		hours = append(hours, int(at.Sub(from)/time.Hour))
	}
	return fmt.Sprint(hours)
}

// The row counts the refresh tokens that may still be alive: those that were
// replaced and not revoked, and the present one.
func TestRowCountsThePlacesOfItsLogins(t *testing.T) {
	for failure, want := range map[error]string{
		nil:                  "[2]",
		errors.New("outage"): "[0 1 2]",
	} {
		synctest.Test(t, func(t *testing.T) {
			store, p, begin := NewMemoryStore(), &stubProvider{}, time.Now()
			p.revoke = func(*Token) error { return failure }
			k := New(store, p, nil)
			defer k.Close()
			var row *Token
			for code := range 3 {
				row = loginAgain(t, k, code)
			}
			if got := hours(row, begin); got != want {
				t.Errorf("revocation gives %v: logins %s, want %s", failure, got, want)
			}
			s := open(t, k, row.ID)
			_, err := s.Refresh(t.Context())
			must(t, err)
			if got := hours(read(t, store, row.ID), begin); got != want {
				t.Errorf("after a refresh: logins %s, want %s", got, want)
			}
		})
	}
}

// One refresh token takes one place, however often it is adopted.
func TestAdoptingTheSameLoginTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, begin := NewMemoryStore(), time.Now()
		k := New(store, &stubProvider{}, nil)
		var s *Session
		for range 3 {
			var err error
			s, err = k.Adopt(t.Context(), &Token{UserName: "u", RefreshToken: NewSecret("1000.refresh.9")})
			must(t, err)
			time.Sleep(time.Hour)
		}
		if got := hours(read(t, store, s.ID()), begin); got != "[0]" {
			t.Errorf("logins %s", got)
		}
		_, err := k.Adopt(t.Context(), &Token{UserName: "online", AccessToken: NewSecret("1000.access.9")})
		must(t, err)
		online, err := k.Session(t.Context(), "online")
		must(t, err)
		if got := read(t, store, online.ID()).Logins; got != nil {
			t.Errorf("a login without a refresh token: logins %v", got)
		}
	})
}

// The row of a program that knows nothing of logins holds one place.
func TestForeignLoginHoldsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p, begin := NewMemoryStore(), &stubProvider{}, time.Now()
		must(t, store.SaveToken(t.Context(), &Token{UserName: "u", ClientID: "1000.CLIENT", DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.sdk")}))
		time.Sleep(time.Hour)
		p.revoke = func(*Token) error { return errors.New("outage") }
		if got := hours(loginAgain(t, New(store, p, nil), 1), begin); got != "[0 1]" {
			t.Errorf("logins %s", got)
		}
		p.revoke = nil
		if got := hours(loginAgain(t, New(store, p, nil), 2), begin); got != "[0 2]" {
			t.Errorf("logins %s", got)
		}
	})
}

// A login that waited in the journal was made when it was made.
func TestRescuedLoginKeepsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, begin := newRescueSetup(t), time.Now()
		row := loginAgain(t, s.keeper(), 1)
		s.loseLogin(t, &Grant{Code: NewSecret("1000.c2"), UserName: "u"})
		time.Sleep(24 * time.Hour)
		s.p.revoke = func(*Token) error { return errors.New("outage") }
		s.recover(t, RecoverReport{Merged: 1})
		if got := hours(read(t, s.store, row.ID), begin); got != "[0 1]" {
			t.Errorf("logins %s", got)
		}
	})
}

// A login whose name comes late brings its time along.
func TestLateNameKeepsTheLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p, begin := NewMemoryStore(), &stubProvider{}, time.Now()
		k := New(store, p, nil)
		defer k.Close()
		row := loginAgain(t, k, 1)
		s, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.code.2")})
		must(t, err)
		time.Sleep(2 * time.Hour)
		p.identify = func(*Token) (string, error) { return "u", nil }
		_, err = s.Token(t.Context())
		must(t, err)
		synctest.Wait()
		if got := hours(read(t, store, row.ID), begin); got != "[0 1]" {
			t.Errorf("logins %s", got)
		}
	})
}

// To write a place off collides with other writers of the row, and loses nothing.
func TestPlaceIsWrittenOffBesideOtherWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p, begin := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}, time.Now()
		k := New(store, p, nil)
		defer k.Close()
		row := loginAgain(t, k, 1)
		p.revoke = func(*Token) error { // somebody saves the row right after
			other := read(t, store.TokenStore, row.ID)
			other.Scopes = []string{"other"}
			return store.TokenStore.SaveToken(t.Context(), other)
		}
		row = loginAgain(t, k, 2)
		if got := hours(row, begin); got != "[1]" || !slices.Equal(row.Scopes, []string{"other"}) {
			t.Errorf("logins %s, scopes %v", got, row.Scopes)
		}
	})
}

// The place of the earlier login is made free though the caller leaves.
func TestCallerWhoLeavesLeavesNoPlaceTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p, begin := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}, time.Now()
		k := New(ctxStore{store}, ctxProvider{p}, nil)
		row := loginAgain(t, k, 1)
		ctx, leave := context.WithCancel(t.Context())
		p.exchange = func(context.Context, *Grant) (*Token, error) {
			leave()
			t := p.mint()
			t.ClientID, t.DataCentre, t.RefreshToken = "1000.CLIENT", "eu", NewSecret("1000.refresh.new")
			return t, nil
		}
		_, _ = k.Login(ctx, &Grant{Code: NewSecret("1000.code.2"), UserName: "u"})
		if got := hours(read(t, store, row.ID), begin); got != "[1]" || len(p.revoked) != 1 {
			t.Errorf("logins %s, revoked %q", got, p.revoked)
		}
	})
}

// ctxStore and ctxProvider fail when their ctx is done.
type (
	ctxStore    struct{ TokenStore }
	ctxProvider struct{ *stubProvider }
)

func (s ctxStore) FindToken(ctx context.Context, t *Token) (*Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.TokenStore.FindToken(ctx, t)
}

func (p ctxProvider) Revoke(ctx context.Context, t *Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.stubProvider.Revoke(ctx, t)
}

// A save of a login that was given up and arrives after all changes nothing: the login
// was revoked meanwhile. If that cannot be made sure, it is not revoked.
func TestSaveThatWasGivenUpChangesNothing(t *testing.T) {
	for _, fenced := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
			k := New(store, p, nil)
			defer k.Close()
			row := loginAgain(t, k, 1)
			var late *Token
			store.onSave = func(next *Token) error {
				if next.RefreshToken.Equal(row.RefreshToken) && fenced {
					return nil
				}
				if late == nil {
					late = next.Clone()
				}
				return errDown
			}
			if _, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.code.2"), UserName: "u"}); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			err := store.TokenStore.SaveToken(t.Context(), late)
			if errors.Is(err, ErrConflict) != fenced || len(p.revoked) == 1 != fenced {
				t.Errorf("fenced %t: the late save: %v; revoked %q", fenced, err, p.revoked)
			}
			if _, err := open(t, k, row.ID).Refresh(t.Context()); fenced && err != nil {
				t.Error(err)
			}
		})
	}
}
