package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func versionChecks() []check {
	return []check{
		{name: "versioned/stale-conflicts", level: Versioned, run: checkStale},
		{name: "versioned/missing-conflicts", level: Versioned, run: checkMissing},
		{name: "versioned/increases", level: Versioned, run: checkIncreases},
	}
}

// conflicts tells when a save of t with a version does not conflict or changes t.
func (x *trial) conflicts(s tokenkeep.TokenStore, t *tokenkeep.Token, what string) {
	before := t.Clone()
	x.want(s.SaveToken(x.ctx, t), tokenkeep.ErrConflict, what)
	if t.ID != before.ID || t.Version != before.Version {
		x.errorf("%s: a save that failed changed the id or the version of its token", what)
	}
}

// checkStale: a save with any version but the row's conflicts and changes
// nothing, whoever made the newer one.
func checkStale(x *trial) {
	s := x.fresh()
	first := x.save(s, full("ann"))
	stale := first.Clone()
	winner := first.Clone()
	winner.AccessToken = secret("1000.access.winner")
	x.save(s, winner)
	stale.AccessToken = secret("1000.access.loser")
	x.conflicts(s, stale, "save of an older version")
	x.unchanged(s, winner, "after a save of an older version")
	ahead := winner.Clone()
	ahead.Version += 5
	x.conflicts(s, ahead, "save of a version that does not exist yet")

	upsert := &tokenkeep.Token{UserName: "ann", APIDomain: "https://upsert.example", AccessToken: winner.AccessToken}
	x.save(s, upsert)
	late := winner.Clone()
	late.AccessToken = secret("1000.access.late")
	x.conflicts(s, late, "save of a version that a save without one has overtaken")
	winner.APIDomain, winner.Version = upsert.APIDomain, upsert.Version
	x.unchanged(s, winner, "in the end")
}

// checkMissing: a save with a version never inserts, so what was deleted stays
// deleted.
func checkMissing(x *trial) {
	s := x.fresh()
	ann, bob := x.save(s, full("ann")), x.save(s, full("bob"))
	x.must(s.DeleteToken(x.ctx, ann.ID), "delete")
	x.conflicts(s, ann.Clone(), "save of a deleted row's version")
	x.must(s.DeleteTokens(x.ctx), "delete all")
	x.conflicts(s, bob.Clone(), "save of a row's version after delete all")
	never := full("cid")
	never.ID, never.Version = "9876543210", 1
	x.conflicts(s, never, "save of a version of a row that never was")
	noID := full("dan")
	noID.Version = 1
	x.conflicts(s, noID, "save of a version without an id")
	if n := len(x.all(s)); n != 0 {
		x.errorf("%d deleted rows are back", n)
	}
	again := x.save(s, full("ann"))
	x.conflicts(s, ann.Clone(), "save of a deleted row's version after a new login")
	x.unchanged(s, again, "the new login")
}

// checkIncreases: every save that succeeds makes a greater version, and says so.
func checkIncreases(x *trial) {
	s := x.fresh()
	t := x.save(s, full("ann"))
	last := t.Version
	for i := range 20 {
		if i%2 == 0 {
			t.Version = 0
		}
		x.save(s, t)
		if t.Version <= last {
			x.errorf("version %d follows %d", t.Version, last)
		}
		if got := x.get(s, t.ID).Version; got != t.Version {
			x.errorf("save said version %d, the row has %d", t.Version, got)
		}
		last = t.Version
	}
}

// A history is what the writers of one row saw: which version each successful
// save replaced, and which it made.
type history struct {
	mu   sync.Mutex
	next map[int64]int64
	errs []error
}

func newHistory() *history { return &history{next: map[int64]int64{}} }

// won notes a successful save.
func (h *history) won(from, to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if other, taken := h.next[from]; taken {
		h.errs = append(h.errs, fmt.Errorf("version %d was replaced by two savers, who made %d and %d", from, other, to))
	}
	h.next[from] = to
}

// verify tells when the saves are no single chain from first to last.
func (h *history) verify(x *trial, first, last int64, saves int) {
	for _, err := range h.errs {
		x.errorf("%v", err)
	}
	steps, at := 0, first
	for at != last && steps <= saves {
		to, ok := h.next[at]
		if !ok || to <= at {
			x.errorf("the saves are no chain: nothing follows version %d", at)
			return
		}
		at, steps = to, steps+1
	}
	if steps != saves {
		x.errorf("%d saves were acknowledged, and %d versions lie between the first and the last", saves, steps)
	}
}

// increment adds one to the counter of row id by compare-and-swap, tries again
// after a conflict, and returns the version that it replaced and the one it made.
func increment(ctx context.Context, s tokenkeep.TokenStore, id string) (from, to int64, err error) {
	for {
		t, err := s.FindTokenByID(ctx, id)
		if err != nil {
			return 0, 0, fmt.Errorf("find by id: %w", err)
		}
		time.Sleep(rand.N(200 * time.Microsecond)) //nolint:gosec // lets others come between; no secret
		from := t.Version
		t.State.Failures++
		switch err := s.SaveToken(ctx, t); {
		case err == nil:
			return from, t.Version, nil
		case !errors.Is(err, tokenkeep.ErrConflict):
			return 0, 0, fmt.Errorf("save of a version: %w", err)
		}
	}
}
