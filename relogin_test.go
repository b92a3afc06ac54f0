package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The code of a redirect comes from a browser, and old ones are in its history:
// nobody gets the session that somebody else's code once led to.
func TestOldCodeOfARedirectOpensNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	k := New(store, p, nil)
	g := &Grant{Code: NewSecret("1000.c"), RedirectURL: "https://app.example/callback", UserName: "victim"}
	_, err := k.Login(t.Context(), g)
	must(t, err)
	p.exchange = func(context.Context, *Grant) (*Token, error) {
		return nil, &Error{Class: NeedsLogin, Code: "invalid_code"}
	}
	if s, err := k.Login(t.Context(), &Grant{Code: g.Code, RedirectURL: g.RedirectURL}); err == nil {
		t.Errorf("an old code opened the session of token %s", s.ID())
	}
}

// A store that is down is asked with pauses to the end.
func TestLoginAsksAStoreThatIsDownWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		saves := 0
		store.onSave = func(*Token) error {
			if saves++; saves > 1000 {
				panic("asked without pause")
			}
			return errors.New("connection refused")
		}
		_, err := New(store, p, nil).Login(t.Context(), &Grant{Code: NewSecret("1000.c"), UserName: "u"})
		if !errors.Is(err, ErrStoreUnavailable) {
			t.Error(err)
		}
		if saves > 70 {
			t.Errorf("%d saves in 30 s", saves)
		}
	})
}

// A time-out inside the store does not end the attempts.
func TestLoginOutlivesATimeOutOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		failures := 1
		store.onSave = func(*Token) error {
			if failures--; failures >= 0 {
				return context.DeadlineExceeded
			}
			return nil
		}
		_, err := New(store, p, nil).Login(t.Context(), &Grant{Code: NewSecret("1000.c"), UserName: "u"})
		must(t, err)
	})
}

// Two rows can hold one refresh token; it is not revoked while one of them does.
func TestSharedRefreshTokenIsNotRevoked(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, time.Hour)
	twin := row.Clone()
	twin.ID, twin.Version, twin.UserName = "", 0, "twin"
	must(t, store.SaveToken(t.Context(), twin))
	_, err := New(store, p, nil).Adopt(t.Context(), &Token{UserName: row.UserName, ClientID: row.ClientID, RefreshToken: NewSecret("1000.refresh.new")})
	must(t, err)
	if len(p.revoked) != 0 {
		t.Errorf("revoked %q, which another row uses", p.revoked)
	}
}

// A login with an id renews that row: the row of the name's other owner keeps its
// refresh token.
func TestAdoptByIDRevokesNobodyElse(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, time.Hour)
	other := &Token{UserName: "other", ClientID: "1000.CLIENT", RefreshToken: NewSecret("1000.refresh.other")}
	must(t, store.SaveToken(t.Context(), other))
	_, err := New(store, p, nil).Adopt(t.Context(), &Token{ID: other.ID, UserName: row.UserName, ClientID: row.ClientID, RefreshToken: NewSecret("1000.refresh.new")})
	must(t, err)
	for _, r := range p.revoked {
		if r == "1000.refresh.0|1000.access.0" {
			t.Error("revoked the refresh token of a row that was not renewed")
		}
	}
}

// A login that names no client is one of the Keeper's client.
func TestAdoptedLoginBelongsToTheClient(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	foreign := &Token{UserName: "u", ClientID: "1000.OTHER", RefreshToken: NewSecret("1000.refresh.other")}
	must(t, store.SaveToken(t.Context(), foreign))
	s, err := New(store, p, nil).Adopt(t.Context(), &Token{UserName: "u", RefreshToken: NewSecret("1000.refresh.new")})
	must(t, err)
	if s.ID() == foreign.ID {
		t.Error("it was written over the login of another client")
	}
}
