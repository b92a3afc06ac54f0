package tokenkeep

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A user whose refresh hangs is nobody else's business.
func TestUsersDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		slow := stored(t, store, -time.Minute)
		quick := &Token{UserName: "boyle", RefreshToken: NewSecret("1000.refresh.quick"), Expiry: time.Now().Add(-time.Minute)}
		must(t, store.SaveToken(t.Context(), quick))
		p.refresh = func(_ context.Context, _ int64, asked *Token) (*Token, error) {
			if asked.ID == slow.ID {
				time.Sleep(40 * time.Second)
			}
			return p.mint(), nil
		}
		k := New(store, p, nil)
		defer k.Close()
		go func() { _, _ = open(t, k, slow.ID).Token(t.Context()) }()
		time.Sleep(time.Second)
		began := time.Now()
		_, err := open(t, k, quick.ID).Token(t.Context())
		if err != nil || time.Since(began) != 0 {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
	})
}

// Ten thousand callers in an outage leave nothing behind.
func TestOutageLeavesNoGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			time.Sleep(time.Second)
			return nil, &Error{Class: RetryLater, Reason: "HTTP 503"}
		}
		k := New(store, p, nil)
		s := open(t, k, stored(t, store, -time.Minute).ID)
		before := runtime.NumGoroutine()
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() {
				if _, err := s.Token(t.Context()); !errors.Is(err, ErrRetryLater) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		must(t, k.Close())
		if after := runtime.NumGoroutine(); after > before+2 {
			t.Errorf("%d goroutines before, %d after", before, after)
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// Tokens that were minted at the same moment are not refreshed at the same one.
func TestSoftExpiryIsJittered(t *testing.T) {
	k := New(NewMemoryStore(), &stubProvider{}, nil)
	now := time.Now()
	row := &Token{Expiry: now.Add(time.Hour), Mints: []time.Time{now}, UsedAt: now}
	seen := map[time.Duration]bool{}
	for range 100 {
		d := k.softExpiry(row)
		if d < 270*time.Second || d > 330*time.Second {
			t.Fatalf("soft expiry %v, want 5 minutes and a tenth more or less", d)
		}
		seen[d.Round(time.Second)] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different times in 100", len(seen))
	}
	row.Expiry = now.Add(time.Minute)
	if d := k.softExpiry(row); d > 17*time.Second {
		t.Errorf("a token that lives for a minute is refreshed %v before its end", d)
	}
}
