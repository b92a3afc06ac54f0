package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A simOp is what a person does to a login.
type simOp struct {
	kind, user, rt string
	from, to       time.Time // to is zero as long as it runs
	ok             bool
}

// simUser is a user of an organisation: two of them are one person.
func simUser(n int) string { return fmt.Sprintf("user%d@zylker.com:%d", n/2, 7000+n) }

// firstLogins stores what every schedule begins with.
func (w *simWorld) firstLogins() {
	l := &simLife{w: w, name: "setup", keeper: &Keeper{}}
	for n := range w.plan.users {
		t := w.provider.login(simUser(n), true)
		t.UserName = simUser(n)
		w.store.login(t.RefreshToken.Reveal(), 1)
		_ = w.store.save(context.Background(), l, t)
		w.store.login(t.RefreshToken.Reveal(), -1)
	}
}

// people log in and out until the evening.
func (w *simWorld) people(n uint64) {
	r := w.stream(20 + n)
	for range w.plan.logins {
		user, ok := w.occasion(r)
		if !ok {
			return
		}
		if l := w.someLife(r); l != nil && l.gate() == nil {
			w.act(l, user, r)
		}
	}
}

// occasion waits for a moment to do something to a user's login: any, one in which
// the store has its troubles, or one in which somebody refreshes that login.
func (w *simWorld) occasion(r *rand.Rand) (user string, ok bool) {
	user = simUser(r.IntN(w.plan.users))
	wait := between(r, 0, w.plan.span/3)
	kind := r.IntN(3)
	if troubles := w.plan.store.windows; kind == 0 && len(troubles) > 0 {
		at := troubles[r.IntN(len(troubles))]
		wait = max(0, between(r, at.from-time.Second, at.to)-time.Since(w.began))
	}
	ok = w.rest(wait)
	if kind != 1 || !ok {
		return user, ok
	}
	select {
	case id := <-w.store.claims:
		if name := w.store.nameOf(id); name != "" {
			user = name
		}
		return user, w.rest(between(r, 0, w.plan.claim))
	case <-w.evening:
		return "", false
	}
}

// someLife returns a life that runs, or nil.
func (w *simWorld) someLife(r *rand.Rand) *simLife {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lives[r.IntN(len(w.lives))]
	if l.dead.Load() || l.closing.Load() {
		return nil
	}
	return l
}

// act does one thing to one user's login.
func (w *simWorld) act(l *simLife, user string, r *rand.Rand) {
	ctx, cancel := context.Background(), func() {}
	if r.IntN(4) == 0 {
		ctx, cancel = context.WithTimeout(ctx, between(r, 0, 5*time.Second))
	}
	defer cancel()
	row := w.store.rowOf(user)
	kind := r.IntN(12)
	switch {
	case kind < 4 || row == nil:
		w.logIn(ctx, l, user, r)
	case kind == 4:
		op := w.begin("delete", user, "")
		err := l.keeper.Delete(ctx, row.ID)
		w.end(ctx, l, op, err)
		if err == nil {
			l.mu.Lock()
			l.gone[row.ID] = true
			l.mu.Unlock()
		}
	case kind == 5:
		w.provider.countLogout(user, 1)
		op := w.begin("logout", user, "")
		err := l.keeper.Logout(ctx, row.ID)
		w.end(ctx, l, op, err)
		w.provider.countLogout(user, -1)
	case kind < 8:
		w.note("admin", "withdraws %s of %s", row.RefreshToken.Reveal(), user)
		w.stats.count("withdrawals")
		w.provider.withdraw(row.RefreshToken.Reveal(), r.IntN(2) == 0)
	case kind < 10:
		w.revoke(ctx, l, row, r)
	default:
		w.reap(ctx, l, r)
	}
}

// loggingInTwice reports whether the login of this refresh token still runs, and
// another one of its user beside it. If the answer of the first one's save is lost, it
// may be saved again over the second, which has superseded and revoked it by then.
func (w *simWorld) loggingInTwice(rt string) bool {
	user := w.provider.userOf(rt)
	w.mu.Lock()
	defer w.mu.Unlock()
	own, others := false, false
	for _, op := range w.ops {
		if op.kind == "login" && op.user == user && op.to.IsZero() {
			own, others = own || op.rt == rt, others || op.rt != rt
		}
	}
	return own && others
}

// logIn logs a user in, by a code or with a token from elsewhere.
func (w *simWorld) logIn(ctx context.Context, l *simLife, user string, r *rand.Rand) {
	t := w.provider.login(user, r.IntN(3) > 0)
	rt := t.RefreshToken.Reveal()
	if !w.plan.nameless || r.IntN(2) == 0 {
		t.UserName = user
	}
	if w.plan.policy.MaxLogins > 0 {
		ctx = w.ending(ctx, &simEnding{}, r)
	}
	w.store.login(rt, 1)
	op := w.begin("login", user, rt)
	if w.plan.rotation != RotationNone { // without a code, nobody can tell a login from its successor
		t.GrantToken = NewSecret("code." + rt)
	}
	var err error
	if r.IntN(2) == 0 {
		_, err = l.keeper.Adopt(ctx, t)
	} else {
		_, err = l.keeper.Login(ctx, &Grant{Code: NewSecret("code." + rt), UserName: t.UserName})
	}
	w.end(ctx, l, op, err)
	if !errors.Is(err, ErrStoreUnavailable) { // else its save may be on its way yet
		w.store.login(rt, -1)
	}
}

func (w *simWorld) begin(kind, user, rt string) *simOp {
	op := &simOp{kind: kind, user: user, rt: rt, from: time.Now()}
	w.note("people", "%s of %s begins: %s", kind, user, rt)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ops = append(w.ops, op)
	return op
}

func (w *simWorld) end(ctx context.Context, l *simLife, op *simOp, err error) {
	w.note(l.name, "%s of %s %s ends: %v", op.kind, op.user, op.rt, err)
	if l.dead.Load() {
		return // nobody learns of the outcome, and it may arrive yet
	}
	l.checkError(ctx, op.kind, err)
	w.stats.count(op.kind + "s")
	w.mu.Lock()
	defer w.mu.Unlock()
	op.ok, op.to = err == nil, time.Now()
}
