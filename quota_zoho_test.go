package tokenkeep_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// quiet checks that Zoho had no reason to complain, and lost nothing.
func (w *world) quiet(t *testing.T) zohotest.Counters {
	t.Helper()
	c := w.fake.Counters()
	if c.Throttles != 0 || c.CodeThrottles != 0 || c.Evictions != 0 || c.Superseded != 0 || c.DeadRepresented != 0 || c.CodesRepresented != 0 {
		t.Errorf("throttles %d and %d, evictions %d, superseded %d, dead tokens sent %d, codes sent again %d",
			c.Throttles, c.CodeThrottles, c.Evictions, c.Superseded, c.DeadRepresented, c.CodesRepresented)
	}
	for r, err := range w.store.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if alive, why := w.fake.RefreshTokenAlive(r.RefreshToken.Reveal()); !alive || r.State.Class == tokenkeep.NeedsLogin {
			t.Errorf("the login of %s is lost: %s, %s", r.UserName, why, r.State.Reason)
		}
		if len(r.Mints) > 15 {
			t.Errorf("the row of %s keeps %d times", r.UserName, len(r.Mints))
		}
	}
	return c
}

// Fifty processes call for ten hours: Zoho never has a reason to complain.
func TestTenHoursOfFiftyProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		name := row(t, w.login(t, w.process(t), "boyle@zylker.eu")).UserName
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		defer cancel()
		var wg sync.WaitGroup
		for range 50 {
			k := w.process(t)
			wg.Go(func() { callUntil(ctx, t, k, name) })
		}
		wg.Wait()
		if c := w.quiet(t); c.Unauthorized != 0 || c.Mints < 10 || c.Mints > 11 {
			t.Errorf("mints %d, 401s %d", c.Mints, c.Unauthorized)
		}
	})
}

func callUntil(ctx context.Context, t *testing.T, k *tokenkeep.Keeper, name string) {
	defer k.Close()
	s, err := k.Session(ctx, name)
	if err != nil {
		t.Error(err)
		return
	}
	for ctx.Err() == nil {
		if status, _, err := crm(ctx, s, "/crm/v8/org"); ctx.Err() == nil && (err != nil || status != 200) {
			t.Errorf("%d %v", status, err)
			return
		}
		time.Sleep(7 * time.Minute)
	}
}

// Callers who refresh by force all the time are refused here, not by Zoho, and end
// nobody's token: fifty processes go on with the one that they have.
func TestForcedRefreshesEndNoLiveToken(t *testing.T) {
	for name, o := range map[string]*zohotest.Options{
		"as documented": nil,
		"otherwise":     {SlidingWindow: true, ExchangesCount: true, FailedTriesCount: true, RetriesExtendLock: true, CountRefreshTokens: zohotest.CountByUser},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { forceRefreshes(t, newWorldOf(o)) }) })
	}
}

func forceRefreshes(t *testing.T, w *world) {
	name := row(t, w.login(t, w.process(t), "boyle@zylker.eu")).UserName
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
	defer cancel()
	var wg sync.WaitGroup
	for range 50 {
		k := w.process(t)
		wg.Go(func() { callUntil(ctx, t, k, name) })
	}
	refused := 0
	s, err := w.process(t).Session(ctx, name)
	for ctx.Err() == nil && err == nil {
		if _, err = s.Refresh(ctx); errors.Is(err, tokenkeep.ErrThrottled) {
			refused++
			err = nil
		}
		time.Sleep(45 * time.Second)
	}
	wg.Wait()
	c := w.quiet(t)
	if c.Unauthorized != 0 || c.Mints < 110 || c.Mints+refused < 790 {
		t.Errorf("mints %d, refused %d, 401s %d, %v", c.Mints, refused, c.Unauthorized, err)
	}
}

// Many users, processes that start and end, forced refreshes, tokens that Zoho ends
// early, answers that are lost: still nothing is overrun.
func TestTenHoursOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var names []string
		for i := range 8 {
			u := w.fake.AddUser(zohotest.User{Email: fmt.Sprintf("user%d@zylker.com", i), DC: []string{"us", "eu", "in"}[i%3]})
			names = append(names, row(t, w.login(t, w.process(t), u.Email)).UserName)
		}
		w.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Grant: "refresh_token", Probability: 0.1, Seed: 1})
		w.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Grant: "refresh_token", Probability: 0.1, Seed: 2})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { w.trouble(ctx, t, names, rand.New(rand.NewPCG(uint64(i), 7))) })
		}
		wg.Wait()
		time.Sleep(time.Minute)
		if c := w.quiet(t); c.Mints < 500 || c.Unauthorized == 0 {
			t.Errorf("mints %d, 401s %d: there was no trouble", c.Mints, c.Unauthorized)
		}
	})
}

// trouble starts one process after the other. Each calls for a while, refreshes by
// force now and then, and now and then finds its token ended.
func (w *world) trouble(ctx context.Context, t *testing.T, names []string, rnd *rand.Rand) {
	for ctx.Err() == nil {
		k := w.process(t)
		for range 10 {
			s, err := k.Session(ctx, names[rnd.IntN(len(names))])
			if ctx.Err() != nil {
				break
			}
			if err != nil {
				t.Error(err)
				break
			}
			switch rnd.IntN(10) {
			case 0, 1, 2:
				_, _ = s.Refresh(ctx)
			case 3:
				if r, err := s.Row(ctx); err == nil {
					w.fake.EvictAccessToken(r.AccessToken.Reveal())
				}
			}
			if status, _, err := crm(ctx, s, "/crm/v8/org"); err == nil && status != 200 && status != 401 {
				t.Errorf("%d", status)
			}
			time.Sleep(time.Duration(rnd.IntN(20*60)) * time.Second)
		}
		_ = k.Close()
	}
}

// A user who logs in again and again takes one of the twenty places, because each
// login ends the one before. While that cannot be revoked, tokenkeep warns, and
// refuses before Zoho ends the oldest.
func TestLoginsKeepTheTwentyPlaces(t *testing.T) {
	for _, outage := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			var near []string
			opts := &tokenkeep.Options{Logger: w.logger(), Base: w.fake.Transport(), OnEvent: func(_ context.Context, e tokenkeep.Event) {
				if e.Kind == tokenkeep.LimitNear {
					near = append(near, e.Reason)
				}
			}}
			k := tokenkeep.New(w.store, w.provider(t, clientSecret), opts)
			defer k.Close()
			if outage {
				w.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Path: "/oauth/v2/token/revoke"})
				w.fake.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Path: "/oauth/v2/revoke/token"})
			}
			done, refused := 0, 0
			for range 45 {
				switch err := w.loginAs(t, k, "boyle", "boyle@zylker.eu"); {
				case err == nil:
					done++
				case errors.Is(err, tokenkeep.ErrTooManyLogins):
					refused++
				default:
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
			}
			w.quiet(t)
			if want := []int{45, 0, 0}; !outage && !slices.Equal([]int{done, refused, len(near)}, want) {
				t.Errorf("%d logins, %d refused, %d warnings", done, refused, len(near))
			}
			if want := []int{20, 25, 6}; outage && !slices.Equal([]int{done, refused, len(near)}, want) {
				t.Errorf("outage: %d logins, %d refused, %d warnings", done, refused, len(near))
			}
		})
	}
}

// loginAs redeems a code of email's for the login that is kept as name.
func (w *world) loginAs(t *testing.T, k *tokenkeep.Keeper, name, email string) error {
	t.Helper()
	code, err := w.fake.GrantCode(clientID, email, zohotest.GrantOptions{Offline: true, PromptConsent: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Login(t.Context(), &tokenkeep.Grant{
		Code: tokenkeep.NewSecret(code), RedirectURL: redirectURL, Location: "eu", AccountsServer: "https://accounts.zoho.eu", UserName: name,
	})
	return err
}

// Logins at the same moment, in several processes, do not overrun the places either.
func TestLoginsAtOnceKeepTheTwentyPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store = slowStore{w.store}
		if err := w.loginAs(t, w.process(t), "boyle", "boyle@zylker.eu"); err != nil {
			t.Fatal(err)
		}
		for range 12 {
			var wg sync.WaitGroup
			for range 3 {
				k := w.process(t)
				wg.Go(func() {
					defer k.Close()
					if err := w.loginAs(t, k, "boyle", "boyle@zylker.eu"); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Hour)
		}
		w.quiet(t)
		if r := w.onlyRow(t); len(r.Logins) != 1 {
			t.Errorf("logins %v", r.Logins)
		}
	})
}

// slowStore takes a moment for each operation, so that others come in between.
type slowStore struct{ tokenkeep.TokenStore }

func (s slowStore) FindToken(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	defer time.Sleep(10 * time.Millisecond)
	return s.TokenStore.FindToken(ctx, t)
}

func (s slowStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	defer time.Sleep(10 * time.Millisecond)
	return s.TokenStore.SaveToken(ctx, t)
}

func (w *world) onlyRow(t *testing.T) *tokenkeep.Token {
	t.Helper()
	for r, err := range w.store.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Fatal("there is no row")
	return nil
}
