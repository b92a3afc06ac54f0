package tokenkeep_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// rotationProfiles are the providers that there are.
func rotationProfiles() []zohotest.Profile {
	return []zohotest.Profile{
		{Rotation: zohotest.RotateNever},
		{Rotation: zohotest.RotateNever, SingleAccessToken: true},
		{Rotation: zohotest.RotateGrace, Grace: 20 * time.Second},
		{Rotation: zohotest.RotateGrace, Grace: 20 * time.Second, SingleAccessToken: true},
		{Rotation: zohotest.RotateStrict},
		{Rotation: zohotest.RotateStrict, SingleAccessToken: true},
	}
}

// Sixteen processes with 64 callers each, for ten expiries: one mint for each, one
// token for all, and no refresh token is sent twice.
func TestOneMintForEachExpiryUnderEveryRotation(t *testing.T) {
	const processes, callers, expiries = 16, 64, 10
	for _, p := range rotationProfiles() {
		t.Run(fmt.Sprintf("%s,single=%t", p.Rotation, p.SingleAccessToken), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRotation(t, p)
				var sessions []*tokenkeep.Session
				for range processes {
					k := r.keeper(nil, r.store)
					defer k.Close()
					sessions = append(sessions, r.session(k))
				}
				for n := range expiries {
					time.Sleep(61 * time.Minute)
					if got := crowd(t, sessions, callers); len(got) != 1 {
						t.Errorf("expiry %d: %d different tokens", n, len(got))
					}
				}
				if c := r.fake.Counters(); c.Mints != expiries || c.GraceReplays != 0 {
					t.Errorf("%d mints for %d expiries, %d replays", c.Mints, expiries, c.GraceReplays)
				}
				r.wantNoReplay("crowd")
			})
		})
	}
}

// crowd lets callers of each session ask for a token at once, and returns how often
// which came.
func crowd(t *testing.T, sessions []*tokenkeep.Session, callers int) map[string]int {
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for _, s := range sessions {
		for range callers {
			wg.Go(func() {
				tok, err := s.Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[tok.Reveal()]++
			})
		}
	}
	wg.Wait()
	return got
}

// The same over real sockets, with processes that begin anew for each expiry.
func TestStrictRotationOverSockets(t *testing.T) {
	p := zohotest.Profile{Rotation: zohotest.RotateStrict}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	r := fillRotation(t, p, zohotest.NewServer(t, &zohotest.Options{Profile: &p, DataCentres: []string{"us"}}), tr)
	const expiries = 5
	for range expiries {
		r.expire()
		var sessions []*tokenkeep.Session
		for range 16 {
			k := r.keeper(nil, r.store)
			defer k.Close()
			sessions = append(sessions, r.session(k))
		}
		if got := crowd(t, sessions, 8); len(got) != 1 {
			t.Errorf("%d different tokens", len(got))
		}
	}
	if n := r.fake.Counters().Mints; n != expiries {
		t.Errorf("%d mints for %d expiries", n, expiries)
	}
	r.wantNoReplay("sockets")
}

// A process that dies at any step leaves a login that works, or one in doubt where
// nobody can know better. A used refresh token is not sent again in either case,
// unless its grace lasts.
func TestDeathAtEachStepUnderEveryRotation(t *testing.T) {
	for _, p := range []zohotest.Profile{
		{Rotation: zohotest.RotateNever},
		{Rotation: zohotest.RotateGrace, Grace: 20 * time.Second},
		{Rotation: zohotest.RotateGrace, Grace: 5 * time.Second}, // over before a claim has stood still
		{Rotation: zohotest.RotateStrict},
	} {
		for step := 3; step <= 11; step++ {
			if step == 9 {
				continue // only if the store is down
			}
			t.Run(fmt.Sprintf("%s,%v/step%d", p.Rotation, p.Grace, step), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { dieAt(t, p, step) })
			})
		}
	}
}

func dieAt(t *testing.T, p zohotest.Profile, step int) {
	t.Helper()
	r := newRotation(t, p)
	time.Sleep(2 * time.Hour)
	store, end := &mortal{TokenStore: r.store}, make(chan struct{})
	k := r.keeper(&tokenkeep.Options{OnStep: func(_ context.Context, n int) {
		if n == step {
			store.dead.Store(true)
			<-end
		}
	}}, store)
	defer k.Close()
	defer close(end)
	s := r.session(k)
	go func() { _, _ = s.Token(t.Context()) }()
	synctest.Wait()
	time.Sleep(time.Second)
	next := r.keeper(nil, r.store)
	defer next.Close()
	_, err := r.session(next).Token(t.Context())
	claimed := step >= 6 && step <= 8
	doubt := claimed && (p.Rotation == zohotest.RotateStrict || p.Rotation == zohotest.RotateGrace && p.Grace < 10*time.Second)
	if want := map[bool]tokenkeep.Class{true: tokenkeep.InDoubt}[doubt]; tokenkeep.ClassOf(err) != want || !doubt && err != nil {
		t.Errorf("after a death at step %d: %v, want class %q", step, err, want)
	}
	r.wantNoReplay(fmt.Sprintf("step %d", step))
	if p.Rotation == zohotest.RotateGrace && !doubt && step > 6 && claimed && r.fake.Counters().GraceReplays != 1 {
		t.Errorf("%d replays within the grace", r.fake.Counters().GraceReplays)
	}
	if doubt {
		r.login() // heals
		if _, err := r.session(next).Token(t.Context()); err != nil {
			t.Errorf("after a login: %v", err)
		}
	}
}

// A successor that a dead process left in its rescue journal heals a row that others
// have put in doubt meanwhile.
func TestJournalHealsARowInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
		time.Sleep(2 * time.Hour)
		folder, store := t.TempDir(), &mortal{TokenStore: r.store}
		k := r.keeper(&tokenkeep.Options{Journal: folder, OnStep: func(_ context.Context, n int) {
			if n == 8 {
				store.dead.Store(true)
			}
		}}, store)
		if _, err := r.session(k).Token(t.Context()); !errors.Is(err, tokenkeep.ErrStoreUnavailable) {
			t.Fatal(err)
		}
		other := r.keeper(nil, r.store) // of another host: it does not have that journal
		defer other.Close()
		s := r.session(other)
		if _, err := s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrInDoubt) {
			t.Errorf("before: %v", err)
		}
		again := r.keeper(&tokenkeep.Options{Journal: folder}, r.store)
		defer again.Close()
		if report, err := again.Recover(t.Context()); err != nil || report.Merged != 1 {
			t.Errorf("%+v, %v", report, err)
		}
		for range 3 {
			if _, err := s.Token(t.Context()); err != nil {
				t.Errorf("after: %v", err)
			}
			time.Sleep(2 * time.Hour)
		}
		r.wantNoReplay("journal")
		_ = k.Close()
	})
}
