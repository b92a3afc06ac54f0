package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var zohoLimits = Limits{Mints: 10, Window: 10 * time.Minute, Live: 15, Life: time.Hour, RefreshTokens: 20}

// minutesAgo returns times before now, the oldest first.
func minutesAgo(now time.Time, minutes ...int) []time.Time {
	var times []time.Time
	for _, m := range minutes {
		times = append(times, now.Add(-time.Duration(m)*time.Minute))
	}
	return times
}

func TestQuotaOf(t *testing.T) {
	now := time.Now()
	hour := &Token{
		RefreshToken: NewSecret("r"), Mints: minutesAgo(now, 70, 59, 30, 11, 9, 8), UsedAt: now.Add(-8 * time.Minute),
		Expiry: now.Add(52 * time.Minute), Logins: minutesAgo(now, 900, 90),
	}
	q := QuotaOf(zohoLimits, now, hour)
	if q.Mints != (Usage{Used: 2, Limit: 10, Oldest: hour.Mints[4]}) || q.Live != (Usage{Used: 5, Limit: 15, Oldest: hour.Mints[1]}) ||
		q.RefreshTokens != (Usage{Used: 2, Limit: 20, Oldest: hour.Logins[0]}) {
		t.Errorf("%+v", q)
	}
	short := hour.Clone()
	short.Expiry = short.UsedAt.Add(10 * time.Minute)
	if q := QuotaOf(zohoLimits, now, short); q.Live.Used != 2 {
		t.Errorf("tokens of ten minutes: %d live", q.Live.Used)
	}
	unknown := hour.Clone()
	unknown.UsedAt = time.Time{} // asked for and not answered
	if q := QuotaOf(zohoLimits, now, unknown); q.Live.Used != 5 {
		t.Errorf("tokens of an unknown life: %d live", q.Live.Used)
	}
	dead := hour.Clone()
	dead.State.Class = NeedsLogin
	foreign := &Token{RefreshToken: NewSecret("r3"), CreatedAt: now.Add(-24 * time.Hour)}
	if q := QuotaOf(zohoLimits, now, hour, dead, foreign, &Token{}); q.RefreshTokens.Used != 4 || !q.RefreshTokens.Oldest.Equal(foreign.CreatedAt) {
		t.Errorf("of four rows: %+v", q.RefreshTokens)
	}
	if q := QuotaOf(Limits{}, now, hour); q.Mints.Full() || q.Live.Full() || q.RefreshTokens.Full() || q.RefreshTokens.Near() || q.MayLogin() != nil {
		t.Errorf("without limits: %+v", q)
	}
}

func TestUsageSaysWhenThereIsRoom(t *testing.T) {
	now := time.Now()
	l := Limits{Mints: 3, Window: 10 * time.Minute, Live: 4, Life: time.Hour}
	for name, c := range map[string]struct {
		mints []time.Time
		want  time.Duration // until there is room; zero: now
	}{
		"none":              {nil, 0},
		"two in the window": {minutesAgo(now, 5, 4), 0},
		"window full":       {minutesAgo(now, 5, 4, 3), 5 * time.Minute},
		"window overfull":   {minutesAgo(now, 5, 4, 3, 2), 55 * time.Minute},
		"live full":         {minutesAgo(now, 50, 40, 30, 20), 10 * time.Minute},
		"both, window last": {minutesAgo(now, 59, 5, 4, 3), 5 * time.Minute},
		"both, live last":   {minutesAgo(now, 20, 9, 8, 7), 40 * time.Minute},
		"of another clock":  {minutesAgo(now, 5, 4, -600), 0},
	} {
		err := QuotaOf(l, now, &Token{Mints: c.mints}).throttled("refresh", l)
		e, _ := errors.AsType[*Error](err)
		if (err != nil) != (c.want > 0) || e != nil && (e.Class != Throttled || !e.Until.Equal(now.Add(c.want))) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A login by code that would end the oldest refresh token is refused before the code
// is redeemed, once the store knows that.
func TestLoginIsRefusedBeforeTheCodeIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{RefreshTokens: 4}}
		p.revoke = func(*Token) error { return errors.New("outage") }
		var near int
		k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) {
			if e.Kind == LimitNear {
				near++
			}
		}})
		for code := range 4 {
			loginAgain(t, k, code)
			if want := max(code-1, 0); near != want {
				t.Errorf("%d logins: warned %d times, want %d", code+1, near, want)
			}
		}
		g := &Grant{Code: NewSecret("1000.c5"), UserName: "u"}
		_, err := k.Login(t.Context(), g)
		if e, _ := errors.AsType[*Error](err); !errors.Is(err, ErrTooManyLogins) || e.Hint == "" || p.exchanges.Load() != 4 {
			t.Fatalf("%v after %d exchanges", err, p.exchanges.Load())
		}
		g.Force = true
		s, err := k.Login(t.Context(), g)
		must(t, err)
		if got := read(t, store, s.ID()); len(got.Logins) != 4 || !got.Logins[3].Equal(time.Now()) {
			t.Errorf("forced: logins %v", got.Logins)
		}
	})
}

// A dead login holds no place: its user can always log in again.
func TestDeadLoginMayBeRenewed(t *testing.T) {
	for _, limit := range []int{2, 5} {
		synctest.Test(t, func(t *testing.T) {
			store, p := NewMemoryStore(), &stubProvider{limits: Limits{RefreshTokens: limit}}
			p.revoke = func(*Token) error { return errors.New("outage") }
			k := New(store, p, nil)
			loginAgain(t, k, 1)
			for code := range 5 {
				row := loginAgain(t, k, 10+code)
				row.State.Class = NeedsLogin
				must(t, store.SaveToken(t.Context(), row))
				if len(row.Logins) != 2 { // the first one, which could not be revoked, and this
					t.Errorf("limit %d: logins %v", limit, row.Logins)
				}
			}
		})
	}
}

// Mints of a login count: its access token lives like any other.
func TestLoginCountsAsAMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Live: 3, Life: time.Hour}}
		k := New(store, p, nil)
		defer k.Close()
		s, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.c"), UserName: "u"})
		must(t, err)
		begin := time.Now()
		for range 2 {
			time.Sleep(time.Minute)
			_, err = s.Refresh(t.Context())
			must(t, err)
		}
		_, err = s.Refresh(t.Context())
		e, _ := errors.AsType[*Error](err)
		if !errors.Is(err, ErrThrottled) || !e.Until.Equal(begin.Add(time.Hour+lifeMargin)) {
			t.Errorf("the third refresh: %v", err)
		}
		if _, err := s.Token(t.Context()); err != nil || p.refreshes.Load() != 2 {
			t.Errorf("the current token: %v, %d refreshes", err, p.refreshes.Load())
		}
		q, err := s.Quota(t.Context())
		if must(t, err); q.Live.Used != 3 || !q.Live.Full() || q.Mints.Full() {
			t.Errorf("%+v", q)
		}
	})
}

// The refresh token of a row is not adopted again and again beyond its quota.
func TestAdoptionOfARefreshTokenKeepsItsQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Mints: 3, Window: 10 * time.Minute}}
		p.exchange = func(_ context.Context, g *Grant) (*Token, error) {
			t := p.mint()
			t.ClientID, t.DataCentre, t.RefreshToken = "1000.CLIENT", "eu", g.RefreshToken
			return t, nil
		}
		k := New(store, p, nil)
		defer k.Close()
		g := &Grant{RefreshToken: NewSecret("1000.refresh.9"), UserName: "u"}
		for range 3 {
			_, err := k.Login(t.Context(), g)
			must(t, err)
			time.Sleep(time.Minute)
		}
		if _, err := k.Login(t.Context(), g); !errors.Is(err, ErrThrottled) || p.exchanges.Load() != 3 {
			t.Errorf("the fourth: %v", err)
		}
		time.Sleep(7 * time.Minute)
		_, err := k.Login(t.Context(), g)
		must(t, err)
	})
}

// A token that was saved long after it came tells how long it lived when it was new.
func TestLateSaveHidesNoLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{limits: zohoLimits}
		row := stored(t, store, -time.Minute)
		k := New(store, p, nil)
		defer k.Close()
		minted := time.Now()
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			store.onSave = down
			return p.mint(), nil
		}
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Minute)
		store.onSave = nil
		_, err := s.Token(t.Context())
		must(t, err)
		if got := read(t, store, row.ID); !got.UsedAt.Equal(minted) || QuotaOf(zohoLimits, minted.Add(59*time.Minute), got).Live.Used != 1 {
			t.Errorf("used at %v, mints %v", got.UsedAt, got.Mints)
		}
	})
}

// Nor does a use that is written down.
func TestTouchHidesNoLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: zohoLimits}
		k := New(store, p, &Options{Policy: Policy{IdleTimeout: 80 * time.Minute}})
		defer k.Close()
		s, err := k.Login(t.Context(), &Grant{Code: NewSecret("1000.c"), UserName: "u"})
		must(t, err)
		time.Sleep(50 * time.Minute)
		_, err = s.Token(t.Context())
		must(t, err)
		synctest.Wait()
		if got := read(t, store, s.ID()); !got.UsedAt.Equal(time.Now()) || lifeOf(got) != time.Hour {
			t.Errorf("used at %v, a life of %v", got.UsedAt, lifeOf(got))
		}
		_, err = s.TokenFor(t.Context(), 30*time.Minute)
		must(t, err)
	})
}

// A claim whose answer was lost, and which only was to save what an earlier one had
// minted, takes no mint away.
func TestLostClaimForgetsNoMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{limits: zohoLimits}
		store := &faultyStore{TokenStore: rows}
		row := stored(t, rows, -2*time.Hour)
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			store.onSave = down
			return p.mint(), nil
		}
		k := New(store, p, nil)
		defer k.Close()
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) { // minted, not saved
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		store.onSave = func(claim *Token) error {
			must(t, rows.SaveToken(t.Context(), claim.Clone()))
			return errDown
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) { // claimed, not told
			t.Fatal(err)
		}
		store.onSave = nil
		_, err := s.Token(t.Context())
		must(t, err)
		if got := read(t, rows, row.ID); len(got.Mints) != 1 || p.refreshes.Load() != 1 {
			t.Errorf("%d mints, mint times %v", p.refreshes.Load(), got.Mints)
		}
	})
}

// A row of a program that keeps no mint times has one live token at least.
func TestForeignTokenIsAlive(t *testing.T) {
	now := time.Now()
	row := &Token{RefreshToken: NewSecret("r"), AccessToken: NewSecret("a"), Expiry: now.Add(55 * time.Minute)}
	if q := QuotaOf(zohoLimits, now, row); q.Live.Used != 1 || q.Mints.Used != 1 || !q.Live.Oldest.Equal(now.Add(-5*time.Minute)) {
		t.Errorf("%+v", q)
	}
	row.Expiry = now.Add(-time.Minute)
	if q := QuotaOf(zohoLimits, now, row); q.Live.Used != 0 {
		t.Errorf("an expired one: %+v", q)
	}
}

// Who refreshes without need does not use up what others may need.
func TestForcedRefreshesLeaveSomeForThoseInNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Live: 15, Life: time.Hour}}
		k := New(store, p, nil)
		defer k.Close()
		s := open(t, k, stored(t, store, time.Hour).ID)
		var err error
		for err == nil {
			_, err = s.Refresh(t.Context())
		}
		if n := p.refreshes.Load(); !errors.Is(err, ErrThrottled) || n != 11 {
			t.Errorf("%d refreshes without need, %v", n, err)
		}
		for range 3 {
			time.Sleep(3 * time.Minute) // past the time in which a new token is believed
			tok, err := s.Token(t.Context())
			must(t, err)
			s.Invalidate(t.Context(), tok)
			_, err = s.Token(t.Context())
			must(t, err)
		}
		if n := p.refreshes.Load(); n != 14 {
			t.Errorf("%d refreshes", n)
		}
	})
}
