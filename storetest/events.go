package storetest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func eventChecks() []check {
	checks := []check{
		{name: "history/round-trip", level: Basic, run: checkEventFields},
		{name: "history/order", level: Basic, run: checkEventOrder},
		{name: "history/queries", level: Basic, run: checkEventQueries},
		{name: "history/since", level: Basic, run: checkEventsSince},
		{name: "history/outlives-rows", level: Basic, run: checkEventsOutlive},
		{name: "history/prune", level: Basic, run: checkPrune},
		{name: "history/context", level: Basic, run: checkEventContext},
		{name: "history/read-amid-writes", level: Basic, run: checkEventsReadInside},
		{name: "history/leaves-tokens-alone", level: Basic, run: checkEventsAlone},
		{name: "history/concurrent", level: Versioned, run: checkEventsAtOnce},
		{name: "history/processes", level: Versioned, shared: true, run: checkEventsOfProcesses},
		{name: "history/kill-amid-appends", level: Durable, shared: true, run: checkEventKills},
	}
	for i := range checks {
		checks[i].events = true
	}
	return checks
}

// A historian is a store that keeps a history.
type historian interface {
	tokenkeep.TokenStore
	tokenkeep.Historian
}

// historian opens dsn, and skips the check when the store keeps no history.
func (x *trial) historian(dsn string) (historian, func()) {
	s, closeStore := x.open(dsn)
	h, ok := s.(historian)
	if !ok {
		x.skip("the store keeps no history: it is no tokenkeep.Historian")
	}
	err := h.AppendEvents(x.ctx, nil)
	if errors.Is(err, tokenkeep.ErrNoHistory) {
		x.skip("the store keeps no history: " + err.Error())
	}
	x.must(err, "append of no events")
	return h, closeStore
}

// chronicler returns a store with an empty history.
func (x *trial) chronicler() historian {
	h, _ := x.historian(x.dsn())
	return h
}

func (x *trial) append(h tokenkeep.Historian, events ...tokenkeep.Event) {
	x.must(h.AppendEvents(x.ctx, events), "append")
}

// story reads the events that q selects.
func (x *trial) story(h tokenkeep.Historian, q tokenkeep.EventQuery) []tokenkeep.Event {
	events, err := collectEvents(h.Events(x.ctx, q))
	x.must(err, "events")
	return events
}

func collectEvents(seq iter.Seq2[tokenkeep.Event, error]) ([]tokenkeep.Event, error) {
	var events []tokenkeep.Event
	for e, err := range seq {
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

// tells tells when the events that q selects are not those of want, in their order.
func (x *trial) tells(h tokenkeep.Historian, q tokenkeep.EventQuery, want []tokenkeep.Event, what string) {
	got := x.story(h, q)
	if len(got) != len(want) {
		x.errorf("%s: %d events, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if d := eventDiff(got[i], want[i]); len(d) > 0 {
			x.errorf("%s: event %d of %d: %s differ", what, i+1, len(got), strings.Join(d, ", "))
		}
	}
}

// eventDiff names the fields in which two events differ. Times are compared to the
// millisecond.
func eventDiff(a, b tokenkeep.Event) []string {
	var names []string
	for _, f := range []struct {
		same bool
		name string
	}{
		{a.Kind == b.Kind, "Kind"},
		{a.TokenID == b.TokenID, "TokenID"},
		{a.UserName == b.UserName, "UserName"},
		{a.ClientID == b.ClientID, "ClientID"},
		{a.DataCentre == b.DataCentre, "DataCentre"},
		{a.Version == b.Version, "Version"},
		{a.Login == b.Login, "Login"},
		{sameTime(a.Time, b.Time), "Time"},
		{a.Owner == b.Owner, "Owner"},
		{a.Actor == b.Actor, "Actor"},
		{a.Class == b.Class, "Class"},
		{a.Journaled == b.Journaled, "Journaled"},
		{a.Reason == b.Reason, "Reason"},
		{sameTime(a.Expiry, b.Expiry), "Expiry"},
	} {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}

// occurred is when the events of these checks begin.
var occurred = time.Date(2041, time.March, 4, 5, 6, 7, 8_000_000, time.UTC)

// event returns event n of a row and its user, with every field set.
func event(id, user string, n int) tokenkeep.Event {
	return tokenkeep.Event{
		Kind: tokenkeep.Unsaved, TokenID: id, UserName: user, ClientID: testClient, DataCentre: "eu",
		Version: int64(n) + 1<<40, Login: "0123456789ab", Time: occurred.Add(time.Duration(n) * time.Millisecond),
		Owner: "host:4711:ABCDEFGH:123456", Actor: "ops@example.com on host7", Class: tokenkeep.StoreUnavailable,
		Journaled: n%2 == 0, Reason: fmt.Sprintf("reason %d", n), Expiry: occurred.Add(time.Hour + time.Millisecond),
	}
}

// checkEventFields: every field comes back, whatever it holds, and so does none.
func checkEventFields(x *trial) {
	h := x.chronicler()
	bare := tokenkeep.Event{Kind: tokenkeep.Deleted, Time: occurred}
	want := []tokenkeep.Event{event("1000000000", "ann", 0), bare, event("1000000000", "ann", 1)}
	values := slices.Concat(awkward(), []string{strings.Repeat("0123456789abcdeF", 256), strings.Repeat("👩‍🚀ü", 400), "two\nlines\r\n"})
	for i, v := range values {
		e := event("1000000000", v, 2+i)
		e.Reason, e.Actor, e.Owner, e.ClientID, e.DataCentre = v, v, v, v, v
		want = append(want, e)
	}
	for _, at := range []time.Time{time.UnixMilli(1), time.Now(), occurred.In(time.FixedZone("east", 19800))} {
		e := event("1000000000", "ann", 0)
		e.Time, e.Expiry = at, at
		want = append(want, e)
	}
	for _, e := range want {
		x.append(h, e)
	}
	x.tells(h, tokenkeep.EventQuery{}, want, "all events")
	for _, v := range values {
		x.tells(h, tokenkeep.EventQuery{UserName: v}, sift(want, tokenkeep.EventQuery{UserName: v}), "the events of the user "+quote(v[:min(len(v), 40)]))
	}
}

// sift returns those of events that q selects.
func sift(events []tokenkeep.Event, q tokenkeep.EventQuery) []tokenkeep.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e tokenkeep.Event) bool { return !q.Fits(e) })
}
