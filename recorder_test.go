package tokenkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A failingHistory is a store whose history a test disturbs.
type failingHistory struct {
	*MemoryStore
	onAppend func(ctx context.Context, n int) error

	mu    sync.Mutex
	calls int
}

func (s *failingHistory) AppendEvents(ctx context.Context, events []Event) error {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	if err := s.onAppend(ctx, n); err != nil {
		return err
	}
	return s.MemoryStore.AppendEvents(ctx, events)
}

func (s *failingHistory) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func story(t *testing.T, k *Keeper, q EventQuery) []Event {
	t.Helper()
	var events []Event
	for e, err := range k.History(t.Context(), q) {
		must(t, err)
		events = append(events, e)
	}
	return events
}

func kinds(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(string(e.Kind) + " ")
	}
	return strings.TrimSpace(b.String())
}

// Every event is in the history, with what is known of the login, also after its
// row is gone.
func TestHistoryTellsOfALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		k := New(store, p, nil)
		ctx := WithActor(t.Context(), "ops@zylker.com on host7")
		s, err := k.Login(ctx, &Grant{Code: NewSecret("1000.code"), UserName: "patricia@zylker.com"})
		must(t, err)
		_, err = s.Refresh(t.Context())
		must(t, err)
		tok, err := s.Token(t.Context())
		must(t, err)
		s.Invalidate(t.Context(), tok)
		_, err = k.Login(ctx, &Grant{Code: NewSecret("1000.code2"), UserName: "patricia@zylker.com"})
		must(t, err)
		must(t, k.Logout(ctx, s.ID()))
		events := story(t, k, EventQuery{})
		if got, want := kinds(events), "logged_in refreshed invalidated logged_in revoked revoked deleted"; got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		for i, e := range events {
			login := LoginMark(NewSecret("1000.refresh.1"))
			if i == 3 || i > 4 {
				login = LoginMark(NewSecret("1000.refresh.2"))
			}
			if e.TokenID != s.ID() || e.UserName != "patricia@zylker.com" || e.ClientID != "1000.CLIENT" || e.DataCentre != "eu" ||
				e.Login != login || e.Version == 0 || !strings.HasPrefix(e.Owner, k.owner) || !e.Time.Equal(time.Now()) {
				t.Errorf("event %d is not complete: %+v", i, e)
			}
			if asked := e.Kind != Refreshed && e.Kind != Invalidated; asked != (e.Actor != "") {
				t.Errorf("%s: actor %q", e.Kind, e.Actor)
			}
		}
		if n := len(story(t, k, EventQuery{UserName: "patricia@zylker.com"})); n != len(events) {
			t.Errorf("%d events of the user, want %d", n, len(events))
		}
	})
}

// A refresh token that another program put into the row is told of once, wherever it
// is seen first; this Keeper's own logins and refreshes are not.
func TestForeignLoginIsTold(t *testing.T) {
	looks := map[string]func(ctx context.Context, k *Keeper, s *Session) error{
		"look-up": func(ctx context.Context, k *Keeper, s *Session) error {
			_, err := k.SessionByID(ctx, s.ID())
			return err
		},
		"row":     func(ctx context.Context, _ *Keeper, s *Session) error { _, err := s.Row(ctx); return err },
		"refresh": func(ctx context.Context, _ *Keeper, s *Session) error { _, err := s.Refresh(ctx); return err },
	}
	for name, look := range looks {
		synctest.Test(t, func(t *testing.T) {
			store, p := NewMemoryStore(), &stubProvider{}
			row := stored(t, store, time.Hour)
			k := New(store, p, &Options{History: HistoryChanges})
			s := open(t, k, row.ID)
			foreign := read(t, store, row.ID)
			foreign.RefreshToken, foreign.AccessToken = NewSecret("1000.refresh.foreign"), NewSecret("1000.access.foreign")
			must(t, store.SaveToken(t.Context(), foreign))
			for range 3 {
				must(t, look(t.Context(), k, s))
			}
			_, err := k.Adopt(t.Context(), &Token{UserName: row.UserName, DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.ours")})
			must(t, err)
			must(t, look(t.Context(), k, s))
			told := slices.DeleteFunc(story(t, k, EventQuery{}), func(e Event) bool { return e.Kind != Adopted })
			if len(told) != 1 || told[0].Reason != adoptedLogin || told[0].Login != LoginMark(foreign.RefreshToken) {
				t.Errorf("%s: %+v", name, told)
			}
		})
	}
}

// What another process refreshed is adopted, as a routine.
func TestAdoptedRefreshIsRoutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		all, changes := New(store, p, nil), New(store, p, &Options{History: HistoryChanges})
		s, other := open(t, all, row.ID), open(t, changes, row.ID)
		_, err := other.Token(t.Context())
		must(t, err)
		_, err = s.Token(t.Context())
		must(t, err)
		must(t, changes.Close())
		if events := story(t, all, EventQuery{}); kinds(events) != "adopted" || events[0].Reason != adoptedRefresh {
			t.Errorf("%+v", events)
		}
		off := New(store, p, &Options{History: HistoryOff})
		must(t, off.Delete(t.Context(), row.ID))
		if n := len(story(t, off, EventQuery{})); n != 1 {
			t.Errorf("%d events, though a Keeper was told to record none", n)
		}
	})
}

// A refresh that the budget refuses is told of once.
func TestHeldBackIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Mints: 1, Window: 10 * time.Minute}}
		k := New(store, p, &Options{History: HistoryChanges})
		s := open(t, k, stored(t, store, -time.Minute).ID)
		for range 2 {
			_, err := s.Refresh(t.Context())
			must(t, err)
			for range 3 {
				if _, err := s.Refresh(t.Context()); !errors.Is(err, ErrThrottled) {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
			time.Sleep(time.Hour)
		}
		events := story(t, k, EventQuery{})
		if kinds(events) != "held_back held_back" || events[0].Class != Throttled || events[0].Reason == "" {
			t.Errorf("%+v", events)
		}
	})
}

// A history that fails delays no refresh; what it misses for a moment it gets, in
// order, and what it misses for good is told by number.
func TestHistoryThatFailsDisturbsNothing(t *testing.T) {
	passing := errors.New("connection refused")
	for name, c := range map[string]struct {
		fail          func(ctx context.Context, n int) error
		calls, kept   int
		missing, says string
	}{
		"for a while":  {func(_ context.Context, n int) error { return failing(n < 4, passing) }, 5, 3, "", ""},
		"for ever":     {func(context.Context, int) error { return passing }, 10, 0, "events=2", passing.Error()},
		"for good":     {func(context.Context, int) error { return fmt.Errorf("no right: %w", ErrNoHistory) }, 1, 0, "", ""},
		"by a panic":   {func(context.Context, int) error { panic("a bug") }, 10, 0, "events=2", "panicked"},
		"by time-outs": {func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }, 10, 0, "events=2", "deadline"},
		"not":          {func(context.Context, int) error { return nil }, 3, 3, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			store, p := &failingHistory{MemoryStore: NewMemoryStore(), onAppend: c.fail}, &stubProvider{}
			k := New(store, p, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			s, begin := open(t, k, stored(t, store, time.Hour).ID), time.Now()
			for range 3 {
				_, err := s.Refresh(t.Context())
				must(t, err)
				synctest.Wait()
			}
			if d := time.Since(begin); d != 0 {
				t.Errorf("%s: the refreshes took %v", name, d)
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			events := story(t, k, EventQuery{})
			if store.count() != c.calls || len(events) != c.kept || k.recorder.work != nil {
				t.Errorf("%s: %d appends, want %d; %d events, want %d", name, store.count(), c.calls, len(events), c.kept)
			}
			if !slices.IsSortedFunc(events, func(a, b Event) int { return int(a.Version - b.Version) }) {
				t.Errorf("%s: out of order", name)
			}
			if once := strings.Count(log.String(), "no right"); name == "for good" && once != 1 {
				t.Errorf("%s: said %d times: %s", name, once, log.String())
			}
			told := strings.Contains(log.String(), "events are missing") && strings.Contains(log.String(), c.missing) && strings.Contains(log.String(), c.says)
			if told != (c.missing != "") {
				t.Errorf("%s: %s", name, log.String())
			}
		})
	}
}

func failing(fails bool, err error) error {
	if fails {
		return err
	}
	return nil
}

// The queue is bounded: what does not fit is dropped and told by number.
func TestFullQueueDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		release := make(chan struct{})
		store := &failingHistory{MemoryStore: NewMemoryStore(), onAppend: func(_ context.Context, n int) error {
			if n == 1 {
				<-release
			}
			return nil
		}}
		k := New(store, &stubProvider{}, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		k.emit(t.Context(), Event{Kind: Named})
		synctest.Wait()
		log.Reset()
		k.opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		for i := range recorderQueue + 77 {
			k.emit(t.Context(), Event{Kind: Named, Version: int64(i + 1)})
		}
		close(release)
		synctest.Wait()
		events := story(t, k, EventQuery{})
		if len(events) != recorderQueue+1 || events[recorderQueue].Version != recorderQueue {
			t.Errorf("%d events, want %d", len(events), recorderQueue+1)
		}
		if store.count() != 1+recorderQueue/recorderBatch || strings.Count(log.String(), "events=77") != 1 {
			t.Errorf("%d appends; %s", store.count(), log.String())
		}
	})
}

// Close waits for what is queued, but not for ever; what comes later is told of.
func TestCloseFlushesTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		slow := 500 * time.Millisecond
		store := &failingHistory{MemoryStore: NewMemoryStore(), onAppend: func(ctx context.Context, _ int) error { return sleep(ctx, slow) }}
		opts := &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		k := New(store, &stubProvider{}, opts)
		k.emit(t.Context(), Event{Kind: Named})
		must(t, k.Close())
		if n := len(story(t, k, EventQuery{})); n != 1 {
			t.Errorf("%d events after Close, want 1", n)
		}
		k.emit(t.Context(), Event{Kind: Named})
		if !strings.Contains(log.String(), "events=1") || k.recorder.work != nil {
			t.Errorf("an event after Close: %s", log.String())
		}
		log.Reset()
		slow = time.Hour
		k, begin := New(store, &stubProvider{}, opts), time.Now()
		k.emit(t.Context(), Event{Kind: Named})
		must(t, k.Close())
		if d := time.Since(begin); d != flushTime || !strings.Contains(log.String(), "events=1") {
			t.Errorf("Close took %v; %s", d, log.String())
		}
	})
}

// A store without a history is served all the same, and says so when it is asked.
func TestStoreWithoutHistory(t *testing.T) {
	store := struct{ TokenStore }{NewMemoryStore()}
	k := New(store, &stubProvider{}, nil)
	must(t, k.Delete(t.Context(), stored(t, store, time.Hour).ID))
	for _, err := range k.History(t.Context(), EventQuery{}) {
		if !errors.Is(err, ErrNoHistory) || errors.Is(err, ErrStoreUnavailable) {
			t.Errorf("%v", err)
		}
		return
	}
	t.Error("no error")
}

// Old events are removed now and then by those who add new ones.
func TestOldEventsArePruned(t *testing.T) {
	for age, left := range map[time.Duration]int{0: pruneEvery, time.Hour: pruneEvery, 2 * defaultHistoryAge: pruneEvery + 1, -1: pruneEvery + 1} {
		synctest.Test(t, func(t *testing.T) {
			store := NewMemoryStore()
			k := New(store, &stubProvider{}, &Options{HistoryAge: age})
			k.emit(t.Context(), Event{Kind: Named})
			time.Sleep(defaultHistoryAge + time.Second)
			for range pruneEvery {
				k.emit(t.Context(), Event{Kind: Named})
				synctest.Wait()
			}
			if n := len(story(t, k, EventQuery{})); n != left {
				t.Errorf("age %v: %d events, want %d", age, n, left)
			}
		})
	}
}

// What no store could keep does not come to one.
func TestEventsAreRecordable(t *testing.T) {
	e := Event{Reason: "a\x00b\xff" + strings.Repeat("ü", 5000), UserName: "\xc3\x28"}.recordable()
	if !strings.HasPrefix(e.Reason, "abü") || len(e.Reason) > reasonBytes || strings.ToValidUTF8(e.Reason, "?") != e.Reason || e.UserName != "(" {
		t.Errorf("%.20q, %d bytes, user %q", e.Reason, len(e.Reason), e.UserName)
	}
}

// A deletion tells whose row it was, with and without a journal.
func TestDeletionTellsWhoseRowItWas(t *testing.T) {
	for _, journal := range []string{"", t.TempDir()} {
		store := NewMemoryStore()
		k := New(store, &stubProvider{}, &Options{Journal: journal})
		row := stored(t, store, time.Hour)
		must(t, k.Delete(WithActor(t.Context(), "ops"), row.ID))
		events := story(t, k, EventQuery{UserName: row.UserName})
		if len(events) != 1 || events[0].TokenID != row.ID || events[0].ClientID != row.ClientID ||
			events[0].Login != LoginMark(row.RefreshToken) || events[0].Actor != "ops" {
			t.Errorf("%+v", events)
		}
	}
}

// A session that saw the earlier login takes this Keeper's new one for its own.
func TestOwnLoginIsNotForeign(t *testing.T) {
	store := NewMemoryStore()
	k := New(store, &stubProvider{}, nil)
	row := stored(t, store, time.Hour)
	s := open(t, k, row.ID)
	_, err := k.Adopt(t.Context(), &Token{UserName: row.UserName, DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.ours")})
	must(t, err)
	s.st.snap.Store(k.snapshot(row, false)) // a look that began before
	open(t, k, row.ID)
	if got := kinds(story(t, k, EventQuery{})); got != "logged_in revoked" {
		t.Errorf("%s", got)
	}
}

// While the row of a foreign login is claimed, it is looked at many times and told of
// once.
func TestForeignLoginIsToldOnceWhileItIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryStore()
		k := New(store, &stubProvider{}, nil)
		s := open(t, k, stored(t, store, -time.Minute).ID)
		foreign := read(t, store, s.ID())
		foreign.RefreshToken, foreign.Claim = NewSecret("1000.refresh.foreign"), Claim{Owner: "other", Since: time.Now()}
		must(t, store.SaveToken(t.Context(), foreign))
		_, err := s.Token(t.Context())
		must(t, err)
		if got := kinds(story(t, k, EventQuery{})); got != "adopted taken_over refreshed" {
			t.Errorf("%s", got)
		}
	})
}

// Appends that take time are made with rests in between, and nobody who waits for the
// history waits for a rest.
func TestHistoryRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &failingHistory{MemoryStore: NewMemoryStore(), onAppend: func(ctx context.Context, _ int) error {
			return sleep(ctx, 10*time.Millisecond)
		}}
		k := New(store, &stubProvider{}, nil)
		for range 1000 {
			k.emit(t.Context(), Event{Kind: Named})
			time.Sleep(time.Millisecond)
		}
		if n := store.count(); n < 15 || n > 21 {
			t.Errorf("%d appends in a second, want one in 50 ms", n)
		}
		begin := time.Now()
		if n := len(story(t, k, EventQuery{})); n != 1000 || time.Since(begin) > 20*time.Millisecond {
			t.Errorf("%d events, after %v", n, time.Since(begin))
		}
		k.emit(t.Context(), Event{Kind: Named})
		time.Sleep(10*time.Millisecond + 1)
		begin = time.Now()
		must(t, k.Close())
		if d := time.Since(begin); d != 0 || k.recorder.work != nil {
			t.Errorf("Close took %v", d)
		}
	})
}

// savedStore calls a test after each save.
type savedStore struct {
	TokenStore
	onSaved func()
}

func (s *savedStore) SaveToken(ctx context.Context, t *Token) error {
	err := s.TokenStore.SaveToken(ctx, t)
	if s.onSaved != nil {
		s.onSaved()
	}
	return err
}

// Who looks at the row while this Keeper's own rotated refresh token is saved, and not
// yet published, takes it for no foreign login.
func TestOwnRotationIsNotForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Event
		store := &savedStore{TokenStore: NewMemoryStore()}
		p := &stubProvider{limits: Limits{Rotation: RotationStrict}}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			got := p.mint()
			got.RefreshToken = NewSecret("1000.refresh.rotated")
			return got, nil
		}
		k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) { told = append(told, e) }})
		s := open(t, k, stored(t, store, -time.Minute).ID)
		store.onSaved = func() {
			if _, err := k.SessionByID(t.Context(), s.ID()); err != nil {
				t.Error(err)
			}
		}
		_, err := s.Token(t.Context())
		must(t, err)
		if got := kinds(told); got != "refreshed" || told[0].Login != LoginMark(NewSecret("1000.refresh.rotated")) {
			t.Errorf("%s", got)
		}
	})
}
