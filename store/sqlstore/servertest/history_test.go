package servertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

func named(id string, n int64) tokenkeep.Event {
	return tokenkeep.Event{Kind: tokenkeep.Named, TokenID: id, UserName: "ann", Version: n, Time: time.UnixMilli(1795459190603 + n)}
}

func (p *place) append(t *testing.T, events ...tokenkeep.Event) {
	t.Helper()
	if err := p.AppendEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func (p *place) events(t *testing.T, q tokenkeep.EventQuery) (events []tokenkeep.Event) {
	t.Helper()
	for e, err := range p.Events(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// The table of the history is made with the others, by an upgrade too, and again by
// the first append when it is gone. Until then the history is empty.
func TestHistoryTable(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		for what, p := range map[string]*place{"new": pr.newPlace(t), "upgraded": version1(t, pr).take(t)} {
			p.exec(t, "SELECT seq, at, token_key, user_key, body FROM {events}")
			p.append(t, named("1", 1))
			p.exec(t, "DROP TABLE {events}")
			if n := len(p.events(t, tokenkeep.EventQuery{TokenID: "1"})); n != 0 {
				t.Errorf("%s: %d events without a table", what, n)
			}
			if n, err := p.PruneEvents(t.Context(), time.Now()); n != 0 || err != nil {
				t.Errorf("%s: prune without a table: %d, %v", what, n, err)
			}
			p.append(t, named("1", 2))
			if got := p.events(t, tokenkeep.EventQuery{TokenID: "1"}); len(got) != 1 || got[0].Version != 2 {
				t.Errorf("%s: %v", what, got)
			}
		}
	})
}

// Another program's table of that name, or a damaged row, costs the history and
// nothing else.
func TestHistoryOfAnother(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.bare(t)
		p.exec(t, "CREATE TABLE {events} (a int)")
		p.take(t)
		p.settled(t, p.save(t, fullToken("a")))
		err := p.AppendEvents(t.Context(), []tokenkeep.Event{named("1", 1)})
		if !errors.Is(err, tokenkeep.ErrNoHistory) || !errors.Is(err, tokenkeep.ErrSchema) || !strings.Contains(err.Error(), p.table+"_events") {
			t.Errorf("append to another program's table: %v", err)
		}
		for _, err := range p.Events(t.Context(), tokenkeep.EventQuery{}) {
			if !errors.Is(err, tokenkeep.ErrNoHistory) {
				t.Errorf("events of another program's table: %v", err)
			}
		}
		p.exec(t, "DROP TABLE {events}")
		p.append(t, named("1", 1))
		p.exec(t, "UPDATE {events} SET body = 'broken'")
		for _, err := range p.Events(t.Context(), tokenkeep.EventQuery{}) {
			if !errors.Is(err, tokenkeep.ErrCorrupt) {
				t.Errorf("a damaged event: %v", err)
			}
		}
	})
}

// More events than one statement takes are added and read, and a closed store says
// that it is.
func TestHistoryOfManyEvents(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		var all []tokenkeep.Event
		for n := range int64(2500) {
			all = append(all, named("1", n))
		}
		p.append(t, all...)
		got := p.events(t, tokenkeep.EventQuery{TokenID: "2", UserName: "ann", Since: all[500].Time})
		if len(got) != 2000 || got[0].Version != 500 || got[1999].Version != 2499 {
			t.Errorf("%d events", len(got))
		}
		p.append(t, tokenkeep.Event{Kind: tokenkeep.Deleted, TokenID: "3", Time: time.UnixMicro(1795459190603_600)})
		if got := p.events(t, tokenkeep.EventQuery{TokenID: "3", Since: time.UnixMicro(1795459190603_700)}); len(got) != 0 {
			t.Errorf("events of the same millisecond, and before: %v", got)
		}
		s, err := sqlstore.New(t.Context(), p.raw, p.dialect(), &sqlstore.Options{Table: p.table})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"append": s.AppendEvents(t.Context(), nil),
			"prune":  func() error { _, err := s.PruneEvents(t.Context(), time.Now()); return err }(),
			"events": func() (err error) {
				for _, err = range s.Events(t.Context(), tokenkeep.EventQuery{}) {
				}
				return err
			}(),
		} {
			if !errors.Is(err, tokenkeep.ErrClosed) || errors.Is(err, tokenkeep.ErrNoHistory) {
				t.Errorf("%s on a closed store: %v", what, err)
			}
		}
	})
}
