package storetest

import (
	"context"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

func processChecks() []check {
	return []check{
		{name: "processes/open-at-once", level: Versioned, shared: true, run: checkOpenAtOnce},
		{name: "processes/many-users", level: Versioned, shared: true, run: checkManyUsers},
		{name: "processes/two-savers", level: Versioned, shared: true, run: checkTwoSavers},
		{name: "processes/counter", level: Versioned, shared: true, run: checkSharedCounter},
		{name: "processes/same-user", level: Versioned, shared: true, run: checkSameUser},
	}
}

// playSave saves Count users of its own; with an id, the user of that name.
func playSave(ctx context.Context, p *player) error {
	return p.withStore(ctx, func(s tokenkeep.TokenStore) error {
		for n := range p.task.Count {
			user := fmt.Sprintf("p%d.user%d", p.task.Index, n)
			if p.task.ID != "" {
				user = p.task.ID
			}
			if err := s.SaveToken(ctx, plain(user)); err != nil {
				return fmt.Errorf("save %d: %w", n, err)
			}
		}
		return nil
	})
}

// playCount increments the row Count times and says which versions it replaced
// by which.
func playCount(ctx context.Context, p *player) error {
	return p.withStore(ctx, func(s tokenkeep.TokenStore) error {
		for range p.task.Count {
			from, to, err := increment(ctx, s, p.task.ID)
			if err != nil {
				return err
			}
			p.say("won %d %d", from, to)
		}
		return nil
	})
}

// checkOpenAtOnce: processes that open a new place at the same time, when tables
// are created and migrations run, all succeed. It takes a few places to see them
// meet.
func checkOpenAtOnce(x *trial) {
	for range x.size.rounds {
		dsn := x.dsn()
		x.together(repeat(x.size.processes, task{Role: "save", DSN: dsn, Count: 1}))
		s, closeStore := x.open(dsn)
		x.hasUsers(s, x.size.processes, 1)
		closeStore()
	}
}

// checkManyUsers: processes that save different users lose none. Of 8 times 25,
// Zoho's own file store kept 16.
func checkManyUsers(x *trial) {
	dsn := x.dsn()
	x.together(repeat(x.size.processes, task{Role: "save", DSN: dsn, Count: x.size.saves}))
	s, _ := x.open(dsn)
	x.hasUsers(s, x.size.processes, x.size.saves)
}

// checkTwoSavers: nor do two processes that save many, beside a reader that had
// the store open all along.
func checkTwoSavers(x *trial) {
	dsn := x.dsn()
	s, _ := x.open(dsn)
	x.save(s, plain("p9.user0"))
	x.together(repeat(2, task{Role: "save", DSN: dsn, Count: x.size.pairSaves}))
	x.finds(s, &tokenkeep.Token{UserName: "p9.user0"}, x.all(s)[0].ID, "the row from before")
	x.must(s.DeleteToken(x.ctx, x.all(s)[0].ID), "delete of the row from before")
	x.hasUsers(s, 2, x.size.pairSaves)
}

// hasUsers tells when the rows are not exactly those that playSave made, whole
// and with ids of their own.
func (x *trial) hasUsers(s tokenkeep.TokenStore, processes, saves int) {
	rows, ids := map[string]*tokenkeep.Token{}, idBook{}
	for _, t := range x.all(s) {
		rows[t.UserName] = t
		ids.note(x, t)
	}
	if len(ids) != processes*saves {
		x.errorf("%d rows after %d processes saved %d users each", len(ids), processes, saves)
	}
	lost := 0
	for i := range processes {
		for n := range saves {
			user := fmt.Sprintf("p%d.user%d", i, n)
			if t := rows[user]; t == nil || !t.RefreshToken.Equal(plain(user).RefreshToken) {
				lost++
			}
		}
	}
	if lost > 0 {
		x.errorf("%d of %d users are lost or have another's token", lost, processes*saves)
	}
}

// checkSharedCounter: processes that count by compare-and-swap lose nothing.
func checkSharedCounter(x *trial) {
	dsn := x.dsn()
	s, _ := x.open(dsn)
	row := x.save(s, &tokenkeep.Token{UserName: "counter", AccessToken: secret("1000.c")})
	said := x.together(repeat(x.size.processes, task{Role: "count", DSN: dsn, ID: row.ID, Count: x.size.saves}))
	h := newHistory()
	for _, lines := range said {
		for _, line := range lines {
			var from, to int64
			if _, err := fmt.Sscanf(line, "won %d %d", &from, &to); err == nil {
				h.won(from, to)
			}
		}
	}
	got, want := x.get(s, row.ID), x.size.processes*x.size.saves
	if got.State.Failures != want {
		x.errorf("%d of %d increments are left", got.State.Failures, want)
	}
	h.verify(x, row.Version, got.Version, want)
}

// checkSameUser: processes that save one new user at once make one row.
func checkSameUser(x *trial) {
	dsn := x.dsn()
	x.together(repeat(x.size.processes, task{Role: "save", DSN: dsn, ID: "same", Count: 3}))
	s, _ := x.open(dsn)
	rows := x.all(s)
	if len(rows) != 1 {
		x.fatalf("%d rows of one user", len(rows))
	}
	if want := int64(3 * x.size.processes); rows[0].Version != want {
		x.errorf("version %d after %d saves", rows[0].Version, want)
	}
}
