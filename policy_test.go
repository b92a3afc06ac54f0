package tokenkeep

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

// policed returns a Keeper with a policy and a list of what it told of.
func policed(s TokenStore, p Provider, policy Policy) (*Keeper, *eventList) {
	list := &eventList{}
	return New(s, p, &Options{Policy: policy, OnEvent: list.add}), list
}

// An eventList collects events.
type eventList struct {
	mu  sync.Mutex
	all []Event
}

func (l *eventList) add(_ context.Context, e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

func (l *eventList) of(kind EventKind) (list []Event) {
	for _, e := range l.all {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

func wantEnded(t *testing.T, err error, reason string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != NeedsLogin || e.Reason != EndedByPolicy+": "+reason || !strings.Contains(e.Hint, "tokenkeep login patricia@zylker.com") {
		t.Errorf("error %v, want a needed login: %s", err, reason)
	}
}

// A login that nobody uses ends for every process of the policy, also while its
// access token is good, and without a request.
func TestIdleLoginEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, 400*day)
		policy := Policy{IdleTimeout: 30 * day}
		k, told := policed(rows, p, policy)
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * day)
		if _, err := s.Token(t.Context()); err != nil {
			t.Errorf("the login ended early: %v", err)
		}
		synctest.Wait() // the use is written down
		time.Sleep(35 * day)
		other, _ := policed(rows, p, policy)
		for _, s := range []*Session{s, open(t, other, row.ID)} {
			_, err := s.Token(t.Context())
			wantEnded(t, err, "idle for 35 days, 30 allowed")
			_, err = s.TokenFor(t.Context(), time.Minute)
			wantEnded(t, err, "idle for 35 days, 30 allowed")
			_, err = s.Refresh(t.Context())
			wantEnded(t, err, "idle for 35 days, 30 allowed")
		}
		if n := p.refreshes.Load(); n != 0 {
			t.Errorf("%d token requests for a login that has ended", n)
		}
		if e := told.of(Ended); len(e) != 1 || e[0].Reason != EndedByPolicy+": idle for 35 days, 30 allowed" || e[0].TokenID != row.ID {
			t.Errorf("told of the end: %+v", e)
		}
		free := New(rows, p, nil)
		if _, err := open(t, free, row.ID).Token(t.Context()); err != nil {
			t.Errorf("a process without the policy: %v", err)
		}
	})
}

// Calls that are answered from memory keep a login alive, with few writes.
func TestUseKeepsALoginAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, saves := NewMemoryStore(), atomic.Int64{}
		row := stored(t, rows, 400*day)
		store := &faultyStore{TokenStore: rows, onSave: func(*Token) error {
			if saves.Add(1)%5 == 0 {
				return errors.New("the store is down")
			}
			return nil
		}}
		policy := Policy{IdleTimeout: 8 * time.Hour, ClockSkew: -1}
		k, _ := policed(store, &stubProvider{}, policy)
		s := open(t, k, row.ID)
		const calls = 600
		for range calls {
			time.Sleep(10 * time.Minute)
			if _, err := s.Token(t.Context()); err != nil {
				t.Fatalf("a login in use ended: %v", err)
			}
			synctest.Wait()
		}
		if n := saves.Load(); n < 80 || n > 130 {
			t.Errorf("%d writes for %d calls in 100 hours, want about one an hour", n, calls)
		}
		other, _ := policed(rows, &stubProvider{}, policy)
		if _, err := open(t, other, row.ID).Token(t.Context()); err != nil {
			t.Errorf("another process does not know that the login is in use: %v", err)
		}
		synctest.Wait()
		time.Sleep(9*time.Hour + time.Second)
		_, err := s.Token(t.Context())
		wantEnded(t, err, "idle for 9 hours, 8 allowed")
	})
}

// A use in one process keeps the login alive in the memory of the others.
func TestUseElsewhereKeepsALoginAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		policy := Policy{IdleTimeout: 10 * day}
		here, _ := policed(rows, &stubProvider{}, policy)
		there, _ := policed(rows, &stubProvider{}, policy)
		s := open(t, here, row.ID)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(9 * day)
			if _, err := open(t, there, row.ID).Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if _, err := s.Token(t.Context()); err != nil {
			t.Errorf("the login is in use elsewhere: %v", err)
		}
	})
}

// The fast path does not trust a token beyond the end of the login.
func TestLifetimeEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		k, _ := policed(rows, &stubProvider{}, Policy{Lifetime: 90 * day, ClockSkew: -1})
		s := open(t, k, row.ID)
		time.Sleep(90*day - 100*time.Millisecond)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatalf("the login ended early: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
		_, err := s.Token(t.Context())
		wantEnded(t, err, "logged in for 90 days, 90 allowed")
	})
}

// Each login begins its own lifetime.
func TestLifetimeCountsFromTheLastLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		policy := Policy{Lifetime: 90 * day}
		time.Sleep(80 * day)
		row.Logins = []time.Time{row.CreatedAt, time.Now()}
		must(t, rows.SaveToken(t.Context(), row))
		time.Sleep(89 * day)
		k, _ := policed(rows, &stubProvider{}, policy)
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); err != nil {
			t.Errorf("counted from an earlier login: %v", err)
		}
		time.Sleep(2 * day)
		_, err := s.Token(t.Context())
		wantEnded(t, err, "logged in for 91 days, 90 allowed")
	})
}

// TestPolicyEnds: which rows are past a limit. Clocks that are wrong by ten minutes
// end nothing early.
func TestPolicyEnds(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	idle, life := Policy{IdleTimeout: 8 * day}, Policy{Lifetime: 8 * day}
	const skew, touch = 20 * time.Minute, day
	for name, tt := range map[string]struct {
		policy Policy
		row    Token
		want   Cause
	}{
		"no policy":                      {Policy{}, Token{UsedAt: ago(1000 * day), CreatedAt: ago(1000 * day)}, ""},
		"idle":                           {idle, Token{UsedAt: ago(8*day + touch + skew)}, CauseIdle},
		"idle by a clock that is wrong":  {idle, Token{UsedAt: ago(8*day + touch + skew - time.Second)}, ""},
		"never used since the login":     {idle, Token{CreatedAt: ago(20 * day)}, CauseIdle},
		"a new login":                    {idle, Token{UsedAt: ago(20 * day), Logins: []time.Time{ago(day)}}, ""},
		"from the future":                {idle, Token{UsedAt: now.Add(1000 * day)}, ""},
		"nobody knows":                   {idle, Token{UpdatedAt: ago(20 * day)}, ""},
		"misconfigured":                  {idle, Token{UsedAt: ago(20 * day), State: State{Class: Misconfigured}}, ""},
		"tried of late, without success": {idle, Token{UsedAt: ago(20 * day), UpdatedAt: ago(day), State: State{Class: RetryLater}}, ""},
		"throttled, and left":            {idle, Token{UsedAt: ago(30 * day), UpdatedAt: ago(20 * day), State: State{Class: Throttled}}, CauseIdle},
		"a dead one was only saved":      {idle, Token{UsedAt: ago(20 * day), UpdatedAt: ago(day), State: State{Class: NeedsLogin}}, CauseIdle},
		"old":                            {life, Token{UsedAt: now, CreatedAt: ago(8*day + skew)}, CauseLifetime},
		"old by a clock that is wrong":   {life, Token{CreatedAt: ago(8*day + skew - time.Second)}, ""},
		"old, misconfigured":             {life, Token{CreatedAt: ago(9 * day), State: State{Class: Misconfigured}}, CauseLifetime},
		"new login of an old row":        {life, Token{CreatedAt: ago(900 * day), Logins: []time.Time{ago(100 * day), ago(day)}}, ""},
		"nobody knows how old":           {life, Token{UsedAt: ago(900 * day)}, ""},
		"what ends first counts":         {Policy{IdleTimeout: 8 * day, Lifetime: 20 * day}, Token{UsedAt: ago(20 * day), CreatedAt: ago(30 * day)}, CauseIdle},
		"the lifetime ends first":        {Policy{IdleTimeout: 8 * day, Lifetime: 20 * day}, Token{UsedAt: ago(2 * day), CreatedAt: ago(30 * day)}, CauseLifetime},
	} {
		err := tt.policy.Check(&tt.row, now)
		at, cause := tt.policy.EndsAt(&tt.row)
		if at.After(now) {
			cause = ""
		}
		if cause != tt.want || (err != nil) != (tt.want != "") {
			t.Errorf("%s: ended by %q, want %q; error %v", name, cause, tt.want, err)
		}
	}
}

func TestPolicyReasonsAreReadable(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		policy Policy
		used   time.Duration
		want   string
	}{
		{Policy{IdleTimeout: 30 * day}, 31*day + 22*time.Hour + time.Hour, "idle for 31 days, 30 allowed"},
		{Policy{IdleTimeout: 36 * time.Hour}, 50 * time.Hour, "idle for 50 hours, 36 allowed"},
		{Policy{IdleTimeout: 90 * time.Minute}, 3 * time.Hour, "idle for 180 minutes, 90 allowed"},
	} {
		tt.policy.ClockSkew = -1
		used := now.Add(-tt.used)
		if got := tt.policy.reason(&Token{UsedAt: used}, CauseIdle, now); got != EndedByPolicy+": "+tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// A use that was written down does not make the token's life look short: a caller who
// wants more than is left gets a new token.
func TestUseDoesNotShortenTheLifeOfATokenSeemingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, -time.Minute)
		k, _ := policed(rows, p, Policy{IdleTimeout: 2 * time.Hour})
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Minute)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if used := read(t, rows, row.ID).UsedAt; !used.Equal(time.Now()) {
			t.Fatalf("the use was not written down: %v", used)
		}
		if _, err := s.TokenFor(t.Context(), 30*time.Minute); err != nil {
			t.Errorf("a new token lives for an hour: %v", err)
		}
		if n := p.refreshes.Load(); n != 2 {
			t.Errorf("%d token requests, want 2", n)
		}
	})
}

// A use is not written over a refresh that runs elsewhere.
func TestUseDoesNotDisturbARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		k, _ := policed(rows, &stubProvider{}, Policy{IdleTimeout: 8 * time.Hour})
		s := open(t, k, row.ID)
		time.Sleep(2 * time.Hour)
		row.Claim = Claim{Owner: "elsewhere:1:A:B", Since: time.Now()}
		must(t, rows.SaveToken(t.Context(), row))
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if now := read(t, rows, row.ID); now.Version != row.Version {
			t.Errorf("the row was saved over a claim: version %d", now.Version)
		}
	})
}

func TestFastPathDoesNotAllocateUnderAPolicy(t *testing.T) {
	rows := NewMemoryStore()
	row := stored(t, rows, time.Hour)
	k, _ := policed(rows, &stubProvider{}, Policy{IdleTimeout: day, Lifetime: day})
	s, ctx := open(t, k, row.ID), t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Token(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each call", n)
	}
}

// A store that cannot be reached ends no login that is in use.
func TestIdleLimitOutlivesAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		down := false
		fail := func() error {
			if down {
				return errors.New("the store is down")
			}
			return nil
		}
		store := &faultyStore{TokenStore: rows, onFind: fail, onSave: func(*Token) error { return fail() }}
		k, told := policed(store, &stubProvider{}, Policy{IdleTimeout: 30 * time.Minute, ClockSkew: -1})
		s := open(t, k, row.ID)
		if _, err := s.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		down = true
		for range 50 {
			time.Sleep(20 * time.Minute)
			if _, err := s.Token(t.Context()); err != nil {
				t.Fatalf("a login in use: %v", err)
			}
			synctest.Wait()
		}
		down = false
		time.Sleep(33 * time.Minute)
		if _, err := s.Token(t.Context()); err != nil {
			t.Errorf("what the store was not told of counts too: %v", err)
		}
		synctest.Wait()
		time.Sleep(34 * time.Minute)
		_, err := s.Token(t.Context())
		wantEnded(t, err, "idle for 34 minutes, 30 allowed")
		if e := told.of(Ended); len(e) != 1 {
			t.Errorf("told of the end: %+v", e)
		}
	})
}

// Who only meets a login that ended long ago does not tell of it again and again.
func TestEndIsToldWhereItHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		time.Sleep(40 * day)
		k, told := policed(rows, &stubProvider{}, Policy{IdleTimeout: 30 * day})
		_, err := open(t, k, row.ID).Token(t.Context())
		wantEnded(t, err, "idle for 40 days, 30 allowed")
		if e := told.of(Ended); len(e) != 0 {
			t.Errorf("told of the end: %+v", e)
		}
	})
}

// A program that asks for one token and ends has used the login too.
func TestUseRightBeforeCloseIsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, 400*day)
		time.Sleep(7 * day)
		k, _ := policed(rows, &stubProvider{}, Policy{IdleTimeout: 30 * day})
		_, err := open(t, k, row.ID).Token(t.Context())
		must(t, err)
		must(t, k.Close())
		got, err := rows.FindTokenByID(t.Context(), row.ID)
		must(t, err)
		if !got.UsedAt.Equal(time.Now()) {
			t.Errorf("the last use in the row was %v ago", time.Since(got.UsedAt))
		}
	})
}
