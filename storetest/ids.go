package storetest

import (
	"fmt"
	"regexp"

	"github.com/tokenkeep/tokenkeep"
)

func idChecks() []check {
	return []check{
		{name: "functional/ids-fresh", level: Basic, run: checkIDsFresh},
		{name: "functional/ids-never-reused", level: Basic, run: checkIDsNeverReused},
		{name: "functional/ids-never-reused-after-reopen", level: Basic, shared: true, run: checkIDsReopen},
	}
}

var tenDigits = regexp.MustCompile(`^[0-9]{10}$`)

// idBook remembers the ids that a store gave.
type idBook map[string]string

// note tells of an id that has the wrong form or was given before.
func (b idBook) note(x *trial, t *tokenkeep.Token) {
	if !tenDigits.MatchString(t.ID) {
		x.errorf("the id %s is not a decimal string of ten digits", quote(t.ID))
	}
	if owner, given := b[t.ID]; given {
		x.errorf("the id %s was given twice: for %s and for %s", t.ID, owner, t.UserName)
	}
	b[t.ID] = t.UserName
}

// checkIDsFresh: the 11th, 100th and 1000th token get fresh ids (Zoho's own
// file store reused them from the 11th on), each row is found by its id, and the
// list is in the order of ids.
func checkIDsFresh(x *trial) {
	s := x.fresh()
	ids := idBook{}
	for i := range x.size.rows {
		ids.note(x, x.save(s, plain(fmt.Sprintf("user%d", i))))
	}
	rows := x.all(s)
	if len(rows) != x.size.rows {
		x.errorf("%d rows after %d saves of different users", len(rows), x.size.rows)
	}
	for i, row := range rows {
		if ids[row.ID] != row.UserName {
			x.errorf("id %s was given to %s and is listed with %s", row.ID, ids[row.ID], row.UserName)
		}
		if i > 0 && tokenkeep.CompareIDs(rows[i-1].ID, row.ID) >= 0 {
			x.errorf("the list is not in the order of ids: %s before %s", rows[i-1].ID, row.ID)
		}
	}
	for _, i := range []int{0, 9, 10, 11, 99, 100, x.size.rows - 1} {
		user := fmt.Sprintf("user%d", i)
		x.finds(s, &tokenkeep.Token{UserName: user}, rows[min(i, len(rows)-1)].ID, user)
	}
}

// checkIDsNeverReused: an id is not given again after its row is deleted.
func checkIDsNeverReused(x *trial) {
	s := x.fresh()
	ids := idBook{}
	last := x.someRows(s, ids, "a")
	x.must(s.DeleteToken(x.ctx, last.ID), "delete of the newest row")
	newest := x.someRows(s, ids, "b")
	ghost := plain("ghost")
	ghost.ID = last.ID
	x.save(s, ghost)
	ids.note(x, ghost)
	x.must(s.DeleteToken(x.ctx, newest.ID), "delete of the newest row but one")
	x.must(s.DeleteTokens(x.ctx), "delete all")
	x.someRows(s, ids, "c")
}

// someRows saves three users and returns the last.
func (x *trial) someRows(s tokenkeep.TokenStore, ids idBook, prefix string) (last *tokenkeep.Token) {
	for i := range 3 {
		last = x.save(s, plain(fmt.Sprintf("%s%d", prefix, i)))
		ids.note(x, last)
	}
	return last
}

// checkIDsReopen: nor is it when the store was opened again meanwhile.
func checkIDsReopen(x *trial) {
	dsn := x.dsn()
	ids := idBook{}
	for round, wipe := range []bool{false, true, false} {
		s, closeStore := x.open(dsn)
		last := x.someRows(s, ids, fmt.Sprintf("r%d.", round))
		if wipe {
			x.must(s.DeleteTokens(x.ctx), "delete all")
		} else {
			x.must(s.DeleteToken(x.ctx, last.ID), "delete of the newest row")
		}
		closeStore()
	}
	s, _ := x.open(dsn)
	x.someRows(s, ids, "end")
}
