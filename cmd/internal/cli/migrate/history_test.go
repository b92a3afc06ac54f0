package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/migrate"
)

// event returns the nth event of a history, about a row.
func event(n int, kind tokenkeep.EventKind, id, user string) tokenkeep.Event {
	return tokenkeep.Event{
		Kind: kind, TokenID: id, UserName: user, ClientID: "1000.C", DataCentre: "eu", Version: int64(n) + 1, Owner: "host/1",
		Time: begin.Add(time.Duration(n)*time.Second + 123456), // finer than some stores keep
	}
}

func remember(t *testing.T, s tokenkeep.Historian, events ...tokenkeep.Event) {
	t.Helper()
	if err := s.AppendEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// story returns what a store tells, as text.
func story(t *testing.T, s tokenkeep.Historian) (lines []string) {
	t.Helper()
	for e, err := range s.Events(t.Context(), tokenkeep.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s %s", e.Version-1, e.Kind, e.TokenID, e.UserName))
	}
	return lines
}

func wantStory(t *testing.T, s tokenkeep.Historian, what string, want ...string) {
	t.Helper()
	if got := story(t, s); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s: the target tells %q, want %q", what, got, want)
	}
}

// bounded keeps times to the millisecond, and a bounded number of events.
type bounded struct {
	*tokenkeep.MemoryStore
	keep  int // 0: all
	fails int // which call of AppendEvents fails, from 1
	calls int
}

var errFull = errors.New("no space")

func (s *bounded) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	if s.calls++; s.calls == s.fails {
		return errFull
	}
	for _, e := range events {
		e.Time = e.Time.Truncate(time.Millisecond)
		if err := s.MemoryStore.AppendEvents(ctx, []tokenkeep.Event{e}); err != nil {
			return err
		}
	}
	return s.forget(ctx)
}

// forget drops the oldest events; the events of these tests are a second apart.
func (s *bounded) forget(ctx context.Context) error {
	n := 0
	var times []time.Time
	for e := range s.Events(ctx, tokenkeep.EventQuery{}) {
		times, n = append(times, e.Time), n+1
	}
	if s.keep == 0 || n <= s.keep {
		return nil
	}
	_, err := s.PruneEvents(ctx, times[n-s.keep])
	return err
}

// An event follows its user to the row's id in the target, also one from before the
// login had a name; one of a user who is gone gets no id, though the target gave that
// id to somebody else.
func TestHistoryFollowsItsUsers(t *testing.T) {
	for _, move := range []bool{false, true} {
		from := filled(t, full(1), full(2), full(3))
		to := &bounded{MemoryStore: filled(t, full(7))}
		if err := from.DeleteToken(t.Context(), "1000000000"); err != nil {
			t.Fatal(err)
		}
		remember(t, to, event(70, tokenkeep.LoggedIn, "1000000000", full(7).UserName))
		remember(t, from,
			event(0, tokenkeep.LoggedIn, "1000000000", full(1).UserName), event(1, tokenkeep.LoggedIn, "1000000001", ""),
			event(2, tokenkeep.Named, "1000000001", full(2).UserName), event(3, tokenkeep.Deleted, "1000000000", full(1).UserName),
			event(4, tokenkeep.Refreshed, "1000000002", full(3).UserName), event(5, tokenkeep.Failed, "", "somebody"),
			event(6, tokenkeep.Refreshed, "1000000099", ""),
		)
		want := []string{
			"70 logged_in 1000000000 u7@example.com", "0 logged_in  u1@example.com", "1 logged_in 1000000001 u2@example.com",
			"2 named 1000000001 u2@example.com", "3 deleted  u1@example.com", "4 refreshed 1000000002 u3@example.com",
			"5 failed  somebody", "6 refreshed  ",
		}
		if res := run(t, from, to, migrate.Options{DryRun: true}); res.Events != 7 || len(story(t, to)) != 1 {
			t.Errorf("a dry run counts %d events and adds %d", res.Events, len(story(t, to))-1)
		}
		if res := run(t, from, to, migrate.Options{Move: move}); res.Events != 7 {
			t.Errorf("%d events", res.Events)
		}
		wantStory(t, to, "once", want...)
		if res := run(t, from, to, migrate.Options{Move: move}); res.Events != 0 {
			t.Errorf("%d events the second time", res.Events)
		}
		remember(t, from, event(8, tokenkeep.Refreshed, "1000000001", full(2).UserName))
		run(t, from, to, migrate.Options{Move: move})
		wantStory(t, to, "again, with a new event", append(want, "8 refreshed 1000000001 u2@example.com")...)
		if len(story(t, from)) != 8 {
			t.Error("the source's history changed")
		}
	}
}

// A migration that ended amid the history goes on where it stopped, also when the
// target is bounded and has dropped the oldest of what it got.
func TestHistoryIsResumed(t *testing.T) {
	for _, keep := range []int{0, 700} {
		for fails := 1; fails <= 4; fails++ {
			from, to := filled(t, full(1)), &bounded{MemoryStore: filled(t), keep: keep, fails: fails}
			const all = 1700
			for n := range all {
				remember(t, from, event(n, tokenkeep.Refreshed, "1000000000", full(1).UserName))
			}
			_, err := migrate.Run(t.Context(), from, to, migrate.Options{Move: true, Owner: migrate.OwnerPrefix + "x"})
			if !errors.Is(err, errFull) {
				t.Fatalf("call %d: %v", fails, err)
			}
			for range 2 {
				run(t, from, to, migrate.Options{Move: true})
			}
			got, first := story(t, to), 0
			if keep > 0 {
				first = all - keep
			}
			if len(got) != all-first {
				t.Fatalf("bound %d, failure in call %d: %d events, want %d", keep, fails, len(got), all-first)
			}
			for i, line := range got {
				if want := fmt.Sprintf("%d refreshed 1000000000 u1@example.com", first+i); line != want {
					t.Fatalf("bound %d, failure in call %d: event %d is %q, want %q", keep, fails, i, line, want)
				}
			}
		}
	}
}

// Where one of the stores keeps no history, tokens are migrated as ever.
func TestNoHistoryToCarry(t *testing.T) {
	type plain struct{ tokenkeep.TokenStore }
	for what, stores := range map[string][2]tokenkeep.TokenStore{
		"source": {plain{filled(t, full(1))}, filled(t)}, "target": {filled(t, full(1)), plain{filled(t)}},
		"a target that says so": {filled(t, full(1)), noHistory{filled(t)}}, "a source that says so": {noHistory{filled(t, full(1))}, filled(t)},
	} {
		if h, ok := stores[0].(*tokenkeep.MemoryStore); ok {
			remember(t, h, event(0, tokenkeep.LoggedIn, "1000000000", full(1).UserName))
		}
		if res := run(t, stores[0], stores[1], migrate.Options{}); res.Copied != 1 || res.Events != 0 {
			t.Errorf("no history in the %s: %+v", what, res)
		}
	}
}

// noHistory has the methods and keeps nothing.
type noHistory struct{ *tokenkeep.MemoryStore }

func (noHistory) AppendEvents(context.Context, []tokenkeep.Event) error {
	return tokenkeep.ErrNoHistory
}

func (noHistory) Events(context.Context, tokenkeep.EventQuery) func(yield func(tokenkeep.Event, error) bool) {
	return func(yield func(tokenkeep.Event, error) bool) { yield(tokenkeep.Event{}, tokenkeep.ErrNoHistory) }
}
