package redisstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// event returns the nth event of a history, at its own second.
func event(n int) tokenkeep.Event {
	return tokenkeep.Event{
		Kind: tokenkeep.Refreshed, TokenID: "1000000000", UserName: "ann", Version: int64(n) + 1,
		Time: time.Unix(1767225600+int64(n), 0).UTC(), Reason: "two\nlines",
	}
}

func appendEvents(tb testing.TB, s tokenkeep.Historian, from, to int) {
	tb.Helper()
	var events []tokenkeep.Event
	for n := from; n < to; n++ {
		events = append(events, event(n))
	}
	if err := s.AppendEvents(tb.Context(), events); err != nil {
		tb.Fatal(err)
	}
}

// numbers returns which events the history has.
func numbers(tb testing.TB, s tokenkeep.Historian) (all []int) {
	tb.Helper()
	for e, err := range s.Events(tb.Context(), tokenkeep.EventQuery{}) {
		if err != nil {
			tb.Fatal(err)
		}
		n := int(e.Version) - 1
		if e != event(n) {
			tb.Errorf("event %d came back as %+v", n, e)
		}
		all = append(all, n)
	}
	return all
}

func wantNumbers(tb testing.TB, s tokenkeep.Historian, want ...int) {
	tb.Helper()
	if got := numbers(tb, s); fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("events %v, want %v", got, want)
	}
}

// The history does not grow without bound: what goes is the oldest.
func TestHistoryIsBounded(t *testing.T) {
	p := newPlace(t)
	s := redisstore.New(p.client, &redisstore.Options{Prefix: p.prefix, HistoryLength: 5})
	for n := range 12 {
		appendEvents(t, s, n, n+1)
	}
	wantNumbers(t, s, 7, 8, 9, 10, 11)
	appendEvents(t, s, 12, 20)
	wantNumbers(t, s, 15, 16, 17, 18, 19)
	for _, s := range []*redisstore.Store{s, p.Store} { // a longer bound brings nothing back
		appendEvents(t, s, 20, 21)
	}
	wantNumbers(t, s, 16, 17, 18, 19, 20, 20)
}

// Pages follow each other without a gap, whatever is removed between them.
func TestHistoryInPages(t *testing.T) {
	p := newPlace(t)
	const all = 1500
	appendEvents(t, p, 0, all)
	seen := 0
	for e, err := range p.Events(t.Context(), tokenkeep.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if int(e.Version) != seen+1 {
			t.Fatalf("event %d at place %d", e.Version-1, seen)
		}
		if seen == 0 {
			if n, err := p.PruneEvents(t.Context(), event(512).Time); err != nil || n != 512 {
				t.Fatalf("pruned %d, %v", n, err)
			}
		}
		seen++
	}
	if left := len(numbers(t, p)); seen != all || left != all-512 {
		t.Errorf("%d events seen, %d left", seen, left)
	}
	if n, err := p.PruneEvents(t.Context(), event(all).Time); err != nil || n != all-512 {
		t.Errorf("pruned %d, %v", n, err)
	}
	appendEvents(t, p, 0, 2)
	wantNumbers(t, p, 0, 1)
}

// Without the counter, which was evicted, events come after those that are there.
func TestHistoryWithoutItsCounter(t *testing.T) {
	p := newPlace(t)
	appendEvents(t, p, 0, 3)
	for _, lost := range []func() error{
		func() error { return p.client.Del(t.Context(), p.meta).Err() },
		func() error { return p.client.HSet(t.Context(), p.meta, "events", "x").Err() },
		func() error { return p.client.HSet(t.Context(), p.meta, "events", "1").Err() },
	} {
		if err := lost(); err != nil {
			t.Fatal(err)
		}
		n := len(numbers(t, p))
		appendEvents(t, p, n, n+1)
	}
	wantNumbers(t, p, 0, 1, 2, 3, 4, 5)
}

// What somebody spoiled is passed over; another type or schema is left alone. Tokens
// work beside it.
func TestDamagedHistory(t *testing.T) {
	p := newPlace(t)
	save(t, p, login("ann"))
	appendEvents(t, p, 0, 1)
	for i, member := range []string{"", "x", "2 {", "2 {}", "2", `2 {"time":"2199-01-01T00:00:00Z"}`} {
		if err := p.client.ZAdd(t.Context(), p.history, redis.Z{Score: 2 + float64(i)/8, Member: member}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	appendEvents(t, p, 1, 2)
	wantNumbers(t, p, 0, 1)
	if n, err := p.PruneEvents(t.Context(), event(1).Time); n != 1 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	wantNumbers(t, p, 1)
	if n := p.client.ZCard(t.Context(), p.history).Val(); n != 1 {
		t.Errorf("%d members are left", n)
	}
	refusesEvents(t, p, "a newer schema", tokenkeep.ErrSchema, func() error { return p.client.HSet(t.Context(), p.meta, "schema", "2").Err() })
	if err := p.client.HSet(t.Context(), p.meta, "schema", "1").Err(); err != nil {
		t.Fatal(err)
	}
	refusesEvents(t, p, "a foreign key", tokenkeep.ErrCorrupt, func() error { return p.client.Set(t.Context(), p.history, "theirs", 0).Err() })
	for _, err := range p.Events(t.Context(), tokenkeep.EventQuery{}) {
		if !errors.Is(err, tokenkeep.ErrCorrupt) {
			t.Errorf("read of a foreign key: %v", err)
		}
	}
	save(t, p, login("bob"))
}

// refusesEvents tells when events are added after spoil.
func refusesEvents(t *testing.T, p *place, what string, target error, spoil func() error) {
	t.Helper()
	if err := spoil(); err != nil {
		t.Fatal(err)
	}
	p.unchanged(t, what, func() {
		if err := p.AppendEvents(t.Context(), []tokenkeep.Event{event(5)}); !errors.Is(err, target) {
			t.Errorf("append with %s: %v", what, err)
		}
	})
}

// The history outlives all rows, and its own end is no end of ids.
func TestHistoryOutlivesRows(t *testing.T) {
	p := newPlace(t)
	appendEvents(t, p, 0, 1) // before there is a row
	ann := save(t, p, login("ann"))
	if err := p.DeleteTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, p, 0)
	if err := p.client.Del(t.Context(), p.history).Err(); err != nil {
		t.Fatal(err)
	}
	if again := save(t, p, login("ann")); again.ID == ann.ID {
		t.Errorf("id %s was given again", again.ID)
	}
}

func TestNoHistory(t *testing.T) {
	p := newPlace(t)
	appendEvents(t, p, 0, 1)
	s := redisstore.New(p.client, &redisstore.Options{Prefix: p.prefix, HistoryLength: -1})
	p.unchanged(t, "a store without a history", func() {
		_, prune := s.PruneEvents(t.Context(), event(9).Time)
		var read error
		for _, err := range s.Events(t.Context(), tokenkeep.EventQuery{}) {
			read = err
		}
		for what, err := range map[string]error{"append": s.AppendEvents(t.Context(), []tokenkeep.Event{event(1)}), "prune": prune, "read": read} {
			if !errors.Is(err, tokenkeep.ErrNoHistory) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Rows of a tokenkeep that knew neither logins, candidates nor a history are read as
// they were, and get them.
func TestKeysOfAnEarlierTokenkeep(t *testing.T) {
	p := newPlace(t)
	var keys struct {
		Rows, Meta map[string]string
		Index      []string
	}
	text, err := os.ReadFile("testdata/earlier_tokenkeep.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	err = errors.Join(p.client.HSet(ctx, p.rows, keys.Rows).Err(), p.client.HSet(ctx, p.meta, keys.Meta).Err())
	for _, member := range keys.Index {
		err = errors.Join(err, p.client.ZAdd(ctx, p.index, redis.Z{Member: member}).Err())
	}
	if err != nil {
		t.Fatal(err)
	}
	ann, err := p.FindToken(ctx, &tokenkeep.Token{ClientID: "1000.CLIENT", RefreshToken: tokenkeep.NewSecret("1000.refresh.ann")})
	if err != nil {
		t.Fatal(err)
	}
	if ann.Version != 2 || ann.Claim.Owner != "host/4711/1" || ann.State.Failures != 2 || len(ann.Mints) != 2 || ann.Logins != nil || ann.Candidates != nil {
		t.Errorf("read %+v", ann)
	}
	ann.Logins, ann.Candidates = []time.Time{time.UnixMilli(1)}, []tokenkeep.Secret{tokenkeep.NewSecret("1000.next")}
	save(t, p, ann)
	got, err := p.FindTokenByID(ctx, ann.ID)
	if err != nil || got.Version != 3 || len(got.Logins) != 1 || len(got.Candidates) != 1 || !got.Candidates[0].Equal(ann.Candidates[0]) {
		t.Errorf("after a save: %+v, %v", got, err)
	}
	if eve := save(t, p, login("eve")); eve.ID != "1000000003" {
		t.Errorf("id %s after 1000000002 was deleted", eve.ID)
	}
	appendEvents(t, p, 0, 1)
	wantNumbers(t, p, 0)
	for _, member := range p.client.ZRange(ctx, p.index, 0, -1).Val() {
		if strings.Contains(member, "1000.next") {
			t.Error("a candidate is in the index")
		}
	}
}

// With appendfsync always, a crash of the server takes no event.
func TestHistoryOutlivesTheServer(t *testing.T) {
	server := durableServer(t)
	p := placeAt(t, server.url())
	for n := range 3 {
		appendEvents(t, p, 2*n, 2*n+2)
		server.kill()
		server.start()
	}
	wantNumbers(t, p, 0, 1, 2, 3, 4, 5)
}
