package tokenkeep_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// lose lets the answers to the next n refreshes be lost, after they did their work.
func (r *rotationRig) lose(n int) {
	r.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Grant: "refresh_token", Times: n})
}

// Within the grace a lost answer is asked for again, in the same flight: callers
// notice nothing.
func TestLostAnswerIsAskedForAgainWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		k := r.keeper(nil, r.store)
		defer k.Close()
		s := r.session(k)
		for range 5 {
			time.Sleep(2 * time.Hour)
			r.lose(2)
			if _, err := s.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if c := r.fake.Counters(); c.Mints != 15 || c.GraceReplays != 10 {
			t.Errorf("%d mints, %d replays", c.Mints, c.GraceReplays)
		}
		r.wantNoReplay("lost answers")
	})
}

// Whoever asks, and however often: after three quarters of the grace nobody sends the
// refresh token again. A login heals.
func TestGraceIsOverInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		began, latest := time.Now(), time.Duration(0)
		r.lose(1000)
		line := lineTo{RoundTripper: r.opt.Transport, before: func(*http.Request) { latest = time.Since(began) }}
		var err error
		for range 4 { // processes, one after the other
			k := r.keeperVia(line, nil, r.store)
			_, err = r.session(k).Token(t.Context())
			_ = k.Close()
		}
		if !errors.Is(err, tokenkeep.ErrInDoubt) || latest >= 30*time.Second*3/4 || latest < 10*time.Second {
			t.Errorf("%v; the last request came after %v", err, latest)
		}
		r.wantNoReplay("in doubt")
		r.fake.ClearFaults()
		r.login()
		k := r.keeper(nil, r.store)
		defer k.Close()
		if _, err := r.session(k).Refresh(t.Context()); err != nil {
			t.Errorf("after a login: %v", err)
		}
	})
}

// The grace counts from the first use, whoever renews a claim or asks again.
func TestGraceCountsFromTheFirstUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		k := r.keeperVia(lineTo{RoundTripper: r.opt.Transport, after: func(*http.Request) {
			time.Sleep(14 * time.Second) // the claim is renewed meanwhile
		}}, nil, r.store)
		defer k.Close()
		r.lose(1000)
		_, err := r.session(k).Token(t.Context())
		if c := r.fake.Counters(); !errors.Is(err, tokenkeep.ErrInDoubt) || c.GraceReplays != 1 {
			t.Errorf("%v, %d replays", err, c.GraceReplays)
		}
		r.wantNoReplay("renewed")
	})
}

// A process that is stopped right before it asks again does not do so when it goes on
// after the grace.
func TestStoppedHolderDoesNotAskAgainAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		r.lose(1)
		var asked atomic.Int64
		k := r.keeper(&tokenkeep.Options{OnStep: func(_ context.Context, n int) {
			if n == 6 && asked.Add(1) == 2 {
				time.Sleep(25 * time.Second)
			}
		}}, r.store)
		defer k.Close()
		_, err := r.session(k).Token(t.Context())
		if c := r.fake.Counters(); !errors.Is(err, tokenkeep.ErrInDoubt) || c.TokenRequests != 2 {
			t.Errorf("%v after %d requests", err, c.TokenRequests)
		}
		r.wantNoReplay("stopped")
	})
}

// Clocks that differ, between the process that wrote a row and the next ones, end no
// login: what was answered was no use of the new refresh token.
func TestGraceAmongClocksThatDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{-10 * time.Minute, -time.Second, time.Second, 10 * time.Minute} {
			r := newRotation(t, graceful())
			for range 3 {
				r.expire()
				r.refreshElsewhere()
				row := r.row()
				row.UsedAt = row.UsedAt.Add(skew) // as another clock would have it
				for n := range row.Mints {
					row.Mints[n] = row.Mints[n].Add(skew)
				}
				r.check(r.store.SaveToken(t.Context(), row))
			}
			r.expire()
			r.lose(1)
			k := r.keeper(nil, r.store)
			_, err := r.session(k).Token(t.Context())
			if doubt := errors.Is(err, tokenkeep.ErrInDoubt); err != nil && !(doubt && skew > time.Minute) {
				t.Errorf("skew %v: %v", skew, err)
			}
			r.wantNoReplay(skew.String())
			_ = k.Close()
			r.fake.ClearFaults()
		}
	})
}

// dieAsking lets a process lose the answer to a refresh, and its life before it asks
// again.
func (r *rotationRig) dieAsking() {
	r.t.Helper()
	store := &mortal{TokenStore: r.store}
	k := r.keeper(&tokenkeep.Options{OnEvent: func(_ context.Context, e tokenkeep.Event) {
		store.dead.Store(e.Kind == tokenkeep.Failed)
	}}, store)
	defer k.Close()
	r.lose(1)
	_, err := r.session(k).Refresh(r.t.Context())
	if err == nil || !store.dead.Load() {
		r.t.Fatal("the answer was not lost")
	}
}

// A use is seen although the clock of the process that wrote the row before was ahead.
func TestUseIsSeenThoughAnotherClockIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		row := r.row()
		row.UsedAt = time.Now().Add(10 * time.Second)
		r.check(r.store.SaveToken(t.Context(), row))
		r.dieAsking()
		time.Sleep(2 * time.Hour)
		k := r.keeper(nil, r.store)
		defer k.Close()
		if _, err := r.session(k).Token(t.Context()); !errors.Is(err, tokenkeep.ErrInDoubt) {
			t.Error(err)
		}
		r.wantNoReplay("ahead")
	})
}

// That a login is used does not make its row forget that the refresh token may be
// spent.
func TestUseDoesNotHideASpentRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		r.dieAsking() // the access token is valid for an hour
		k := r.keeper(&tokenkeep.Options{Policy: tokenkeep.Policy{IdleTimeout: 2 * time.Hour}}, r.store)
		defer k.Close()
		s, version := r.session(k), r.row().Version
		for range 50 {
			time.Sleep(time.Minute)
			_, err := s.Token(t.Context())
			r.check(err)
		}
		if row := r.row(); row.Version != version {
			t.Errorf("the row was written: state %v", row.State)
		}
		time.Sleep(time.Hour)
		r.fake.ClearFaults()
		if _, err := s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrInDoubt) {
			t.Errorf("%v", err)
		}
		r.wantNoReplay("used")
	})
}

// A claim of which the store lost the answer was never asked under: it puts no
// refresh token in doubt.
func TestClaimWithoutARequestSpendsNothing(t *testing.T) {
	for _, p := range []zohotest.Profile{{Rotation: zohotest.RotateStrict}, {Rotation: zohotest.RotateGrace, Grace: 8 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRotation(t, p)
			r.expire()
			store := &claimLoser{TokenStore: r.store}
			k := r.keeper(nil, store)
			defer k.Close()
			s := r.session(k)
			if _, err := s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrStoreUnavailable) {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if _, err := s.Token(t.Context()); err != nil || r.fake.Counters().Mints != 1 {
				t.Errorf("%s: %v, %d mints", p.Rotation, err, r.fake.Counters().Mints)
			}
		})
	}
}

// A claimLoser loses the answer to the first claim, and takes nothing for a while.
type claimLoser struct {
	tokenkeep.TokenStore
	lost  bool
	until time.Time
}

func (s *claimLoser) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if time.Now().Before(s.until) {
		return errors.New("connection refused")
	}
	row := t.Clone()
	if err := s.TokenStore.SaveToken(ctx, row); err != nil {
		return err
	}
	if t.Claim.Held() && !s.lost {
		s.lost, s.until = true, time.Now().Add(30*time.Second)
		return errors.New("connection reset")
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// Where only the last access token works, the store and the provider may disagree
// about which that is: a request that is stopped on its way mints after the one that
// took its place. Whoever finds that out asks once more, alone.
func TestLastMintIsTheStoredOne(t *testing.T) {
	for _, p := range []zohotest.Profile{
		{Rotation: zohotest.RotateNever, SingleAccessToken: true},
		{Rotation: zohotest.RotateGrace, Grace: time.Minute, SingleAccessToken: true},
	} {
		for name, before := range map[string]bool{"late request": true, "late answer": false} {
			t.Run(name+","+string(p.Rotation), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { disagree(t, p, before) }) })
		}
	}
}

func disagree(t *testing.T, p zohotest.Profile, before bool) {
	t.Helper()
	r := newRotation(t, p)
	time.Sleep(2 * time.Hour)
	store := &mortal{TokenStore: r.store}
	var once atomic.Bool
	stop := func(*http.Request) {
		if !once.Swap(true) {
			store.stop(20 * time.Second)
			time.Sleep(20 * time.Second)
		}
	}
	line := lineTo{RoundTripper: r.opt.Transport, after: stop}
	if before {
		line = lineTo{RoundTripper: r.opt.Transport, before: stop}
	}
	r.opt.Timeout = time.Minute // the process is stopped, not impatient
	k := r.keeperVia(line, nil, store)
	defer k.Close()
	s, done := r.session(k), make(chan error, 1)
	go func() {
		_, err := s.Token(t.Context())
		done <- err
	}()
	time.Sleep(time.Second)
	r.refreshElsewhere()
	r.check(<-done)
	if alive, why := r.fake.AccessTokenAlive(r.row().AccessToken.Reveal()); !alive {
		t.Errorf("the store has an access token that is %s", why)
	}
	if n := r.fake.Counters().Mints; n != 3 {
		t.Errorf("%d mints, want that of each and one more", n)
	}
	r.wantNoReplay("disagree")
}

// A process that hangs on the provider asks again within the grace.
func TestHangingProviderIsAskedAgainWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		r.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultSlowAfter, Grant: "refresh_token", Times: 1, Delay: time.Hour})
		k := r.keeper(nil, r.store)
		defer k.Close()
		if _, err := r.session(k).Token(t.Context()); err != nil || r.fake.Counters().GraceReplays != 1 {
			t.Errorf("%v, %d replays", err, r.fake.Counters().GraceReplays)
		}
	})
}
