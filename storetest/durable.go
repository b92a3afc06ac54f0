package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func durableChecks() []check {
	return []check{
		{name: "durable/kill-amid-saves", level: Durable, shared: true, run: checkKills},
	}
}

// generation returns t with every field that a refresh changes set to n, and
// wide enough to be torn.
func generation(t *tokenkeep.Token, n int) *tokenkeep.Token {
	g := t.Clone()
	g.AccessToken, g.RefreshToken = secret(fmt.Sprintf("1000.access.%d", n)), secret(fmt.Sprintf("1000.refresh.%d", n))
	g.Expiry, g.Mints = time.UnixMilli(int64(n)+1), []time.Time{time.UnixMilli(int64(n) + 1)}
	g.Candidates = []tokenkeep.Secret{secret(fmt.Sprintf("1000.candidate.%d", n))}
	g.APIDomain = strings.Repeat(fmt.Sprintf("%08d", n), 512)
	g.Scopes = []string{fmt.Sprintf("scope.%d", n)}
	g.State = tokenkeep.State{Class: tokenkeep.RetryLater, Reason: "generation", Failures: n + 1}
	return g
}

// spareUser is the user that a torturer inserts with generation n.
func spareUser(index, n int) string { return fmt.Sprintf("t%d.spare%d", index, n) }

// playTorture saves, inserts and deletes without end, from generation Count on,
// and acknowledges each operation after it returned.
func playTorture(ctx context.Context, p *player) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	for n := p.task.Count; ; n++ {
		if err := saveGeneration(ctx, s, p.task.ID, n); err != nil {
			return err
		}
		p.say("saved %d", n)
		spare := plain(spareUser(p.task.Index, n))
		if err := s.SaveToken(ctx, spare); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		p.say("inserted %d", n)
		if n == p.task.Count {
			continue
		}
		old, err := s.FindToken(ctx, &tokenkeep.Token{UserName: spareUser(p.task.Index, n-1)})
		if err != nil {
			return fmt.Errorf("find an acknowledged insert: %w", err)
		}
		if err := s.DeleteToken(ctx, old.ID); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		p.say("deleted %d", n-1)
	}
}

// saveGeneration saves generation n of the row, with and without a version by
// turns.
func saveGeneration(ctx context.Context, s tokenkeep.TokenStore, id string, n int) error {
	row, err := s.FindTokenByID(ctx, id)
	if err != nil {
		return fmt.Errorf("find by id: %w", err)
	}
	next := generation(row, n)
	if n%2 == 0 {
		next.Version, next.Logins = 0, nil // or each save would be one login more
	}
	if err := s.SaveToken(ctx, next); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}

// A victim is a torturer as the parent sees it: what it acknowledged.
type victim struct {
	*child
	index, first int
	row          *tokenkeep.Token // as it was before the victim began
	saved        int              // the last generation acknowledged; first-1 if none
	spares       map[int]bool     // inserts acknowledged and not deleted
	late         map[int]bool     // inserts that were in flight when it or one before it died
	last         string
}

// heed takes note of one line.
func (v *victim) heed(x *trial, line string) {
	var n int
	verb, _, _ := strings.Cut(line, " ")
	_, _ = fmt.Sscanf(line, verb+" %d", &n)
	v.last = verb
	switch verb {
	case "saved":
		v.saved = n
	case "inserted":
		v.spares[n] = true
	case "deleted":
		delete(v.spares, n)
	default:
		x.fatalf("a process failed while it saved beside one that was killed: %s", v.why(line))
	}
}

// murder lets the victim work until it acknowledged a few operations, kills it
// at some moment after, and takes note of all it acknowledged.
func (v *victim) murder(x *trial, rnd *rand.Rand) {
	for range 1 + rnd.IntN(6) {
		v.heed(x, v.hear(x.ctx))
	}
	time.Sleep(time.Duration(rnd.IntN(8000)) * time.Microsecond)
	_ = v.cmd.Process.Kill()
	for line := range v.lines {
		v.heed(x, line)
	}
	<-v.ended
}

// verify tells when the store lacks what the victim was told it has.
func (v *victim) verify(x *trial, s tokenkeep.TokenStore) {
	got := x.get(s, v.row.ID)
	n := got.State.Failures - 1
	if n != v.saved && n != v.saved+1 {
		x.errorf("generation %d was acknowledged, and the store has %d after a kill", v.saved, n)
	}
	want := v.row
	if n >= 0 {
		want = generation(v.row, n)
	}
	if d := diff(got, want); len(d) > 0 {
		x.errorf("a torn row after a kill: in generation %d other generations' %s", n, strings.Join(d, ", "))
	}
	v.verifySpares(x, s)
}

// verifySpares does so for the rows that were inserted and deleted. One operation
// was in flight when the victim died; it may or may not have happened, or happen yet:
// a server ends what a dead client asked for.
func (v *victim) verifySpares(x *trial, s tokenkeep.TokenStore) {
	if v.last == "saved" {
		v.late[v.saved] = true
	}
	found := map[int]bool{}
	for _, t := range x.all(s) {
		var index, n int
		if _, err := fmt.Sscanf(t.UserName, "t%d.spare%d", &index, &n); err == nil && index == v.index {
			found[n] = true
			x.must(s.DeleteToken(x.ctx, t.ID), "delete of what a killed process left")
		}
	}
	for n := range v.spares {
		deleting := v.last == "inserted" && n == v.saved-1
		if !found[n] && !deleting {
			x.errorf("an insert that was acknowledged is lost after a kill")
		}
	}
	for n := range found {
		if !v.spares[n] && !v.late[n] {
			x.errorf("a row whose delete was acknowledged is back after a kill")
		}
	}
}

// checkKills: processes that save two at a time are killed at any moment. What
// they acknowledged is there afterwards, no row is torn, and the store opens.
func checkKills(x *trial) {
	const pair = 2
	dsn := x.dsn()
	s, closeStore := x.open(dsn)
	rows := make([]*tokenkeep.Token, pair)
	for i := range rows {
		rows[i] = x.save(s, full(fmt.Sprintf("victim%d", i)))
		rows[i].State.Failures = 0
		x.save(s, rows[i])
	}
	closeStore()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // moments, not secrets
	next, late := make([]int, pair), []map[int]bool{{}, {}}
	for kills := 0; kills < x.size.kills; kills += pair {
		victims := make([]*victim, pair)
		for i, row := range rows {
			c := x.spawn(task{Role: "torture", DSN: dsn, ID: row.ID, Index: i, Count: next[i]})
			victims[i] = &victim{child: c, index: i, first: next[i], row: row, saved: next[i] - 1, spares: map[int]bool{}, late: late[i]}
		}
		for _, v := range victims {
			v.tell("go")
		}
		for _, v := range victims {
			v.murder(x, rnd)
		}
		s, closeStore := x.open(dsn)
		for i, v := range victims {
			v.verify(x, s)
			next[i] = x.get(s, v.row.ID).State.Failures
		}
		closeStore()
	}
}
