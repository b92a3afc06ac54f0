package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// checkEventOrder: events come back in the order in which they were added, whatever
// their times say, and in great numbers; a loop may stop early.
func checkEventOrder(x *trial) {
	h := x.chronicler()
	var want []tokenkeep.Event
	for batch := range 7 {
		var events []tokenkeep.Event
		for i := range x.size.rows / 7 {
			e := event("1000000000", "ann", batch*1000+i)
			if i%3 == 0 {
				e.Time = e.Time.Add(-time.Hour) // another process's clock
			}
			events = append(events, e)
		}
		x.append(h, events...)
		want = append(want, events...)
	}
	x.tells(h, tokenkeep.EventQuery{}, want, "events of mixed times")
	for e, err := range h.Events(x.ctx, tokenkeep.EventQuery{}) {
		x.must(err, "events")
		if d := eventDiff(e, want[0]); len(d) > 0 {
			x.errorf("the first of many events is another one")
		}
		break
	}
}

// checkEventQueries: an id, a user, either of both, or neither.
func checkEventQueries(x *trial) {
	h := x.chronicler()
	if n := len(x.story(h, tokenkeep.EventQuery{})); n != 0 {
		x.errorf("a new store has %d events", n)
	}
	all := []tokenkeep.Event{
		event("1000000000", "ann", 0), event("1000000001", "bob", 1), event("1000000000", "", 2),
		event("1000000002", "ann", 3), event("", "ann", 4), event("", "", 5), event("1000000001", "Ann", 6), event("1000000003", "ann ", 7),
	}
	x.append(h, all...)
	for _, q := range []tokenkeep.EventQuery{
		{},
		{TokenID: "1000000000"},
		{UserName: "ann"},
		{TokenID: "1000000001", UserName: "ann"},
		{TokenID: "1000000000", UserName: "nobody"},
		{TokenID: "9", UserName: "nobody"},
		{UserName: "an%"},
	} {
		x.tells(h, q, sift(all, q), fmt.Sprintf("the query id %q, user %q", q.TokenID, q.UserName))
	}
}

// checkEventsSince: what is older is left out, to the millisecond, with every query.
func checkEventsSince(x *trial) {
	h := x.chronicler()
	var all []tokenkeep.Event
	for n := range 6 {
		all = append(all, event(fmt.Sprintf("100000000%d", n%2), "ann", n))
	}
	x.append(h, all...)
	for n := range 7 {
		since := occurred.Add(time.Duration(n) * time.Millisecond)
		for _, q := range []tokenkeep.EventQuery{
			{Since: since},
			{Since: since, TokenID: "1000000001"},
			{Since: since, UserName: "ann"},
			{Since: since, TokenID: "1000000001", UserName: "bob"},
		} {
			x.tells(h, q, sift(all, q), fmt.Sprintf("since event %d, id %q, user %q", n, q.TokenID, q.UserName))
		}
	}
}

// checkEventsOutlive: what happened to rows that are gone is still told, and a new
// row does not inherit it.
func checkEventsOutlive(x *trial) {
	h := x.chronicler()
	ann, bob := x.save(h, full("ann")), x.save(h, full("bob"))
	all := []tokenkeep.Event{event(ann.ID, "ann", 0), event(bob.ID, "bob", 1), event(ann.ID, "ann", 2)}
	x.append(h, all...)
	x.must(h.DeleteToken(x.ctx, ann.ID), "delete")
	x.tells(h, tokenkeep.EventQuery{TokenID: ann.ID}, []tokenkeep.Event{all[0], all[2]}, "after the row was deleted")
	x.must(h.DeleteTokens(x.ctx), "delete all")
	x.tells(h, tokenkeep.EventQuery{}, all, "after all rows were deleted")
	again := x.save(h, full("ann"))
	if n := len(x.story(h, tokenkeep.EventQuery{TokenID: again.ID})); n != 0 {
		x.errorf("a new row has %d events of another one", n)
	}
	x.tells(h, tokenkeep.EventQuery{UserName: "ann"}, []tokenkeep.Event{all[0], all[2]}, "the user's events, after a new login")
}

// checkPrune: what is older goes, is counted, and the rest stays in order.
func checkPrune(x *trial) {
	h := x.chronicler()
	row := x.save(h, full("ann"))
	var all []tokenkeep.Event
	for n := range 10 {
		all = append(all, event(row.ID, "ann", n))
	}
	x.append(h, all...)
	for _, step := range []struct{ before, gone int }{{0, 0}, {4, 4}, {4, 0}, {9, 5}, {11, 1}, {12, 0}} {
		n, err := h.PruneEvents(x.ctx, occurred.Add(time.Duration(step.before)*time.Millisecond))
		x.must(err, "prune")
		if n != step.gone {
			x.errorf("prune up to event %d says that it removed %d, want %d", step.before, n, step.gone)
		}
		x.tells(h, tokenkeep.EventQuery{}, all[min(step.before, len(all)):], fmt.Sprintf("after prune up to event %d", step.before))
	}
	x.append(h, all[3])
	x.tells(h, tokenkeep.EventQuery{TokenID: row.ID}, all[3:4], "an append after the history was emptied")
	x.unchanged(h, row, "after the history was pruned")
}

// checkEventContext: nothing begins when its context has ended.
func checkEventContext(x *trial) {
	h := x.chronicler()
	x.append(h, event("1000000000", "ann", 0))
	ctx, cancel := context.WithCancel(x.ctx)
	cancel()
	x.want(h.AppendEvents(ctx, []tokenkeep.Event{event("1000000000", "ann", 1)}), context.Canceled, "append with a cancelled context")
	_, err := collectEvents(h.Events(ctx, tokenkeep.EventQuery{}))
	x.want(err, context.Canceled, "events with a cancelled context")
	_, err = h.PruneEvents(ctx, occurred.Add(time.Hour))
	x.want(err, context.Canceled, "prune with a cancelled context")
	if n := len(x.story(h, tokenkeep.EventQuery{})); n != 1 {
		x.errorf("%d events after operations whose context was cancelled, want 1", n)
	}
}

// checkEventsReadInside: the loop over a history may use the store.
func checkEventsReadInside(x *trial) {
	h := x.chronicler()
	row := x.save(h, full("ann"))
	x.append(h, event(row.ID, "ann", 0), event(row.ID, "ann", 1), event(row.ID, "ann", 2))
	seen := 0
	for e, err := range h.Events(x.ctx, tokenkeep.EventQuery{TokenID: row.ID}) {
		x.must(err, "events")
		if e.Version > event("", "", 2).Version {
			continue // one that was added since
		}
		seen++
		x.append(h, event(row.ID, "ann", 100+seen))
		x.save(h, x.get(h, row.ID))
	}
	if n := len(x.story(h, tokenkeep.EventQuery{})); seen != 3 || n != 6 {
		x.errorf("a loop over 3 events that adds one each saw %d, and left %d of 6", seen, n)
	}
}

// checkEventsAlone: the history counts no version and is no token.
func checkEventsAlone(x *trial) {
	h := x.chronicler()
	row := x.save(h, full("ann"))
	for n := range 5 {
		x.append(h, event(row.ID, "ann", n), event("1000000099", "eve", n))
	}
	x.unchanged(h, row, "after events were added")
	if n := len(x.all(h)); n != 1 {
		x.errorf("%d rows after events were added, want 1", n)
	}
	x.misses(h, &tokenkeep.Token{UserName: "eve"}, tokenkeep.ErrNotFound, "a user of whom there are only events")
	x.save(h, row)
	if again := x.save(h, full("bob")); again.ID == row.ID {
		x.errorf("two rows share an id after events were added")
	}
}
