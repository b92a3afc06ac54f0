package tokenkeep

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneFlightForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			time.Sleep(2 * time.Second)
			return p.mint(), nil
		}
		row := stored(t, store, -time.Minute)
		var wg sync.WaitGroup
		for range 8 { // eight processes: nothing but the store is shared
			k := New(store, p, nil)
			defer k.Close()
			for range 64 {
				s := open(t, k, row.ID)
				wg.Go(func() {
					tok, err := s.Token(t.Context())
					if err != nil || tok.Reveal() != "1000.access.1" {
						t.Errorf("Token() = %q, %v", tok.Reveal(), err)
					}
				})
			}
		}
		wg.Wait()
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
		got := read(t, store, row.ID)
		if got.RefreshToken.Reveal() != "1000.refresh.0" || got.APIDomain == "" || len(got.Scopes) != 1 {
			t.Errorf("what the answer omits was not carried forward: %+v", got)
		}
		if got.Claim.Held() || len(got.Mints) != 1 {
			t.Errorf("claim %v, mints %v", got.Claim, got.Mints)
		}
	})
}

func TestWaiterLeavesAndTheFlightGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(ctx context.Context, _ int64, _ *Token) (*Token, error) {
			if err := sleep(ctx, 3*time.Second); err != nil {
				return nil, err
			}
			return p.mint(), nil
		}
		row := stored(t, store, -time.Minute)
		k := New(store, p, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := open(t, k, row.ID).Token(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("left after %v with %v", time.Since(began), err)
		}
		must(t, k.Close()) // waits for the flight
		if got := read(t, store, row.ID); got.AccessToken.Reveal() != "1000.access.1" {
			t.Error("the flight's result was not saved")
		}
	})
}

func TestSoftRefreshRunsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			time.Sleep(time.Second)
			return nil, &Error{Class: RetryLater, Reason: "down"}
		}
		row := stored(t, store, 4*time.Minute)
		k := New(store, p, nil)
		defer k.Close()
		s := open(t, k, row.ID)
		for range 200 { // 100 seconds
			began := time.Now()
			tok, err := s.Token(t.Context())
			if err != nil || tok.Reveal() != "1000.access.0" || time.Since(began) != 0 {
				t.Fatalf("Token() = %v after %v", err, time.Since(began))
			}
			time.Sleep(500 * time.Millisecond)
		}
		if n := p.refreshes.Load(); n < 2 || n > 4 {
			t.Errorf("%d refreshes in 100 s, want one in at least 30 s", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // no flight is reading p
		p.refresh = nil
		_, err := s.Token(t.Context())
		must(t, err)
		synctest.Wait()
		if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" {
			t.Errorf("the refresh behind left %v", err)
		}
	})
}

func TestRefreshDisturbsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(_ context.Context, n int64, _ *Token) (*Token, error) {
			time.Sleep(time.Second)
			if n == 1 {
				return nil, &Error{Class: RetryLater, Reason: "down", Until: time.Now()}
			}
			return p.mint(), nil
		}
		row := stored(t, store, time.Hour)
		k := New(store, p, nil)
		defer k.Close()
		s := open(t, k, row.ID)
		for _, want := range []string{"1000.access.0", "1000.access.1"} {
			done := make(chan error, 1)
			go func() {
				_, err := s.Refresh(t.Context())
				done <- err
			}()
			synctest.Wait() // the request is on its way
			began := time.Now()
			tok, err := s.Token(t.Context())
			if err != nil || tok.Reveal() != "1000.access.0" || time.Since(began) != 0 {
				t.Errorf("while a refresh runs: Token() = %q, %v after %v", tok.Reveal(), err, time.Since(began))
			}
			if err := <-done; (err == nil) != (want == "1000.access.1") {
				t.Errorf("Refresh() = %v", err)
			}
			if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != want {
				t.Errorf("after the refresh: Token() = %q, %v", tok.Reveal(), err)
			}
			time.Sleep(2 * time.Second) // longer than the pause after a failure
		}
	})
}

func TestDeadLoginIsAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			return nil, &Error{Class: NeedsLogin, Code: "invalid_code", Reason: "the refresh token is dead"}
		}
		row := stored(t, store, -time.Minute)
		k1, k2 := New(store, p, nil), New(store, p, nil)
		for range 20 {
			for _, k := range []*Keeper{k1, k2} {
				if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrNeedsLogin) {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if got := read(t, store, row.ID); got.RefreshToken.Reveal() != "1000.refresh.0" || got.State.Class != NeedsLogin {
			t.Error("the material or the state is not kept")
		}
		// A new login heals it, for everybody.
		p.refresh = nil
		_, err := k1.Adopt(t.Context(), &Token{UserName: row.UserName, ClientID: row.ClientID, RefreshToken: NewSecret("1000.refresh.new")})
		must(t, err)
		_, err = open(t, k2, row.ID).Token(t.Context())
		must(t, err)
	})
}

func TestFailuresKeepTheLogin(t *testing.T) {
	for _, class := range []Class{RetryLater, Throttled, NeedsLogin, Misconfigured} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, p := NewMemoryStore(), &stubProvider{}
				p.refresh = func(context.Context, int64, *Token) (*Token, error) {
					return nil, &Error{Class: class, Reason: "no"}
				}
				row := stored(t, store, -time.Minute)
				k := New(store, p, nil)
				defer k.Close()
				s := open(t, k, row.ID)
				for range 50 {
					if _, err := s.Token(t.Context()); ClassOf(err) != class {
						t.Fatalf("class %q: %v", ClassOf(err), err)
					}
				}
				if n := p.refreshes.Load(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				got := read(t, store, row.ID)
				if got.RefreshToken.Reveal() != "1000.refresh.0" || got.State.Class != class || got.Claim.Held() {
					t.Errorf("row after %s: state %v, claim %v", class, got.State, got.Claim)
				}
				if len(got.Mints) != 0 {
					t.Error("an answer that minted nothing counts as a mint")
				}
			})
		})
	}
}

func TestOutageIsAskedAboutWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			return nil, &Error{Class: RetryLater, Reason: "HTTP 503"}
		}
		row := stored(t, store, -time.Minute)
		k1, k2 := New(store, p, nil), New(store, p, nil)
		for range 6000 { // ten minutes
			_, err := open(t, k1, row.ID).Token(t.Context())
			_, err2 := open(t, k2, row.ID).Token(t.Context())
			if !errors.Is(err, ErrRetryLater) || !errors.Is(err2, ErrRetryLater) {
				t.Fatal(err, err2)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := p.refreshes.Load(); n > 35 {
			t.Errorf("%d requests in an outage of ten minutes", n)
		}
		p.refresh = nil
		time.Sleep(lastRetry)
		_, err := open(t, k2, row.ID).Token(t.Context())
		must(t, err)
		if got := read(t, store, row.ID); got.State != (State{}) {
			t.Error("the state is not cleared after a success")
		}
	})
}

func TestMisconfigurationHealsWithoutLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, bad, good := NewMemoryStore(), &stubProvider{}, &stubProvider{}
		bad.refresh = func(context.Context, int64, *Token) (*Token, error) {
			return nil, &Error{Class: Misconfigured, Code: "invalid_client_secret"}
		}
		row := stored(t, store, -time.Minute)
		k := New(store, bad, nil)
		_, err := open(t, k, row.ID).Token(t.Context())
		if !errors.Is(err, ErrMisconfigured) {
			t.Fatal(err)
		}
		// A process with the right secret does not wait for the others' pause.
		_, err = open(t, New(store, good, nil), row.ID).Token(t.Context())
		must(t, err)
	})
}

func TestBudgetRefusesWithoutARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		k := New(store, p, nil)
		s := open(t, k, row.ID)
		for range 10 {
			_, err := s.Refresh(t.Context())
			must(t, err)
			time.Sleep(time.Second)
		}
		_, err := s.Refresh(t.Context())
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Class != Throttled || time.Until(e.Until) != 9*time.Minute+50*time.Second {
			t.Fatalf("the eleventh: %v", err)
		}
		if n := p.refreshes.Load(); n != 10 {
			t.Errorf("%d requests", n)
		}
		if _, err := s.Token(t.Context()); err != nil {
			t.Errorf("the current token is refused: %v", err)
		}
		time.Sleep(time.Until(e.Until))
		_, err = s.Refresh(t.Context())
		must(t, err)
	})
}

func TestStaleClaimIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		row.Claim = Claim{Owner: "a dead process", Since: time.Now().Add(-time.Hour)}
		must(t, store.SaveToken(t.Context(), row))
		var took atomic.Bool
		k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) {
			if e.Kind == TakenOver {
				took.Store(true)
			}
		}})
		began := time.Now()
		_, err := open(t, k, row.ID).Token(t.Context())
		must(t, err)
		if d := time.Since(began); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("taken over after %v, want the claim's time", d)
		}
		if !took.Load() {
			t.Error("no event tells of it")
		}
	})
}

func TestLongRequestKeepsItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			time.Sleep(20 * time.Second) // four times the claim's time
			return p.mint(), nil
		}
		row := stored(t, store, -time.Minute)
		var wg sync.WaitGroup
		for range 3 {
			s := open(t, New(store, p, nil), row.ID)
			wg.Go(func() {
				if _, err := s.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d requests: the claim was not renewed", n)
		}
	})
}

// A holder that was stopped beyond its claim overwrites nothing when it resumes,
// and does not ask if it had not asked yet.
func TestResumedHolderOverwritesNothing(t *testing.T) {
	for _, at := range []int{6, 7, 8} {
		synctest.Test(t, func(t *testing.T) {
			store, p := NewMemoryStore(), &stubProvider{}
			row := stored(t, store, -time.Minute)
			var once sync.Once
			stopped := New(store, p, &Options{OnStep: func(_ context.Context, step int) {
				if step == at {
					once.Do(func() { time.Sleep(20 * time.Second) })
				}
			}})
			var wg sync.WaitGroup
			s := open(t, stopped, row.ID)
			var late AccessToken
			wg.Go(func() { late, _ = s.Token(t.Context()) })
			time.Sleep(time.Second)
			tok, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
			must(t, err)
			after := read(t, store, row.ID)
			wg.Wait()
			got := read(t, store, row.ID)
			if got.Version != after.Version || !got.AccessToken.Equal(tok.Secret()) {
				t.Errorf("step %d: the resumed holder wrote over the row", at)
			}
			if late.Reveal() != tok.Reveal() {
				t.Errorf("step %d: the resumed holder handed out %q", at, late.Reveal())
			}
			want := int64(2)
			if at == 6 {
				want = 1
			}
			if n := p.refreshes.Load(); n != want {
				t.Errorf("step %d: %d requests, want %d", at, n, want)
			}
		})
	}
}

func TestDeletedStaysDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			must(t, store.DeleteToken(t.Context(), row.ID))
			return p.mint(), nil
		}
		k := New(store, p, nil)
		_, err := open(t, k, row.ID).Token(t.Context())
		if !errors.Is(err, ErrNeedsLogin) || !errors.Is(err, ErrNotFound) {
			t.Fatalf("error %v", err)
		}
		for range store.GetTokens(t.Context()) {
			t.Error("the deleted token came back")
		}
		if len(p.revoked) != 1 || p.revoked[0] != "|1000.access.1" {
			t.Errorf("revoked %q, want the orphaned access token alone", p.revoked)
		}
	})
}

func TestNewerLoginWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		k := New(store, p, nil)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			_, err := k.Adopt(t.Context(), &Token{
				UserName: row.UserName, ClientID: row.ClientID,
				RefreshToken: NewSecret("1000.refresh.new"), AccessToken: NewSecret("1000.access.new"), Expiry: time.Now().Add(time.Hour),
			})
			must(t, err)
			return p.mint(), nil
		}
		tok, err := open(t, k, row.ID).Token(t.Context())
		must(t, err)
		if got := read(t, store, row.ID); tok.Reveal() != "1000.access.new" || got.RefreshToken.Reveal() != "1000.refresh.new" || got.AccessToken.Reveal() != "1000.access.new" {
			t.Error("the older flight's result was kept")
		}
	})
}

func TestUnwritableStoreSendsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &stubProvider{}
		store := &faultyStore{TokenStore: NewMemoryStore()}
		row := stored(t, store, -time.Minute)
		store.onSave = func(*Token) error { return ErrReadOnly }
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		if !errors.Is(err, ErrStoreUnavailable) || !errors.Is(err, ErrReadOnly) {
			t.Errorf("error %v", err)
		}
		if n := p.refreshes.Load(); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestUnsavedTokenIsSavedLaterWithoutAnotherMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		var down atomic.Bool
		store.onSave = func(*Token) error {
			if down.Load() {
				return errors.New("connection refused")
			}
			return nil
		}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			down.Store(true)
			return p.mint(), nil
		}
		s := open(t, New(store, p, nil), row.ID)
		if tok, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) || tok.Reveal() != "" {
			t.Fatalf("handed out %q, %v: it is not on stable storage", tok.Reveal(), err)
		}
		down.Store(false)
		tok, err := s.Token(t.Context())
		must(t, err)
		if p.refreshes.Load() != 1 || tok.Reveal() != "1000.access.1" || !read(t, store, row.ID).AccessToken.Equal(tok.Secret()) {
			t.Errorf("%d requests", p.refreshes.Load())
		}
	})
}

func TestValidTokenOutlivesAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, time.Minute)
		s := open(t, New(store, p, nil), row.ID)
		store.onFind = func() error { return errors.New("connection refused") }
		time.Sleep(time.Minute - time.Second) // below MinValidity: callers wait, and get it all the same
		if _, err := s.Token(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
			t.Errorf("after expiry: %v", err)
		}
	})
}

func TestValidTokenIsNotBlockedByAClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, time.Minute)
		row.Claim = Claim{Owner: "a dead process"}
		must(t, store.SaveToken(t.Context(), row))
		k := New(store, p, nil)
		defer k.Close()
		began := time.Now()
		_, err := open(t, k, row.ID).Token(t.Context())
		if err != nil || time.Since(began) != 0 {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
	})
}

func TestLostAnswerOfAStrictRotatorIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Rotation: RotationStrict}}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			return nil, &Error{Class: RetryLater, Unknown: true, Reason: "cut"}
		}
		row := stored(t, store, -time.Minute)
		s := open(t, New(store, p, nil), row.ID)
		for range 5 {
			if _, err := s.Token(t.Context()); !errors.Is(err, ErrInDoubt) {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("the spent token was sent %d times", n)
		}
	})
}

func TestTokenForWantsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, 20*time.Minute)
		s := open(t, New(store, p, nil), row.ID)
		tok, err := s.TokenFor(t.Context(), 30*time.Minute)
		if err != nil || time.Until(tok.Expiry) < 30*time.Minute {
			t.Error(err)
		}
		if _, err := s.TokenFor(t.Context(), 3*time.Hour); !errors.Is(err, ErrMisconfigured) {
			t.Errorf("three hours: %v", err)
		}
	})
}

func TestClosedKeeperStartsNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, -time.Minute)
	k := New(store, p, nil)
	s := open(t, k, row.ID)
	must(t, k.Close())
	if _, err := s.Token(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	must(t, k.Close())
}

func TestHandlerPanicDisturbsNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, -time.Minute)
	k := New(store, p, &Options{OnEvent: func(context.Context, Event) { panic("a user's bug") }})
	defer k.Close()
	_, err := open(t, k, row.ID).Token(t.Context())
	must(t, err)
	if read(t, store, row.ID).AccessToken.Reveal() != "1000.access.1" {
		t.Error("not saved")
	}
}

func TestFastPathDoesNotAllocate(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, time.Hour)
	s := open(t, New(store, p, nil), row.ID)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Token(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// One process looks at the store once, however many callers wait.
func TestCallersOfOneProcessShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			time.Sleep(2 * time.Second)
			return p.mint(), nil
		}
		row := stored(t, store, -time.Minute)
		var looks atomic.Int64
		k := New(store, p, &Options{OnStep: func(_ context.Context, step int) {
			if step == 3 {
				looks.Add(1)
			}
		}})
		s := open(t, k, row.ID)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := s.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := looks.Load(); n != 1 {
			t.Errorf("the store was read %d times", n)
		}
	})
}

// A newer login wins though the row still carries our claim: another program
// that shares the store knows nothing of claims.
func TestForeignWriterKeepsItsLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		p.refresh = func(_ context.Context, n int64, asked *Token) (*Token, error) {
			if n == 1 {
				r := read(t, store, row.ID)
				r.RefreshToken = NewSecret("1000.refresh.foreign")
				must(t, store.SaveToken(t.Context(), r))
			} else if asked.RefreshToken.Reveal() != "1000.refresh.foreign" {
				t.Error("the old refresh token was used again")
			}
			return p.mint(), nil
		}
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		must(t, err)
		if got := read(t, store, row.ID); got.RefreshToken.Reveal() != "1000.refresh.foreign" || got.AccessToken.Reveal() != "1000.access.2" {
			t.Error("a token of the old login was written over the new one")
		}
	})
}

// The monotonic clock stands still while a laptop sleeps, so it is trusted for a
// second at a time, and never past the soft expiry.
func TestFastPathLooksAtTheWallClock(t *testing.T) {
	sn := &snapshot{soft: 5 * time.Minute}
	now := time.Now()
	for left, want := range map[time.Duration]time.Duration{
		time.Hour: time.Second, 5*time.Minute + 300*time.Millisecond: 300 * time.Millisecond, 0: -5 * time.Minute,
	} {
		sn.tok.Expiry = now.Add(left)
		if sn.extend(1000, now, time.Time{}); sn.fresh.Load() != 1000+int64(want) {
			t.Errorf("%v left: trusted for %v, want %v", left, time.Duration(sn.fresh.Load()-1000), want)
		}
	}
}

// zonedStore gives each of its answers a time zone of its own, as a store may
// that parses times with an offset.
type zonedStore struct{ TokenStore }

func (s zonedStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	row, err := s.TokenStore.FindTokenByID(ctx, id)
	if err == nil {
		row.Claim.Since = row.Claim.Since.In(time.FixedZone("here", 3600))
	}
	return row, err
}

func TestStaleClaimInAZoneOfItsOwnIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := zonedStore{NewMemoryStore()}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		row.Claim = Claim{Owner: "a dead process", Since: time.Now()}
		must(t, store.SaveToken(t.Context(), row))
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		must(t, err)
	})
}
