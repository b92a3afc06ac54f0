package tokenkeep

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A server that makes a session for each request asks about a wrong secret as
// rarely as one that keeps them.
func TestMisconfigurationIsRememberedWithoutSessions(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	p.refresh = func(context.Context, int64, *Token) (*Token, error) {
		return nil, &Error{Class: Misconfigured, Code: "invalid_client_secret"}
	}
	row, k := stored(t, store, -time.Minute), New(store, p, nil)
	for range 5 {
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrMisconfigured) {
			t.Fatal(err)
		}
		collect()
	}
	if n := p.refreshes.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// An API that refuses everything costs a server that makes a session for each
// request one mint, as others.
func TestRefusalIsRememberedWithoutSessions(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row, k := stored(t, store, time.Hour), New(store, p, nil)
	for range 5 {
		_, _, err := call(t, open(t, k, row.ID), func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" }, get(t, leads))
		must(t, err)
		collect()
	}
	if n := p.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// ... and fifty processes no more than one.
func TestRefusalOfEverythingCostsProcessesOneMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, time.Hour)
		var sessions []*Session
		for range 20 {
			sessions = append(sessions, open(t, New(store, p, nil), row.ID))
		}
		for range 3 {
			for _, s := range sessions {
				if status, _, err := call(t, s, func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" }, get(t, leads)); status != 401 || err != nil {
					t.Fatal(status, err)
				}
			}
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}

// A provider that gives the refused token again is not asked without end.
func TestStickyReissueIsNotAskedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			return &Token{AccessToken: NewSecret("1000.access.0"), Expiry: time.Now().Add(time.Hour)}, nil
		}
		s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
		for range 10 {
			status, _, err := call(t, s, func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" }, get(t, leads))
			if status != 401 || err != nil {
				t.Fatal(status, err)
			}
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}

// Wishes that no token can fulfil do not use the quota up.
func TestTokenForTooMuchCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		s := open(t, New(store, p, nil), stored(t, store, -time.Minute).ID)
		_, err := s.Token(t.Context())
		must(t, err)
		for range 10 {
			if _, err := s.TokenFor(t.Context(), 2*time.Hour); !errors.Is(err, ErrMisconfigured) {
				t.Errorf("%v", err)
			}
			time.Sleep(time.Second)
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
		time.Sleep(20 * time.Minute)
		if tok, err := s.TokenFor(t.Context(), 50*time.Minute); err != nil || tok.Reveal() != "1000.access.2" {
			t.Errorf("fifty minutes: %q, %v", tok.Reveal(), err)
		}
	})
}
