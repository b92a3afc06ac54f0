package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// Explain tells the story of a login from facts. It asks nobody.
func Explain(f *Facts) *Story {
	t := newTale(f)
	s := &Story{
		User: f.User, TokenID: t.id, ClientID: t.client, DataCentre: t.dc, Login: t.login,
		Excluded: []Exclusion{}, Next: []string{}, Notes: []string{},
	}
	t.standing(s)
	t.reasons(s)
	s.TimeLine = t.timeLine()
	t.notes(s)
	for i := range s.Verdicts {
		v := &s.Verdicts[i]
		v.Evidence = slices.DeleteFunc(append([]string{}, v.Evidence...), func(e string) bool { return e == "" })
	}
	slices.SortStableFunc(s.Verdicts, func(a, b Verdict) int {
		return cmp.Compare(b.Certainty.weight(), a.Certainty.weight())
	})
	return s
}

// A tale is the facts while they are thought about.
type tale struct {
	*Facts
	id, client, dc string
	login          string // the mark of the login in the row
	from           string // the provider's name
}

func newTale(f *Facts) *tale {
	t := &tale{Facts: f, from: cmp.Or(f.Provider, "the provider")}
	if f.Row != nil {
		t.id, t.client, t.dc = f.Row.ID, f.Row.ClientID, f.Row.DataCentre
		t.login = tokenkeep.LoginMark(f.Row.RefreshToken)
		return t
	}
	for _, e := range slices.Backward(f.Events) {
		t.id, t.client = cmp.Or(t.id, e.TokenID), cmp.Or(t.client, e.ClientID)
		t.dc, t.login = cmp.Or(t.dc, e.DataCentre), cmp.Or(t.login, e.Login)
	}
	return t
}

// standing fills in how the login stands.
func (t *tale) standing(s *Story) {
	if t.Row == nil {
		s.State = Gone
		if e, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Deleted }); ok {
			s.Since = e.Time
		}
		return
	}
	st := t.Row.State
	if t.healed(st) {
		st = tokenkeep.State{}
	}
	s.Since, s.Until, s.Reason = st.Since, st.Until, st.Reason
	switch st.Class {
	case tokenkeep.NeedsLogin:
		s.State = LoginNeeded
	case tokenkeep.InDoubt:
		s.State = InDoubt
	case tokenkeep.Throttled:
		s.State = Throttled
	case tokenkeep.Misconfigured:
		s.State = Misconfigured
	case tokenkeep.RetryLater, tokenkeep.StoreUnavailable:
		s.State = Retrying
	default:
		s.State, s.Since = t.healthy(s)
	}
	if since, reason, ended := t.policed(); ended && s.State != LoginNeeded && s.State != InDoubt {
		s.State, s.Since, s.Until, s.Reason = LoginNeeded, since, time.Time{}, reason
	}
}

// healed reports whether time has healed a state. A failure of which nothing tells
// that it is over counts on while callers get no token.
func (t *tale) healed(st tokenkeep.State) bool {
	if st.Until.IsZero() || t.Now.Before(st.Until) {
		return false
	}
	return st.Class == tokenkeep.Throttled || st.Class == tokenkeep.RetryLater && t.Row.Valid(t.Now, 0)
}

// healthy is the state of a row in which nothing is wrong.
func (t *tale) healthy(s *Story) (State, time.Time) {
	if t.Row.RefreshToken.IsZero() && !t.Row.Valid(t.Now, 0) {
		return LoginNeeded, t.Row.Expiry
	}
	if q, ok := t.heldBack(); ok {
		s.Until = later(q.Mints.Free, q.Live.Free)
		return Throttled, t.Row.Mints[len(t.Row.Mints)-1]
	}
	if e, ok := t.refusal(); ok {
		return Refused, e.Time
	}
	if at := t.made(t.login); !at.IsZero() {
		return Working, at
	}
	return Working, t.Row.CreatedAt
}

// reasons fills in the verdicts and the steps.
func (t *tale) reasons(s *Story) {
	switch s.State {
	case LoginNeeded:
		t.dead(s)
	case InDoubt:
		t.lost(s)
	case Throttled:
		t.throttled(s)
	case Misconfigured:
		t.misconfigured(s)
	case Retrying:
		t.outage(s)
	case Gone:
		t.gone(s)
	case Refused:
		t.refused(s)
	case Working:
		t.working(s)
	}
	if s.State != Gone {
		t.unsaved(s)
	}
}

// notes says what the evidence lacks.
func (t *tale) notes(s *Story) {
	switch {
	case !t.Recorded:
		s.Notes = append(s.Notes, "this store keeps no history: the story is told from the row alone")
	case len(t.Events) == 0:
		s.Notes = append(s.Notes, "the history knows nothing of this login")
	case t.Row != nil && t.made(t.login).IsZero() && t.login != "":
		s.Notes = append(s.Notes, fmt.Sprintf("the history begins at %s, after this login was made", clock(t.Events[0].Time, t.Now)))
	}
	if t.Bounded {
		s.Notes = append(s.Notes, "the store is large, and not all of it was read: other logins may speak for or against a cause")
	}
}

// last returns the last event that fits.
func (t *tale) last(fits func(tokenkeep.Event) bool) (tokenkeep.Event, bool) {
	for _, e := range slices.Backward(t.Events) {
		if fits(e) {
			return e, true
		}
	}
	return tokenkeep.Event{}, false
}

// made returns when the login with this mark was made, or zero.
func (t *tale) made(login string) time.Time {
	for _, e := range t.Events {
		if e.Kind == tokenkeep.LoggedIn && e.Login == login {
			return e.Time
		}
	}
	if t.Row != nil && login == t.login && len(t.Row.Logins) > 0 {
		return t.Row.Logins[len(t.Row.Logins)-1]
	}
	return time.Time{}
}

// worked returns when the login with this mark was last seen to work before at, or
// zero.
func (t *tale) worked(login string, at time.Time) time.Time {
	var latest time.Time
	told := false
	for _, e := range t.Events {
		if proves(e) && e.Login == login && e.Time.Before(at) {
			latest, told = e.Time, told || e.Kind == tokenkeep.Refreshed
		}
	}
	// UsedAt may be a use of the access token alone, so refreshes count more if the
	// history has them.
	if !told && t.Row != nil && login == t.login && t.Row.UsedAt.Before(at) {
		return later(latest, t.Row.UsedAt)
	}
	return latest
}

// refusal returns the event of the API's refusal that nothing has healed since.
func (t *tale) refusal() (tokenkeep.Event, bool) {
	e, ok := t.last(func(e tokenkeep.Event) bool {
		return e.Kind == tokenkeep.Invalidated || proves(e) || e.Kind == tokenkeep.Adopted
	})
	return e, ok && e.Kind == tokenkeep.Invalidated && !t.Row.UsedAt.After(e.Time)
}
