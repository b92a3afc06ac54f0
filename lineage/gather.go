package lineage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A Query says whose story is asked for, and what may be read for it.
type Query struct {
	// Row is the login, if it is stored.
	Row *tokenkeep.Token
	// User is the name, the e-mail address or the id of a login that is not. Default:
	// Row's name, or its id.
	User string
	// Limits are those of the provider; see [tokenkeep.Provider].
	Limits tokenkeep.Limits
	// Policy is that of the programs that use the store. Default: none is known.
	Policy tokenkeep.Policy
	// Provider is what to call it in sentences. Default: "the provider".
	Provider string
	// Now is the time of the question. Default: time.Now().
	Now time.Time
	// MaxRows and MaxEvents bound what is read of other logins. Default: 10,000 rows
	// and 50,000 events.
	MaxRows, MaxEvents int
}

func (q Query) withDefaults() Query {
	if q.Row != nil {
		q.User = cmp.Or(q.Row.UserName, q.User, q.Row.ID)
	}
	if q.Now.IsZero() {
		q.Now = time.Now()
	}
	q.MaxRows = cmp.Or(q.MaxRows, 10_000)
	q.MaxEvents = cmp.Or(q.MaxEvents, 50_000)
	return q
}

// Gather reads what the story of a login can be told from. A login that is neither
// stored nor in the history is an error that wraps [tokenkeep.ErrNotFound]; a store
// without a history is none.
func Gather(ctx context.Context, s tokenkeep.TokenStore, q Query) (*Facts, error) {
	g := &gatherer{store: s, Query: q.withDefaults()}
	g.facts = &Facts{
		User: g.User, Row: q.Row, Limits: q.Limits, Policy: q.Policy, Provider: q.Provider, Now: g.Now,
	}
	g.history, _ = s.(tokenkeep.Historian)
	for _, step := range []func(context.Context) error{g.begins, g.own, g.moved, g.absent, g.around, g.rows} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("lineage: %w", err)
		}
	}
	g.facts.Neighbours = g.known.list()
	return g.facts, nil
}

// A gatherer is one run of Gather.
type gatherer struct {
	Query
	store   tokenkeep.TokenStore
	history tokenkeep.Historian // nil: the store has none
	facts   *Facts
	known   neighbourhood
}

// begins finds out whether there is a history, and since when.
func (g *gatherer) begins(ctx context.Context) error {
	if g.history == nil {
		return nil
	}
	for e, err := range g.history.Events(ctx, tokenkeep.EventQuery{}) {
		if errors.Is(err, tokenkeep.ErrNoHistory) {
			g.history = nil
			return nil
		}
		if err != nil {
			return err
		}
		g.facts.Begins = e.Time
		break
	}
	g.facts.Recorded = true
	return nil
}

// own reads the login's own events.
func (g *gatherer) own(ctx context.Context) error {
	if g.history == nil {
		return nil
	}
	q := tokenkeep.EventQuery{UserName: g.User}
	if g.Row != nil {
		q.TokenID, q.UserName = g.Row.ID, g.Row.UserName
	}
	return g.read(ctx, q)
}

// moved reads how the present login began, if it had a row of its own until its name
// was known.
func (g *gatherer) moved(ctx context.Context) error {
	t := newTale(g.facts)
	named, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Named && e.Login == t.login })
	if !ok || g.Row == nil || t.count(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.LoggedIn && e.Login == t.login }) > 0 {
		return nil
	}
	for e, err := range g.history.Events(ctx, tokenkeep.EventQuery{Since: named.Time.Add(-slack)}) {
		if err != nil {
			return err
		}
		if e.Time.After(named.Time.Add(slack)) {
			break
		}
		if e.TokenID != t.id && e.Login == t.login {
			g.add(e)
		}
	}
	return nil
}

// add puts an event of another row among those of the login.
func (g *gatherer) add(e tokenkeep.Event) {
	if !slices.Contains(g.facts.Events, e) {
		g.facts.Events = append(g.facts.Events, e)
		slices.SortStableFunc(g.facts.Events, func(a, b tokenkeep.Event) int { return a.Time.Compare(b.Time) })
	}
}

// read takes the events of q, those of other client apps as a neighbour's.
func (g *gatherer) read(ctx context.Context, q tokenkeep.EventQuery) error {
	g.facts.Events = nil
	for e, err := range g.history.Events(ctx, q) {
		if err != nil {
			return err
		}
		if g.isOwn(e) {
			g.facts.Events = append(g.facts.Events, e)
		}
		if len(g.facts.Events) > 2*g.MaxEvents {
			g.facts.Events, g.facts.Bounded = slices.Clone(g.facts.Events[g.MaxEvents:]), true
		}
	}
	return nil
}

// isOwn reports whether e tells of the login itself or of one that it followed.
func (g *gatherer) isOwn(e tokenkeep.Event) bool {
	if g.Row == nil || e.TokenID == g.Row.ID {
		return true
	}
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return same(e.ClientID, g.Row.ClientID) && same(e.DataCentre, g.Row.DataCentre)
}

// absent looks for a login that is not stored: by its id, or by the e-mail address
// of its name.
func (g *gatherer) absent(ctx context.Context) error {
	if g.Row != nil {
		return nil
	}
	if g.history != nil && len(g.facts.Events) == 0 {
		if err := g.read(ctx, tokenkeep.EventQuery{TokenID: g.User}); err != nil {
			return err
		}
	}
	if g.history != nil && len(g.facts.Events) == 0 {
		if err := g.byEmail(ctx); err != nil {
			return err
		}
	}
	if len(g.facts.Events) == 0 {
		return fmt.Errorf("%w: neither the store nor its history knows %s", tokenkeep.ErrNotFound, g.User)
	}
	return g.whole(ctx)
}

// byEmail finds the last user whose name begins with the address.
func (g *gatherer) byEmail(ctx context.Context) error {
	name, n := "", 0
	for e, err := range g.history.Events(ctx, tokenkeep.EventQuery{}) {
		if err != nil {
			return err
		}
		if SameUser(e.UserName, g.User) {
			name = e.UserName
		}
		if n++; n >= g.MaxEvents {
			g.facts.Bounded = true
			break
		}
	}
	if name == "" {
		return nil
	}
	return g.read(ctx, tokenkeep.EventQuery{UserName: name})
}

// whole reads the events again by name and id: some tell only one of them. Of several
// logins of that name, the one is meant that something happened to last.
func (g *gatherer) whole(ctx context.Context) error {
	var q tokenkeep.EventQuery
	client := ""
	for _, e := range slices.Backward(g.facts.Events) {
		q.TokenID, q.UserName = cmp.Or(q.TokenID, e.TokenID), cmp.Or(q.UserName, e.UserName)
		client = cmp.Or(client, e.ClientID)
	}
	g.facts.User = cmp.Or(q.UserName, g.User)
	if err := g.read(ctx, q); err != nil {
		return err
	}
	g.facts.Events = slices.DeleteFunc(g.facts.Events, func(e tokenkeep.Event) bool {
		return e.TokenID != q.TokenID && e.ClientID != "" && client != "" && e.ClientID != client
	})
	return nil
}

// around reads what happened to other logins since this one was last seen to work.
func (g *gatherer) around(ctx context.Context) error {
	t := newTale(g.facts)
	since, found := t.window()
	if !found {
		return nil
	}
	if g.history == nil {
		return nil
	}
	g.known.start(since, !g.facts.Begins.IsZero() && !g.facts.Begins.After(since), t.rotates())
	n := 0
	for e, err := range g.history.Events(ctx, tokenkeep.EventQuery{Since: since}) {
		if err != nil {
			return err
		}
		if n++; n > g.MaxEvents {
			g.facts.Bounded, g.known.complete = true, false // there may be logins that were not read
			break
		}
		g.other(t, e)
	}
	return nil
}

// other takes an event that is not the login's own.
func (g *gatherer) other(t *tale, e tokenkeep.Event) {
	switch {
	case e.TokenID == t.id:
	case e.Login != "" && e.Login == t.login:
		// The same refresh token under another id: what happened to it happened here.
		g.add(e)
	case e.TokenID != "" && (SameUser(e.UserName, g.facts.User) || e.ClientID != "" && e.ClientID == t.client):
		g.known.tell(e)
	}
}

// beforehand is how long before a login was last seen to work the others are of
// interest: those that are in use are seen to work within the life of an access token.
const beforehand = 2 * time.Hour

// window returns the time from which other logins are of interest: a while before the
// login that died, now or last, was last seen to work.
func (t *tale) window() (since time.Time, ok bool) {
	if t.Row != nil && (t.Row.State.Class == tokenkeep.NeedsLogin || t.Row.State.Class == tokenkeep.Misconfigured) {
		d := t.deathOfRow()
		return cmp.Or(d.Worked, d.Found).Add(-beforehand), true
	}
	if e, found := t.last(kills); found {
		worked := t.worked(e.Login, e.Time)
		return cmp.Or(worked, e.Time).Add(-beforehand), true
	}
	return time.Time{}, false
}

// rows looks at the other rows, when some may matter.
func (g *gatherer) rows(ctx context.Context) error {
	t := newTale(g.facts)
	if _, matters := t.window(); !matters {
		return nil
	}
	n := 0
	for row, err := range g.store.GetTokens(ctx) {
		if err != nil {
			return err
		}
		if n++; n > g.MaxRows {
			g.facts.Bounded = true
			break
		}
		if row.ID != t.id && (SameUser(row.UserName, g.facts.User) || row.ClientID != "" && row.ClientID == t.client) {
			g.known.see(row)
		}
	}
	return nil
}
