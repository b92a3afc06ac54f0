//go:build unix

package servertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// What was acknowledged is there after the server was killed, whole, and the store
// goes on with the server that comes back.
func TestServerKilledAmidSaves(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		server := pr.startServer(t)
		p := server.newPlace(t, "oauthtoken")
		const users = 8
		acknowledged := make([]int64, users) // the version of each user's row
		ids := make([]string, users)
		for i := range ids {
			tok := fullToken(fmt.Sprint("user", i))
			tok.RedirectURL = "https://example.com/1"
			ids[i] = p.save(t, tok).ID
		}
		for round := range 3 {
			var down atomic.Bool
			var writers sync.WaitGroup
			for i := range ids {
				writers.Go(func() { acknowledged[i] = saveUntil(t, p, ids[i], &down) })
			}
			time.Sleep(200 * time.Millisecond)
			down.Store(true)
			server.kill()
			server.start()
			writers.Wait()
			for i, id := range ids {
				row := p.byID(t, id) // reconnects
				if row.Version < acknowledged[i] || row.RedirectURL != fmt.Sprint("https://example.com/", row.Version) {
					t.Errorf("round %d: row %s has version %d and %q, acknowledged was %d", round, id, row.Version, row.RedirectURL, acknowledged[i])
				}
			}
		}
		if n := len(p.all(t)); n != users {
			t.Errorf("%d rows, want %d", n, users)
		}
	})
}

// saveUntil saves new versions until a save fails after down was set, and returns
// the last version that was acknowledged.
func saveUntil(tb testing.TB, p *place, id string, down *atomic.Bool) int64 {
	tb.Helper()
	var last int64
	for {
		row, err := p.FindTokenByID(tb.Context(), id)
		if err == nil {
			row.RedirectURL = fmt.Sprint("https://example.com/", row.Version+1)
			err = p.SaveToken(tb.Context(), row)
		}
		switch {
		case err == nil:
			last = row.Version
		case tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable && !errors.Is(err, tokenkeep.ErrConflict):
			tb.Errorf("a save while the server dies: %v", err)
			return last
		}
		if down.Load() {
			return last
		}
	}
}

// A minter is a provider that takes its time and counts.
type minter struct {
	tokenkeep.Provider

	requests atomic.Int64
	asked    chan struct{} // receives a value for each request
	answer   chan struct{} // closed when it may be answered
}

func (m *minter) Refresh(ctx context.Context, _ *tokenkeep.Token) (*tokenkeep.Token, error) {
	n := m.requests.Add(1)
	m.asked <- struct{}{}
	select {
	case <-m.answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return &tokenkeep.Token{
		AccessToken: tokenkeep.NewSecret(fmt.Sprint("1000.access.minted", n)),
		Expiry:      time.Now().Add(time.Hour),
	}, nil
}

func (*minter) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	return tokenkeep.Audience{Scheme: "Zoho-oauthtoken", BaseURL: "https://www.zohoapis.eu", Hosts: []string{"www.zohoapis.eu"}}, nil
}

func (*minter) Limits() tokenkeep.Limits {
	return tokenkeep.Limits{Mints: 10, Window: 10 * time.Minute}
}

// The server dies while a refresh is under way, and comes back before the claim's
// time is over: the new token is stored, and one request was made. Who has a valid
// token does not notice.
func TestServerKilledDuringRefresh(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		server := pr.startServer(t)
		p := server.newPlace(t, "oauthtoken")
		expired, valid := fullToken("expired"), fullToken("valid")
		expired.Expiry = time.Now().Add(-time.Minute).Truncate(time.Millisecond)
		valid.Expiry = time.Now().Add(time.Hour).Truncate(time.Millisecond)
		p.save(t, expired)
		p.save(t, valid)
		m := &minter{asked: make(chan struct{}, 10), answer: make(chan struct{})}
		k := tokenkeep.New(p.Store, m, &tokenkeep.Options{ClaimTime: 20 * time.Second})
		defer func() {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		}()
		calm, waiting := session(t, k, valid.ID), session(t, k, expired.ID)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := waiting.Token(t.Context())
			if err != nil || got.Reveal() != "1000.access.minted1" {
				t.Errorf("token of the login that was refreshed: %v", err)
			}
		})
		<-m.asked
		server.kill()
		close(m.answer)
		for range 1000 {
			if _, err := calm.Token(t.Context()); err != nil {
				t.Fatalf("a caller with a valid token, while the server is down: %v", err)
			}
		}
		time.Sleep(300 * time.Millisecond)
		server.start()
		wg.Wait()
		row := p.byID(t, expired.ID)
		if row.AccessToken.Reveal() != "1000.access.minted1" || !row.RefreshToken.Equal(expired.RefreshToken) || row.Claim.Held() {
			t.Errorf("the row is not that of a finished refresh: claim of %q, state %q", row.Claim.Owner, row.State.Class)
		}
		if n := m.requests.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

func session(tb testing.TB, k *tokenkeep.Keeper, id string) *tokenkeep.Session {
	tb.Helper()
	s, err := k.SessionByID(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
