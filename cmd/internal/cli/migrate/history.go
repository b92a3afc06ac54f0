package migrate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// eventBatch is how many events are added to the target at a time.
const eventBatch = 500

// A person is whom an event tells of, as far as it tells.
type person struct{ user, client, dc string }

// An eventMark stands for an event, whatever id its row has.
type eventMark [16]byte

// A past is the history of the source on its way into the target.
type past struct {
	*migration
	from, to tokenkeep.Historian
	people   map[string]person // by the ids of the source
	ids      map[person]string // of the target; "" for who has no row there
	last     *eventMark        // the last event of the source that the target has
}

// history brings the history along, if both stores keep one. What the target has
// already is found by what it is: events are added in their order, so all up to
// the last one that is there were added before, and a run that was killed goes on
// behind it. What the target then dropped, because it is bounded, does not come back.
//
// Ids differ in the target: an event gets the id of the row that its user has there,
// and none if there is no such row, so that nobody is taken for another.
//
// It keeps 16 bytes for each event of the target in memory, and whom each id of the
// source stands for.
func (m *migration) history(ctx context.Context) error {
	from, ok1 := m.from.(tokenkeep.Historian)
	to, ok2 := m.to.(tokenkeep.Historian)
	if !ok1 || !ok2 {
		return nil
	}
	p := &past{migration: m, from: from, to: to, people: map[string]person{}, ids: map[person]string{}}
	err := p.survey(ctx)
	if err == nil {
		err = p.carry(ctx)
	}
	if errors.Is(err, tokenkeep.ErrNoHistory) {
		return nil
	}
	return err
}

// survey finds out whom the source tells of and where to go on.
func (p *past) survey(ctx context.Context) error {
	there := map[eventMark]bool{}
	for e, err := range p.to.Events(ctx, tokenkeep.EventQuery{}) {
		if err != nil {
			return fmt.Errorf("read the history of the target: %w", err)
		}
		there[markOf(e)] = true
	}
	for e, err := range p.from.Events(ctx, tokenkeep.EventQuery{}) {
		if err != nil {
			return fmt.Errorf("read the history of the source: %w", err)
		}
		p.meet(e)
		if mark := markOf(e); there[mark] {
			p.last = &mark
		}
	}
	return nil
}

// meet takes note of whom an event tells of: a login has its name some time after it
// was made.
func (p *past) meet(e tokenkeep.Event) {
	if e.TokenID == "" {
		return
	}
	known := p.people[e.TokenID]
	p.people[e.TokenID] = person{
		user: cmp.Or(e.UserName, known.user), client: cmp.Or(e.ClientID, known.client), dc: cmp.Or(e.DataCentre, known.dc),
	}
}

// carry adds what follows the last event that the target has.
func (p *past) carry(ctx context.Context) error {
	var batch []tokenkeep.Event
	for e, err := range p.from.Events(ctx, tokenkeep.EventQuery{}) {
		if err != nil {
			return fmt.Errorf("read the history of the source: %w", err)
		}
		if p.last != nil {
			if markOf(e) == *p.last {
				p.last = nil
			}
			continue
		}
		if e, err = p.translated(ctx, e); err != nil {
			return err
		}
		if batch = append(batch, e); len(batch) == eventBatch {
			if err := p.add(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return p.add(ctx, batch)
}

// add appends events to the history of the target.
func (p *past) add(ctx context.Context, batch []tokenkeep.Event) error {
	if !p.opt.DryRun && len(batch) > 0 {
		if err := p.to.AppendEvents(ctx, batch); err != nil {
			return fmt.Errorf("add to the history of the target: %w", err)
		}
	}
	p.res.Events += len(batch)
	return nil
}

// translated returns e as the target tells it.
func (p *past) translated(ctx context.Context, e tokenkeep.Event) (tokenkeep.Event, error) {
	if e.TokenID == "" {
		return e, nil
	}
	who := p.people[e.TokenID]
	e.UserName = cmp.Or(e.UserName, who.user)
	who.user = e.UserName
	id, err := p.idOf(ctx, who)
	e.TokenID = id
	return e, err
}

// idOf returns the id of somebody's row in the target, "" if there is no such row, or
// more than one.
func (p *past) idOf(ctx context.Context, who person) (string, error) {
	if who.user == "" {
		return "", nil
	}
	if id, known := p.ids[who]; known {
		return id, nil
	}
	row, err := p.migration.to.FindToken(ctx, &tokenkeep.Token{UserName: who.user, ClientID: who.client, DataCentre: who.dc})
	switch {
	case err == nil:
		p.ids[who] = row.ID
	case errors.Is(err, tokenkeep.ErrNotFound), errors.Is(err, tokenkeep.ErrAmbiguous):
		p.ids[who] = ""
	default:
		return "", err
	}
	return p.ids[who], nil
}

// markOf returns the mark of an event: of all that a store keeps of it, but the id
// and the name, which are those of the target there.
func markOf(e tokenkeep.Event) eventMark {
	e.TokenID, e.UserName = "", ""
	e.Time, e.Expiry = e.Time.UTC().Truncate(time.Millisecond), e.Expiry.UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(e)
	if err != nil {
		text = fmt.Appendf(nil, "%+v", e) // a time that JSON cannot hold
	}
	sum := sha256.Sum256(text)
	return eventMark(sum[:16])
}
