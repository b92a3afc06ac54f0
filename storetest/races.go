package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tokenkeep/tokenkeep"
)

func raceChecks() []check {
	return []check{
		{name: "versioned/counter", level: Versioned, run: checkCounter},
		{name: "versioned/one-winner", level: Versioned, run: checkOneWinner},
		{name: "versioned/upsert-race", level: Versioned, run: checkUpsertRace},
		{name: "versioned/delete-race", level: Versioned, run: checkDeleteRace},
	}
}

// crowd runs f in n goroutines that begin together, and waits for all.
func crowd(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// checkCounter: many goroutines that count by compare-and-swap lose nothing, and
// their saves are one chain of versions.
func checkCounter(x *trial) {
	s := x.fresh()
	row := x.save(s, &tokenkeep.Token{UserName: "counter", AccessToken: secret("1000.c")})
	h := newHistory()
	crowd(x.size.goroutines, func(int) {
		for range x.size.rounds {
			from, to, err := increment(x.ctx, s, row.ID)
			if err != nil {
				x.errorf("%v", err)
				return
			}
			h.won(from, to)
		}
	})
	got, want := x.get(s, row.ID), x.size.goroutines*x.size.rounds
	if got.State.Failures != want {
		x.errorf("%d of %d increments are left", got.State.Failures, want)
	}
	h.verify(x, row.Version, got.Version, want)
}

// checkOneWinner: of many saves of one version exactly one succeeds, and the
// others conflict.
func checkOneWinner(x *trial) {
	s := x.fresh()
	row := x.save(s, full("ann"))
	for range x.size.rounds {
		var mu sync.Mutex
		var winners []*tokenkeep.Token
		crowd(x.size.goroutines, func(i int) {
			t := row.Clone()
			t.RedirectURL = fmt.Sprintf("%s/%d", testURL, i)
			switch err := s.SaveToken(x.ctx, t); {
			case err == nil:
				mu.Lock()
				winners = append(winners, t)
				mu.Unlock()
			case !errors.Is(err, tokenkeep.ErrConflict):
				x.errorf("save of a version: %v", err)
			}
		})
		if len(winners) != 1 {
			x.fatalf("%d savers of one version won, want exactly 1", len(winners))
		}
		row = winners[0]
		x.unchanged(s, row, "the winner's row")
	}
}

// checkUpsertRace: first saves of one user by many goroutines make one row.
func checkUpsertRace(x *trial) {
	s := x.fresh()
	const users = 4
	crowd(x.size.goroutines, func(i int) {
		if err := s.SaveToken(x.ctx, plain(fmt.Sprintf("user%d", i%users))); err != nil {
			x.errorf("save: %v", err)
		}
	})
	rows := x.all(s)
	if len(rows) != users {
		x.errorf("%d rows for %d users that were saved at once", len(rows), users)
	}
	for _, row := range rows {
		if want := int64(x.size.goroutines / users); row.Version != want {
			x.errorf("%s has version %d after %d saves", row.UserName, row.Version, want)
		}
	}
}

// checkDeleteRace: a row that is deleted amid saves of its versions stays deleted.
func checkDeleteRace(x *trial) {
	s := x.fresh()
	for round := range x.size.rounds {
		row := x.save(s, plain(fmt.Sprintf("user%d", round)))
		crowd(8, func(i int) {
			if i == 0 {
				if err := s.DeleteToken(x.ctx, row.ID); err != nil {
					x.errorf("delete: %v", err)
				}
				return
			}
			_, _, err := increment(x.ctx, s, row.ID)
			if err != nil && !errors.Is(err, tokenkeep.ErrNotFound) {
				x.errorf("%v", err)
			}
		})
		if n := len(x.all(s)); n != 0 {
			x.fatalf("a deleted row is back")
		}
	}
}
