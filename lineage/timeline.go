package lineage

import (
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// timeLine tells what happened, oldest first. What happened several times in a row
// is one moment, and what says nothing is left out.
func (t *tale) timeLine() []Moment {
	line := []Moment{}
	for _, e := range t.Events {
		if !t.telling(e) {
			continue
		}
		m := t.moment(e)
		if n := len(line); n > 0 && line[n-1].continues(m, t.rotates()) {
			line[n-1].add(m)
			continue
		}
		line = append(line, m)
	}
	if len(t.Events) == 0 && t.Row != nil {
		line = t.lineOfRow()
	}
	return line
}

// telling reports whether an event says something: that a process adopts what
// another one of tokenkeep saved is how it works.
func (t *tale) telling(e tokenkeep.Event) bool {
	switch e.Kind {
	case tokenkeep.Named:
		return false
	case tokenkeep.Deleted:
		return e.TokenID == t.id || e.Login != t.login || t.login == "" // else the login has moved here
	case tokenkeep.Adopted:
		_, foreign := t.stranger(e.Login)
		return foreign && !t.provenBefore(e)
	default:
		return true
	}
}

// provenBefore reports whether an earlier event tells of e's login already.
func (t *tale) provenBefore(e tokenkeep.Event) bool {
	return slices.ContainsFunc(t.Events, func(o tokenkeep.Event) bool {
		return o.Login == e.Login && o.TokenID == e.TokenID && o.Time.Before(e.Time)
	})
}

func (t *tale) moment(e tokenkeep.Event) Moment {
	m := Moment{
		Time: e.Time, Kind: e.Kind, Class: e.Class, What: words(e), Detail: e.Reason,
		Count: 1, Actor: e.Actor, Login: e.Login,
	}
	if e.Kind == tokenkeep.Adopted {
		m.What = "found a login that another program wrote"
	}
	if e.Owner != "" {
		m.Processes = []string{process(e.Owner)}
	}
	return m
}

// continues reports whether next is more of the same. Refreshes of a provider that
// rotates are, though each has another refresh token.
func (m *Moment) continues(next Moment, rotates bool) bool {
	same := m.Login == next.Login || rotates && m.Kind == tokenkeep.Refreshed
	if m.Kind != next.Kind || m.Class != next.Class || !same {
		return false
	}
	switch m.Kind {
	case tokenkeep.Refreshed, tokenkeep.Failed, tokenkeep.Invalidated, tokenkeep.Ended, tokenkeep.HeldBack:
		return true
	default:
		return false
	}
}

func (m *Moment) add(next Moment) {
	m.Last, m.Login = next.Time, next.Login
	m.Count += next.Count
	if m.Actor != next.Actor {
		m.Actor = ""
	}
	for _, p := range next.Processes {
		if !slices.Contains(m.Processes, p) {
			m.Processes = append(m.Processes, p)
		}
	}
}

// words says what an event is.
func words(e tokenkeep.Event) string {
	switch e.Kind {
	case tokenkeep.LoggedIn:
		return "logged in"
	case tokenkeep.Refreshed:
		return "refreshed"
	case tokenkeep.Adopted:
		return "took a newer token from the store"
	case tokenkeep.TakenOver:
		return "took over a refresh that stood still"
	case tokenkeep.Dropped:
		return "dropped a token that came too late"
	case tokenkeep.Failed:
		return failure(e.Class)
	case tokenkeep.Invalidated:
		return "the API refused the access token"
	case tokenkeep.Unsaved:
		return "the store did not take a token"
	case tokenkeep.Rescued:
		return "saved a token from the rescue journal"
	case tokenkeep.Named:
		return "looked up the name"
	case tokenkeep.Revoked:
		return "revoked a login"
	case tokenkeep.Deleted:
		return "deleted the login"
	case tokenkeep.Ended:
		return "ended by the policy"
	case tokenkeep.HeldBack:
		return "held a refresh back: the quota is used up"
	}
	return string(e.Kind)
}

// failure says how a refresh failed.
func failure(c tokenkeep.Class) string {
	switch c {
	case tokenkeep.NeedsLogin:
		return "refresh token refused"
	case tokenkeep.InDoubt:
		return "the answer was lost"
	case tokenkeep.Throttled:
		return "throttled"
	case tokenkeep.Misconfigured:
		return "client refused"
	case tokenkeep.StoreUnavailable:
		return "the store failed"
	case tokenkeep.RetryLater:
	}
	return "a refresh failed"
}

// lineOfRow is what a row alone tells.
func (t *tale) lineOfRow() []Moment {
	var line []Moment
	add := func(at time.Time, kind tokenkeep.EventKind, what, detail string) {
		if !at.IsZero() {
			line = append(line, Moment{Time: at, Kind: kind, What: what, Detail: detail, Count: 1, Login: t.login})
		}
	}
	row := t.Row
	add(row.CreatedAt, tokenkeep.LoggedIn, "stored first", "")
	if row.UsedAt.Sub(row.CreatedAt) > time.Second {
		add(row.UsedAt, tokenkeep.Refreshed, "last refresh or login", "")
	}
	if row.State.Class != "" {
		e := tokenkeep.Event{Kind: tokenkeep.Failed, Class: row.State.Class}
		add(row.State.Since, tokenkeep.Failed, words(e), row.State.Reason)
	}
	if row.Claim.Held() {
		add(row.Claim.Since, tokenkeep.TakenOver, fmt.Sprintf("claimed by %s", process(row.Claim.Owner)), "")
	}
	slices.SortStableFunc(line, func(a, b Moment) int { return a.Time.Compare(b.Time) })
	return line
}
