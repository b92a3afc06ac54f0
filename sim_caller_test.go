package tokenkeep

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// simNobody is a validity that no token has.
const simNobody = 100 * time.Hour

// A simCaller is a part of a program that needs tokens now and then.
type simCaller struct {
	l    *simLife
	n    int
	rng  *rand.Rand
	s    *Session
	user string // who s is of, if the caller asked by name
}

// run calls until the life or the day ends.
func (c *simCaller) run() {
	for c.l.w.rest(c.pause()) && c.l.gate() == nil && !c.l.closing.Load() {
		if c.s == nil || c.rng.IntN(8) == 0 {
			c.open()
		}
		if c.s != nil {
			c.call()
		}
	}
}

// pause is mostly long, and sometimes no pause at all.
func (c *simCaller) pause() time.Duration {
	w := c.l.w
	switch {
	case w.plan.hammer && c.n == 0:
		return between(c.rng, time.Second, time.Minute)
	case c.rng.IntN(4) == 0:
		return between(c.rng, 0, 2*time.Second)
	}
	return between(c.rng, 0, w.plan.life/3)
}

// open looks a user up, in one of the ways there are.
func (c *simCaller) open() {
	l, user := c.l, simUser(c.rng.IntN(c.l.w.plan.users))
	ctx, cancel := c.context()
	defer cancel()
	c.user = user
	var err error
	if row := l.w.store.rowOf(user); row != nil && c.rng.IntN(3) == 0 {
		c.s, err = l.keeper.SessionByID(ctx, row.ID)
	} else {
		c.s, err = l.keeper.Session(ctx, user)
	}
	l.checkError(ctx, "session", err)
}

func (c *simCaller) context() (context.Context, context.CancelFunc) {
	if c.rng.IntN(3) == 0 {
		return context.WithTimeout(context.Background(), between(c.rng, time.Millisecond, 20*time.Second))
	}
	return context.WithCancel(context.Background())
}

// call asks for a token, and uses it.
func (c *simCaller) call() {
	l := c.l
	ctx, cancel := c.context()
	defer cancel()
	floor := time.Duration(0) // the validity that is promised, whatever goes wrong
	want := l.w.plan.valid
	get := c.s.Token
	switch kind := c.rng.IntN(20); {
	case kind < 3:
		floor = between(c.rng, 0, l.w.plan.life/3)
		want = floor
		get = func(ctx context.Context) (AccessToken, error) { return c.s.TokenFor(ctx, floor) }
	case kind == 3 || l.w.plan.hammer && c.n == 0 && kind < 15:
		want = simNobody // has one that is fresh enough
		get = c.s.Refresh
	}
	had, began := l.has(c.s.ID(), want), time.Now()
	version, gone := l.latest(c.s.ID()), l.forgets(c.s.ID())
	used := l.w.usedAt(c.s.ID())
	tok, err := get(ctx)
	l.w.used(l, c.s.ID(), err == nil)
	if l.dead.Load() {
		return
	}
	l.w.stats.count("calls")
	if waited := time.Since(began); had && (waited > 0 || err != nil) && l.has(c.s.ID(), want) {
		l.w.violated("(g) %s: a caller with a valid token of %s waited %v and got %v", l.name, c.s.ID(), waited, err)
	}
	if err != nil && want < simNobody && l.has(c.s.ID(), floor) {
		l.w.violated("(g) %s: a caller got %v, though its token of %s is good for more than %v", l.name, err, c.s.ID(), floor)
	}
	l.checkError(ctx, "token", err)
	if err == nil {
		if gone {
			l.w.violated("(c) %s: a caller received a token of %s, which this process deleted", l.name, c.s.ID())
		}
		if tok.Version < version {
			l.w.violated("(l) %s: a caller received version %d of %s after version %d", l.name, tok.Version, c.s.ID(), version)
		}
		c.check(tok, floor)
		c.checkLimits(tok, began, used)
		c.use(ctx, tok)
	}
}

// check looks at a token that a caller received.
func (c *simCaller) check(tok AccessToken, floor time.Duration) {
	l, w := c.l, c.l.w
	w.store.mu.Lock()
	stored := w.store.given[[2]string{c.s.ID(), tok.Reveal()}]
	w.store.mu.Unlock()
	if !stored {
		w.violated("(a) %s: a caller received %s, which %s never had", l.name, tok.Reveal(), c.s.ID())
	}
	if user := w.provider.userOf(tok.Reveal()); tok.TokenID != c.s.ID() || c.user != "" && user != c.user {
		w.violated("(h) %s: a caller for %s of %q received a token of %s of %q", l.name, c.s.ID(), c.user, tok.TokenID, user)
	}
	if left := time.Until(tok.Expiry); left <= floor {
		w.violated("(g) %s: a caller received %s, good for %v, wanted more than %v", l.name, tok.Reveal(), left, floor)
	}
	l.learn(tok)
}

// use sends the token to the API, which may refuse it, rightly or not.
func (c *simCaller) use(ctx context.Context, tok AccessToken) {
	w := c.l.w
	if w.provider.accepts(tok.Reveal()) && c.rng.IntN(50) > 0 {
		return
	}
	w.note(c.l.name, "the API refuses %s", tok.Reveal())
	c.l.refuse(tok)
	c.s.Invalidate(ctx, tok)
}

// checkError: an error tells what to do.
func (l *simLife) checkError(ctx context.Context, op string, err error) {
	if err == nil || l.dead.Load() {
		return
	}
	cut := ctx.Err() != nil && errors.Is(err, ctx.Err())
	closed := l.closing.Load() && errors.Is(err, ErrClosed)
	class := ClassOf(err)
	answer := op != "token" && (errors.Is(err, ErrNotFound) || errors.Is(err, ErrAmbiguous) || errors.Is(err, ErrGaveUp) || errors.Is(err, ErrLoginLimit))
	if !cut && !closed && !answer && class == "" {
		l.w.violated("(k) %s: %s: an error without a class: %v", l.name, op, err)
	}
	l.w.stats.count("error " + cmp.Or(string(class), "without a class"))
	l.w.note(l.name, "%s fails: %v", op, err)
}
