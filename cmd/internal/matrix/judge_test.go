//go:build unix

package matrix

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func stepName(n int) string { return strconv.Itoa(n) }

// A result is what a cell came to, as far as it is known.
type result struct {
	told    bool // the caller in the process that was hit got an error
	doubted bool // a process in between was told that the login is in doubt
	last    *answer
	handed  string // the token that a caller got first: it is good for all
	waited  bool   // for a claim to stand still
	longest time.Duration
	bad     []string // what must never be
}

// never notes what must never be.
func (x *cell) never(format string, args ...any) {
	x.result.bad = append(x.result.bad, fmt.Sprintf(format, args...))
}

// heard looks at what a caller got, right when it got it: what was handed out is
// stored, and stays.
func (x *cell) heard(a *answer) {
	x.result.longest = max(x.result.longest, a.Took)
	if a.Events[tokenkeep.TakenOver] > 0 {
		x.result.waited = true
	}
	if a.Token == "" {
		return
	}
	if x.result.handed = cmp.Or(x.result.handed, a.Token); a.Token != x.result.handed {
		x.never("handed out two tokens one after the other: an older one replaced a newer")
	}
	if !x.authority.alive(a.Token) {
		x.never("handed out a token that does not work")
	}
	if x.store == nil {
		return
	}
	row, err := x.store.FindTokenByID(x.t.Context(), x.id)
	switch {
	case err != nil:
		x.never("the store after an answer: %v", err)
	case row.Version < a.Version || row.Version == a.Version && row.AccessToken.Reveal() != a.Token:
		x.never("handed out a token that is not stored")
	}
}

// told waits for the error of the caller in the process that is hit.
func (x *cell) told(p *process) *answer {
	x.t.Helper()
	a := p.answer()
	x.result.told = true
	if a.Class == "" {
		x.never("the caller got %s", report{Answer: a})
	}
	return a
}

// next lets a new process ask, as patiently as its errors say.
func (x *cell) next() *answer {
	x.t.Helper()
	t := x.task()
	t.Patient = true
	return x.ask(t)
}

func (x *cell) ask(t task) *answer {
	x.t.Helper()
	if x.result.last != nil && x.result.last.Class == tokenkeep.InDoubt {
		x.result.doubted = true
	}
	p := x.start(t)
	a := p.answer()
	p.kill()
	if a.Events[tokenkeep.TakenOver] > 0 && a.Took < x.claim {
		x.never("took a claim over that stood still for %v", a.Took)
	}
	x.result.last = a
	return a
}

// again lets the process that was hit ask once more.
func (x *cell) again(p *process) {
	x.t.Helper()
	p.tell(orderAgain)
	x.result.last = p.answer()
}

// verdict puts the cell's end into words.
func (x *cell) verdict() string {
	x.t.Helper()
	c := x.authority.counts()
	end := x.lookAtTheEnd(c)
	if c = x.authority.counts(); c.replayed > 0 || c.revoked > 0 {
		return fmt.Sprintf("replayed: %d refresh tokens were sent though they were spent, %d logins ended", c.replayed, c.revoked)
	}
	if len(x.result.bad) > 0 {
		return "lost: " + strings.Join(x.result.bad, "; ")
	}
	return end
}

// lookAtTheEnd judges the last answer.
func (x *cell) lookAtTheEnd(c counts) string {
	x.t.Helper()
	last := x.result.last
	switch {
	case last == nil:
		x.never("nobody asked")
	case last.Class == tokenkeep.InDoubt:
		x.inDoubt()
		return x.words("in_doubt", 0, c)
	case last.Class != "" || last.Error != "":
		x.never("%s: %s", last.Class, last.Error)
	default:
		x.works(last)
	}
	return x.words("works", c.mints-1, c)
}

func (x *cell) words(end string, extra int, c counts) string {
	var words []string
	if x.result.told {
		words = append(words, "told")
	}
	if x.result.doubted && end != "in_doubt" {
		words = append(words, "in_doubt")
	}
	if extra > 0 {
		end += fmt.Sprintf(" +%d", extra)
	}
	if extra < 0 && end == "works" {
		x.never("%d mints for a new token", c.mints)
	}
	words = append(words, end)
	text := strings.Join(words, ", ")
	if x.result.waited && end != "in_doubt" {
		text += ", waits"
	}
	return text
}

// works looks at a store whose login works, and proves it by one more refresh.
func (x *cell) works(last *answer) {
	x.t.Helper()
	if x.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	k := x.keeper()
	x.recovers(ctx, k)
	row, err := x.store.FindTokenByID(ctx, x.id)
	switch {
	case err != nil:
		x.never("the row: %v", err)
		return
	case row.AccessToken.Reveal() != last.Token:
		x.never("the row has another token than the last caller")
	case row.Claim.Held():
		x.never("the row is claimed still")
	case row.State.Class != "":
		x.never("the row's state is %s", row.State.Class)
	}
	found, err := x.store.FindToken(ctx, &tokenkeep.Token{UserName: x.login.User})
	if !x.fault.nameless && (err != nil || found.ID != x.id) {
		x.never("the login by its user's name: %v", err)
	}
	x.refreshes(ctx, k)
}

// keeper returns a Keeper of the parent.
func (x *cell) keeper() *tokenkeep.Keeper {
	provider, err := newProvider(x.authority.policy, x.authority.server())
	x.must(err)
	k := tokenkeep.New(x.store, provider, &tokenkeep.Options{Journal: x.journal, Sealer: x.sealer})
	x.onEnd(func() { _ = k.Close() })
	return k
}

// recovers empties the rescue journal as the next start does. That changes nothing
// any more: see works.
func (x *cell) recovers(ctx context.Context, k *tokenkeep.Keeper) {
	if _, err := k.Recover(ctx); err != nil {
		x.never("recover: %v", err)
	}
	if left := len(x.records("*.rec")) + len(x.records("*.bad")); left > 0 {
		x.never("%d records are left in the rescue journal", left)
	}
}

// refreshes proves that the stored refresh token is the one that works.
func (x *cell) refreshes(ctx context.Context, k *tokenkeep.Keeper) {
	session, err := k.SessionByID(ctx, x.id)
	if err == nil {
		_, err = session.Refresh(ctx)
	}
	if err != nil {
		x.never("the next refresh: %v", err)
	}
}

// inDoubt looks at a login in doubt: it says so, keeps its refresh token, and
// nobody sent it twice.
func (x *cell) inDoubt() {
	x.t.Helper()
	if x.authority.policy != tokenkeep.RotationStrict {
		x.never("in doubt under the policy %s", x.authority.policy)
	}
	if x.store == nil {
		return
	}
	row, err := x.store.FindTokenByID(x.t.Context(), x.id)
	switch {
	case err != nil:
		x.never("the row: %v", err)
	case row.State.Class != tokenkeep.InDoubt:
		x.never("the caller was told that it is in doubt, and the row's state is %q", row.State.Class)
	case row.RefreshToken.Reveal() != x.login.Refresh:
		x.never("the row's refresh token has changed though it is in doubt")
	}
}
