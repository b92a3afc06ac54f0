package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

var code = &Grant{Code: NewSecret("1000.code"), RedirectURL: "http://localhost:8765/callback", Scopes: []string{"a", "b"}}

// selfClient is what a program with a code in its configuration starts with, each
// time.
var selfClient = &Grant{Code: NewSecret("1000.code")}

func TestLoginSavesBeforeAnythingElse(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	p.identify = func(row *Token) (string, error) {
		saved := read(t, store, row.ID)
		if saved.RefreshToken.Reveal() != "1000.refresh.1" {
			t.Error("asked for the name before the token was saved")
		}
		return "patricia@zylker.com:42", nil
	}
	k := New(store, p, nil)
	s, err := k.Login(t.Context(), code)
	must(t, err)
	row, err := s.Row(t.Context())
	must(t, err)
	if row.UserName != "patricia@zylker.com:42" || len(row.Scopes) != 2 || row.RedirectURL != code.RedirectURL {
		t.Errorf("row %+v", row)
	}
	_, err = k.Session(t.Context(), "patricia@zylker.com:42")
	must(t, err)
}

func TestLoginWithoutANameStands(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s, err := New(store, p, nil).Login(t.Context(), code)
	must(t, err)
	_, err = s.Token(t.Context())
	must(t, err)
}

func TestCodeIsRedeemedOnce(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	for range 3 {
		_, err := New(store, p, nil).Login(t.Context(), selfClient)
		must(t, err)
	}
	if n := p.exchanges.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

func TestLoginThatLostTheRaceForItsCode(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	p.exchange = func(ctx context.Context, _ *Grant) (*Token, error) {
		row := &Token{ClientID: "1000.CLIENT", GrantToken: selfClient.Code, RefreshToken: NewSecret("1000.r"), AccessToken: NewSecret("1000.a")}
		must(t, store.SaveToken(ctx, row))
		return nil, &Error{Class: NeedsLogin, Code: "invalid_code"}
	}
	_, err := New(store, p, nil).Login(t.Context(), selfClient)
	must(t, err)
}

func TestLoginAgainRenewsTheRow(t *testing.T) {
	for _, named := range []bool{true, false} {
		store, p := NewMemoryStore(), &stubProvider{}
		p.identify = func(*Token) (string, error) { return "patricia@zylker.com:42", nil }
		k := New(store, p, nil)
		g := Grant{Code: NewSecret("1000.c1")}
		if named {
			g.UserName = "patricia@zylker.com"
		}
		s1, err := k.Login(t.Context(), &g)
		must(t, err)
		g.Code = NewSecret("1000.c2")
		s2, err := k.Login(t.Context(), &g)
		must(t, err)
		if s1.ID() != s2.ID() {
			t.Errorf("named %t: the login moved from %s to %s", named, s1.ID(), s2.ID())
		}
		rows := 0
		for row := range store.GetTokens(t.Context()) {
			rows++
			if row.RefreshToken.Reveal() != "1000.refresh.2" || row.State != (State{}) {
				t.Errorf("named %t: the row was not renewed", named)
			}
		}
		if rows != 1 {
			t.Errorf("named %t: %d rows", named, rows)
		}
		if len(p.revoked) != 1 || p.revoked[0][:len("1000.refresh.1")] != "1000.refresh.1" {
			t.Errorf("named %t: revoked %q, want the superseded refresh token", named, p.revoked)
		}
		// The first session sees the new login.
		tok, err := s1.Token(t.Context())
		if err != nil || tok.Reveal() != "1000.access.2" {
			t.Errorf("named %t: the older session has %v", named, err)
		}
	}
}

func TestLoginDoesNotSpendTheCodeOnAnUnwritableStore(t *testing.T) {
	p := &stubProvider{}
	_, err := New(brokenPing{NewMemoryStore()}, p, nil).Login(t.Context(), code)
	if !errors.Is(err, ErrStoreUnavailable) || p.exchanges.Load() != 0 {
		t.Errorf("%v, %d exchanges", err, p.exchanges.Load())
	}
}

type brokenPing struct{ TokenStore }

func (brokenPing) Ping(context.Context) error { return ErrReadOnly }

func TestLoginIsSavedThoughTheCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		ctx, cancel := context.WithCancel(t.Context())
		failures := 5
		store.onSave = func(*Token) error {
			cancel()
			if failures--; failures > 0 {
				return errors.New("connection refused")
			}
			return nil
		}
		s, err := New(store, p, nil).Login(ctx, &Grant{Code: code.Code, UserName: "u"})
		must(t, err)
		read(t, store, s.ID())
	})
}

func TestLogoutRevokesFirst(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, 0)
	k := New(store, p, nil)
	p.revoke = func(*Token) error { return &Error{Class: RetryLater, Reason: "down"} }
	if err := k.Logout(t.Context(), row.ID); !errors.Is(err, ErrRetryLater) {
		t.Fatal(err)
	}
	read(t, store, row.ID) // still there
	p.revoke = nil
	must(t, k.Logout(t.Context(), row.ID))
	if _, err := store.FindTokenByID(t.Context(), row.ID); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := k.Logout(t.Context(), row.ID); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestDeleteEndsOpenSessions(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, 1<<62)
	k := New(store, p, nil)
	s := open(t, k, row.ID)
	_, err := s.Token(t.Context())
	must(t, err)
	must(t, k.Delete(t.Context(), row.ID))
	if _, err := s.Token(t.Context()); !errors.Is(err, ErrNeedsLogin) {
		t.Error(err)
	}
	if len(p.revoked) != 0 {
		t.Error("a local delete revoked at the provider")
	}
}

// A name that was looked up without its organisation may stand for two logins:
// the earlier refresh token is left alive.
func TestLoginOfAnUnknownOrganisationRevokesNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	p.identify = func(*Token) (string, error) { return "patricia@zylker.com", nil }
	k := New(store, p, nil)
	for _, c := range []string{"1000.c1", "1000.c2"} {
		_, err := k.Login(t.Context(), &Grant{Code: NewSecret(c)})
		must(t, err)
	}
	if len(p.revoked) != 0 {
		t.Error("a refresh token was revoked")
	}
}

func TestExchangeOutlivesItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	store, p := NewMemoryStore(), &stubProvider{}
	p.exchange = func(ctx context.Context, _ *Grant) (*Token, error) {
		cancel() // the browser is closed
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return &Token{ClientID: "1000.CLIENT", RefreshToken: NewSecret("1000.r")}, nil
	}
	s, err := New(store, p, nil).Login(ctx, &Grant{Code: code.Code, UserName: "u"})
	must(t, err)
	read(t, store, s.ID())
}

func TestLogoutKeepsALoginOfTheSameMoment(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, 0)
	k := New(store, p, nil)
	p.revoke = func(*Token) error {
		return store.SaveToken(t.Context(), &Token{ID: row.ID, RefreshToken: NewSecret("1000.refresh.new")})
	}
	if err := k.Logout(t.Context(), row.ID); !errors.Is(err, ErrRetryLater) {
		t.Error(err)
	}
	if read(t, store, row.ID).RefreshToken.Reveal() != "1000.refresh.new" {
		t.Error("the new login is gone")
	}
}
