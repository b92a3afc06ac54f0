package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// batchSize is how many events the calls of these checks add.
const batchSize = 3

// batch returns the events of call n of a writer: each wide enough to be torn.
func batch(writer, n int) []tokenkeep.Event {
	events := make([]tokenkeep.Event, batchSize)
	for i := range events {
		events[i] = event(fmt.Sprintf("%d", tokenkeep.FirstID+writer), fmt.Sprintf("writer%d", writer), n*batchSize+i)
		events[i].Reason = strings.Repeat(fmt.Sprintf("%08d", n*batchSize+i), 128)
	}
	return events
}

// numberOf returns which of its writer's events e is.
func numberOf(e tokenkeep.Event) int { return int(e.Version - event("", "", 0).Version) }

// appendAs adds the batches of a writer from first on, count of them.
func appendAs(ctx context.Context, h tokenkeep.Historian, writer, first, count int) error {
	for n := first; n < first+count; n++ {
		if err := h.AppendEvents(ctx, batch(writer, n)); err != nil {
			return fmt.Errorf("append %d: %w", n, err)
		}
	}
	return nil
}

// whole tells when the history is not count batches of each writer, each batch
// together and each writer's in order.
func (x *trial) whole(h tokenkeep.Historian, writers, count int) {
	got := x.story(h, tokenkeep.EventQuery{})
	if want := writers * count * batchSize; len(got) != want {
		x.errorf("%d of %d events are left", len(got), want)
		return
	}
	for calls := range slices.Chunk(got, batchSize) {
		var writer int
		_, _ = fmt.Sscanf(calls[0].UserName, "writer%d", &writer)
		for i, want := range batch(writer, numberOf(calls[0])/batchSize) {
			if d := eventDiff(calls[i], want); len(d) > 0 {
				x.errorf("the events of one call are not together, or not whole: %s differ", strings.Join(d, ", "))
				return
			}
		}
	}
	for writer := range writers {
		user := fmt.Sprintf("writer%d", writer)
		for n, e := range x.story(h, tokenkeep.EventQuery{UserName: user}) {
			if numberOf(e) != n {
				x.errorf("event %d of %s stands at place %d", numberOf(e), user, n)
				return
			}
		}
	}
}

// checkEventsAtOnce: goroutines that add at once, amid saves, lose nothing.
func checkEventsAtOnce(x *trial) {
	h := x.chronicler()
	row := x.save(h, &tokenkeep.Token{UserName: "counter", AccessToken: secret("1000.c")})
	counts := newHistory()
	crowd(x.size.goroutines, func(i int) {
		if err := appendAs(x.ctx, h, i, 0, x.size.rounds); err != nil {
			x.errorf("%v", err)
		}
		if from, to, err := increment(x.ctx, h, row.ID); err != nil {
			x.errorf("%v", err)
		} else {
			counts.won(from, to)
		}
	})
	x.whole(h, x.size.goroutines, x.size.rounds)
	counts.verify(x, row.Version, x.get(h, row.ID).Version, x.size.goroutines)
}

// playRecord adds Count batches.
func playRecord(ctx context.Context, p *player) error {
	return p.withStore(ctx, func(s tokenkeep.TokenStore) error {
		return appendAs(ctx, s.(historian), p.task.Index, 0, p.task.Count)
	})
}

// checkEventsOfProcesses: processes that open a new place and add at once lose
// nothing either.
func checkEventsOfProcesses(x *trial) {
	x.chronicler() // or skip
	dsn := x.dsn()
	x.together(repeat(x.size.processes, task{Role: "record", DSN: dsn, Count: x.size.saves}))
	h, _ := x.historian(dsn)
	x.whole(h, x.size.processes, x.size.saves)
}

// playAppend adds batches without end, from Count on, and says so after each.
func playAppend(ctx context.Context, p *player) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	for n := p.task.Count; ; n++ {
		if err := appendAs(ctx, s.(historian), p.task.Index, n, 1); err != nil {
			return err
		}
		p.say("added %d", n)
	}
}

// checkEventKills: what was added before a SIGKILL is there, whole and in order; of
// the call that was cut off, the first events at most.
func checkEventKills(x *trial) {
	dsn := x.dsn()
	_, closeStore := x.historian(dsn)
	closeStore()
	rnd := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // moments, not secrets
	acknowledged, next := map[int]bool{}, 0
	for range max(1, x.size.kills/4) {
		c := x.spawn(task{Role: "append", DSN: dsn, Count: next})
		c.tell("go")
		x.murderWriter(c, acknowledged, rnd)
		h, closeStore := x.historian(dsn)
		next = x.survived(h, acknowledged)
		closeStore()
	}
}

// murderWriter kills a writer at some moment, and notes which batches it
// acknowledged.
func (x *trial) murderWriter(c *child, acknowledged map[int]bool, rnd *rand.Rand) {
	heed := func(line string) {
		var n int
		if _, err := fmt.Sscanf(line, "added %d", &n); err != nil {
			x.fatalf("a process failed while it added events: %s", c.why(line))
		}
		acknowledged[n] = true
	}
	for range 1 + rnd.IntN(6) {
		heed(c.hear(x.ctx))
	}
	time.Sleep(time.Duration(rnd.IntN(4000)) * time.Microsecond)
	_ = c.cmd.Process.Kill()
	for line := range c.lines {
		heed(line)
	}
	<-c.ended
}

// survived tells when the history lacks what was acknowledged, and returns the
// number of the batch to go on with.
func (x *trial) survived(h tokenkeep.Historian, acknowledged map[int]bool) int {
	left, last := map[int]int{}, -1
	for _, e := range x.story(h, tokenkeep.EventQuery{}) {
		n := numberOf(e)
		if d := eventDiff(e, batch(0, n/batchSize)[n%batchSize]); len(d) > 0 {
			x.errorf("a torn event after a kill: %s differ", strings.Join(d, ", "))
		}
		if n <= last {
			x.errorf("event %d stands after event %d after a kill", n, last)
		}
		last = n
		left[n/batchSize]++
	}
	for n := range acknowledged {
		if left[n] != batchSize {
			x.errorf("%d of %d events are left of a call that had returned before a kill", left[n], batchSize)
			break
		}
	}
	return last/batchSize + 1
}
