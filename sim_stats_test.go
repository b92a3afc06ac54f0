package tokenkeep

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// simStats counts what happened in all schedules, so that it can be seen that
// something did.
type simStats struct {
	mu sync.Mutex // guards n
	n  map[string]int
}

// count adds one to what, which is a name in simCounted or another.
func (s *simStats) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil {
		s.n = map[string]int{}
	}
	s.n[what]++
}

// simCounted are the things that some of a thousand schedules have to have.
var simCounted = []string{
	"schedules", "calls", "logins", "deletes", "logouts", "withdrawals",
	"mints", "answers lost", "takeovers", "crashes", "stops", "logins dead at the end",
	"event logged_in", "event refreshed", "event adopted", "event taken_over", "event dropped", "event failed",
	"revokes", "reaps", "marks", "endings", "endings cut short", "leftovers ended", "event ended",
	"event invalidated", "event unsaved", "event named", "event revoked", "event deleted",
	"error retry_later", "error throttled", "error needs_login", "error misconfigured", "error in_doubt", "error store_unavailable",
}

// check sees that the schedules were not tame.
func (s *simStats) check(t *testing.T) {
	t.Helper()
	for _, what := range simCounted {
		if s.n[what] == 0 {
			t.Errorf("no %s in any schedule: they show nothing of it", what)
		}
	}
}

// String lists the counters.
func (s *simStats) String() string {
	names := slices.Clone(simCounted)
	for name := range s.n {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[len(simCounted):])
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", s.n[name], name))
	}
	return strings.Join(parts, ", ")
}
