package lineage

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A neighbourhood is the other logins, by id.
type neighbourhood struct {
	since    time.Time // from when on the history was read,
	complete bool      // whether it began before that,
	told     bool      // and whether it has refreshes: not every Keeper records them
	rotates  bool      // the provider gives new refresh tokens by itself
	byID     map[string]*Neighbour
}

func (h *neighbourhood) start(since time.Time, complete, rotates bool) {
	h.since, h.complete, h.rotates = since, complete, rotates
}

func (h *neighbourhood) get(id string) *Neighbour {
	if h.byID == nil {
		h.byID = map[string]*Neighbour{}
	}
	n := h.byID[id]
	if n == nil {
		n = &Neighbour{TokenID: id}
		h.byID[id] = n
	}
	return n
}

// tell takes an event of another login.
func (h *neighbourhood) tell(e tokenkeep.Event) {
	n := h.get(e.TokenID)
	n.UserName, n.ClientID = cmp.Or(e.UserName, n.UserName), cmp.Or(e.ClientID, n.ClientID)
	n.DataCentre = cmp.Or(e.DataCentre, n.DataCentre)
	h.told = h.told || e.Kind == tokenkeep.Refreshed
	switch {
	case proves(e), e.Kind == tokenkeep.Adopted:
		h.holds(n, e)
	case e.Kind == tokenkeep.Revoked:
		n.revoked = cmp.Or(e.Login, n.revoked)
	case e.Kind == tokenkeep.Failed && e.Class == tokenkeep.NeedsLogin && !n.explained(e.Login) && !n.Ended.Found.After(n.Worked):
		n.Ended = Ending{Worked: n.Worked, Found: e.Time}
	}
}

// holds takes the event of a login that works, or that another program wrote.
func (h *neighbourhood) holds(n *Neighbour, e tokenkeep.Event) {
	switch {
	case e.Kind == tokenkeep.LoggedIn:
		n.LoggedIn, n.Since, n.foreign = e.Time, e.Time, false
	case !h.rotates && n.login != "" && e.Login != "" && e.Login != n.login:
		n.LoggedIn, n.Since, n.foreign = time.Time{}, e.Time, true
	}
	n.login = cmp.Or(e.Login, n.login)
	if proves(e) {
		n.Worked = later(n.Worked, e.Time)
	}
}

// explained reports whether a login died of a revocation that was recorded.
func (n *Neighbour) explained(login string) bool { return login != "" && login == n.revoked }

// see takes another row, after all events.
func (h *neighbourhood) see(row *tokenkeep.Token) {
	n := h.get(row.ID)
	n.UserName, n.ClientID, n.DataCentre, n.Class = row.UserName, row.ClientID, row.DataCentre, row.State.Class
	if len(row.Logins) > 0 && !n.foreign {
		n.LoggedIn = row.Logins[len(row.Logins)-1]
	}
	n.Since = cmp.Or(n.LoggedIn, n.Since)
	if n.Since.IsZero() && h.complete && !row.CreatedAt.After(h.since) {
		n.Since = h.since // no login since then is in the history
	}
	if !h.complete || !h.told || !row.UsedAt.After(h.since) { // else it was a use of the access token alone
		n.Worked = later(n.Worked, row.UsedAt)
	}
	if row.State.Class == tokenkeep.NeedsLogin && !n.explained(tokenkeep.LoginMark(row.RefreshToken)) {
		n.Ended = Ending{Worked: n.Worked, Found: row.State.Since}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// list returns the neighbours in the order of their ids.
func (h *neighbourhood) list() []Neighbour {
	list := make([]Neighbour, 0, len(h.byID))
	for _, n := range h.byID {
		list = append(list, *n)
	}
	slices.SortFunc(list, func(a, b Neighbour) int { return tokenkeep.CompareIDs(a.TokenID, b.TokenID) })
	return list
}
