package filestore

import (
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// match joins the rows of f with the records of the sidecar. It writes nothing.
//
// A save appends its record first and renames the token file after it, so the
// rename brings both into force at once: a row belongs to the record that has
// its digest. The newest record of a row that does not fit means one of three
// things: a save is between its two steps, a process died there, or another
// program changed the row.
func (s *Store) match(f *file, locked bool) *view {
	v := newView(f)
	for _, r := range f.rows {
		e := &entry{row: r}
		if r.isToken() {
			id := r.val[colID]
			rec, settled := s.recordFor(r, locked)
			e = newEntry(r, rec)
			e.alien = id == "" || v.byID[id] != nil
			e.fresh = !settled
			v.unsettled = v.unsettled || e.alien || e.fresh
			v.dangling = v.dangling || settled && rec != s.side.rows[id].cur
			s.side.observe(id)
		}
		v.add(s.seed, e)
	}
	return v
}

// recordFor returns the record of a row. It is not settled if nothing in the
// sidecar will do, or if it is the last but one and the lock is held: then no
// save is on its way, and a process died between the two steps.
func (s *Store) recordFor(r *row, locked bool) (rec *record, settled bool) {
	h, seen := s.side.rows[r.val[colID]], s.seen(r.val[colID])
	if h == nil {
		return s.adopted(&history{}, r, seen), false
	}
	d := r.digest()
	if h.cur.describes(d) && h.cur.mayFollow(seen) {
		return h.cur, true
	}
	if h.prev.describes(d) && h.prev.mayFollow(seen) && !locked {
		return h.prev, true
	}
	return s.adopted(h, r, seen), false
}

// seen returns the record that this store last showed for id, or nil.
func (s *Store) seen(id string) *record {
	if s.view == nil || s.view.byID[id] == nil {
		return nil
	}
	return s.view.byID[id].rec
}

// mayFollow reports whether r may be shown after seen: versions never go back,
// and one version never stands for two contents.
func (r *record) mayFollow(seen *record) bool {
	return seen == nil || r.Version > seen.Version || r.Version == seen.Version && r.Row == seen.Row
}

// adopted returns a new record for a row that the sidecar does not describe. Its
// version is larger than every one that the row ever had.
func (s *Store) adopted(h *history, r *row, seen *record) *record {
	n := &record{}
	version := s.side.floor
	if h.cur != nil {
		version = h.cur.Version
		n = inherit(h, r)
	}
	if seen != nil {
		version = max(version, seen.Version)
	}
	n.Version = version + 1
	n.Deleted = false
	n.UpdatedAt = time.Now().UTC()
	n.bind(r)
	return n
}

// inherit returns what of the older records still holds for a row. If one of
// them describes it, all does. Else a new refresh token is a new login: it ends
// state, claim, mint times, candidates and scopes, and for another user or client the
// rest too; the one that it replaced keeps its place at the provider. A new access
// token says that the login works: it ends state and claim.
func inherit(h *history, r *row) *record {
	if h.prev.describes(r.digest()) {
		n := *h.prev
		return &n
	}
	if h.cur.Deleted {
		return &record{}
	}
	n, now := *h.cur, &record{}
	now.bind(r)
	switch {
	case n.Refresh != now.Refresh && n.Who != now.Who:
		return &record{}
	case n.Refresh != now.Refresh:
		return &record{
			AccountsServer: n.AccountsServer, DataCentre: n.DataCentre, CreatedAt: n.CreatedAt,
			Logins: n.loginsAnd(time.Now()),
		}
	case n.Access != now.Access:
		n.State, n.Claim = tokenkeep.State{}, tokenkeep.Claim{}
	}
	return &n
}

// maxLogins bounds how many logins of other programs a row counts. No provider
// keeps as many.
const maxLogins = 100

// loginsAnd returns the logins of r, which counts as one if it knows of none, and a
// new one.
func (r *record) loginsAnd(at time.Time) []time.Time {
	logins := slices.Clone(r.Logins)
	if len(logins) == 0 && !r.CreatedAt.IsZero() {
		logins = append(logins, r.CreatedAt)
	}
	logins = append(logins, at.UTC().Truncate(time.Millisecond))
	return logins[max(0, len(logins)-maxLogins):]
}
