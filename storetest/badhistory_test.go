package storetest_test

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// A badHistory is a MemoryStore whose history has a fault.
type badHistory struct {
	*tokenkeep.MemoryStore
	fault fault
}

const (
	cutsReasons    fault = "cuts reasons"
	sortsByTime    fault = "sorts the history by time"
	losesOfDeleted fault = "forgets the events of rows that are deleted"
	sinceIsLater   fault = "leaves out what happened at the time asked for"
	bothAreMeant   fault = "wants id and user to fit"
	countsNothing  fault = "does not say how many it pruned"
	splitsCalls    fault = "mixes the events of calls"
	lateContext    fault = "adds events although the context has ended"
	countsVersions fault = "counts a version for an event"
	keepsNone      fault = "keeps no history"
)

func (s badHistory) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	if s.fault == lateContext {
		ctx = context.WithoutCancel(ctx)
	}
	if s.fault == keepsNone {
		return tokenkeep.ErrNoHistory
	}
	events = slices.Clone(events)
	for i, e := range events {
		switch s.fault {
		case cutsReasons:
			events[i].Reason = e.Reason[:min(len(e.Reason), 255)]
		case countsVersions:
			if t, err := s.FindTokenByID(ctx, e.TokenID); err == nil {
				_ = s.SaveToken(ctx, t)
			}
		}
	}
	if s.fault != splitsCalls {
		return s.MemoryStore.AppendEvents(ctx, events)
	}
	for _, e := range events {
		runtime.Gosched()
		if err := s.MemoryStore.AppendEvents(ctx, []tokenkeep.Event{e}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s badHistory) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	if s.fault == sinceIsLater && !q.Since.IsZero() {
		q.Since = q.Since.Add(time.Millisecond)
	}
	if s.fault == bothAreMeant && q.TokenID != "" {
		user := q.UserName
		q.UserName = ""
		return func(yield func(tokenkeep.Event, error) bool) {
			for e, err := range s.MemoryStore.Events(ctx, q) {
				if (user == "" || e.UserName == user || err != nil) && !yield(e, err) {
					return
				}
			}
		}
	}
	if s.fault != sortsByTime {
		return s.MemoryStore.Events(ctx, q)
	}
	return func(yield func(tokenkeep.Event, error) bool) {
		var all []tokenkeep.Event
		for e, err := range s.MemoryStore.Events(ctx, q) {
			if err != nil {
				yield(e, err)
				return
			}
			all = append(all, e)
		}
		slices.SortStableFunc(all, func(a, b tokenkeep.Event) int { return a.Time.Compare(b.Time) })
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s badHistory) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	n, err := s.MemoryStore.PruneEvents(ctx, before)
	if s.fault == countsNothing {
		n = 0
	}
	return n, err
}

func (s badHistory) DeleteToken(ctx context.Context, id string) error {
	if s.fault == losesOfDeleted {
		_, _ = s.MemoryStore.PruneEvents(ctx, time.Now().AddDate(100, 0, 0))
	}
	return s.MemoryStore.DeleteToken(ctx, id)
}

// TestBadHistories shows that the suite sees what is wrong with a history, and that it
// does not count for the level.
func TestBadHistories(t *testing.T) {
	for f, seen := range map[fault]string{
		cutsReasons: "history/round-trip", sortsByTime: "history/order", losesOfDeleted: "history/outlives-rows",
		sinceIsLater: "history/since", bothAreMeant: "history/queries", countsNothing: "history/prune",
		splitsCalls: "history/concurrent", lateContext: "history/context", countsVersions: "history/leaves-tokens-alone",
	} {
		t.Run(string(f), func(t *testing.T) {
			r := checkHistory(t, f)
			if r.History != storetest.BrokenHistory || !slices.Contains(r.Failed, seen) || r.Level != storetest.Versioned {
				t.Errorf("a store that %s passes %s, or has another level than %s\n%s", f, seen, storetest.Versioned, r)
			}
		})
	}
	if r := checkHistory(t, keepsNone); r.History != storetest.NoHistory || len(r.Failed) != 0 || !slices.Contains(r.Skipped, "history/order") {
		t.Errorf("a store that keeps no history and says so:\n%s", r)
	}
	if r := checkHistory(t, ""); r.History != storetest.KeptHistory || len(r.Failed) != 0 {
		t.Errorf("a good history:\n%s", r)
	}
}

func checkHistory(t *testing.T, f fault) storetest.Report {
	t.Helper()
	cfg := memoryConfig(func() badHistory { return badHistory{tokenkeep.NewMemoryStore(), f} })
	cfg.Short = true
	return storetest.Check(t, cfg)
}
