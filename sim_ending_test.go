package tokenkeep

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// simLate is how much later than it should be a use or a login may be written down.
const simLate = 5 * time.Minute

// newSimPolicy draws the limits of a schedule, which half of them have.
func newSimPolicy(r *rand.Rand) (p Policy) {
	if r.IntN(2) == 0 {
		return p
	}
	p.ClockSkew = between(r, -1, 1) * between(r, 1, 10*time.Minute)
	p.ClockSkew = max(p.ClockSkew, -1)
	if p.ClockSkew == 0 {
		p.ClockSkew = -1
	}
	if r.IntN(2) == 0 {
		p.IdleTimeout = between(r, 10*time.Minute, 90*time.Minute)
	}
	if r.IntN(2) == 0 {
		p.Lifetime = between(r, 20*time.Minute, 2*time.Hour)
	}
	if r.IntN(3) == 0 {
		p.MaxLogins, p.RefuseLogins = 1+r.IntN(2), r.IntN(2) == 0
	}
	return p
}

// A simEnding is one run of Reap or Revoke, or what a login ends. It goes with the
// ctx, so that the store knows who asks.
type simEnding struct {
	query *RevokeQuery
	reap  *ReapOptions // neither: a login
	dry   bool

	mu    sync.Mutex // guards what follows
	seen  map[string]*Token
	calls int
	blow  int  // the call at which the process crashes or stops; zero: none
	crash bool // and which of the two
}

type simEndingKey struct{}

func simEndingOf(ctx context.Context) *simEnding {
	e, _ := ctx.Value(simEndingKey{}).(*simEnding)
	return e
}

// ending returns a ctx that carries e. Some of the runs are cut short.
func (w *simWorld) ending(ctx context.Context, e *simEnding, r *rand.Rand) context.Context {
	e.seen = map[string]*Token{}
	if n := r.IntN(3); w.plan.crashes > 0 && n > 0 {
		e.blow, e.crash = 1+r.IntN(12), n == 1
	}
	return context.WithValue(ctx, simEndingKey{}, e)
}

// strike crashes or stops the life in the middle of a run.
func (l *simLife) strike(ctx context.Context, op string) {
	e := simEndingOf(ctx)
	if e == nil || l.w.calm.Load() {
		return
	}
	e.mu.Lock()
	e.calls++
	hit := e.calls == e.blow
	e.mu.Unlock()
	switch {
	case hit && e.crash:
		l.w.stats.count("endings cut short")
		l.crash("the end of a login: %s", op)
	case hit:
		l.stop(3*l.w.plan.claim, "the end of a login: %s", op)
	}
}

// looked remembers the row that a run saw last.
func looked(ctx context.Context, row *Token) {
	if e := simEndingOf(ctx); e != nil && row != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.seen[row.ID] = row.Clone()
	}
}

func (e *simEnding) lookedAt(id string) *Token {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[id]
}

// isMark reports whether row is marked as being ended.
func isMark(row *Token) bool {
	return (row.State.Class == NeedsLogin || row.State.Class == InDoubt) && isEndMark(row.Claim)
}

// marked checks that prev may be ended, by its provider and by a policy that is
// worked out anew. The caller holds s.mu.
func (s *simStore) checkMark(ctx context.Context, l *simLife, prev, next *Token) {
	w, e := s.w, simEndingOf(ctx)
	w.stats.count("marks")
	if e == nil || e.dry {
		w.violated("(m) %s marks %s as ended, and nobody asked it to", l.name, next.ID)
		return
	}
	if !prev.RefreshToken.Equal(next.RefreshToken) || !prev.AccessToken.Equal(next.AccessToken) {
		w.violated("(m) %s changes the tokens of %s with its mark", l.name, next.ID)
	}
	s.marks[next.RefreshToken.Reveal()] = true
	switch {
	case e.query != nil && !e.query.fits(prev):
		w.violated("(m) %s ends %s, which the query does not mean", l.name, next.ID)
	case e.reap != nil && !w.mayReap(e.reap, prev):
		w.violated("(m) %s reaps %s of %s, which could still be refreshed: state %q used %v logins %v", l.name, next.ID, prev.UserName, prev.State.Class, prev.UsedAt, prev.Logins)
	case e.query == nil && e.reap == nil && w.plan.policy.MaxLogins == 0:
		w.violated("(m) %s ends %s for a limit that there is not", l.name, next.ID)
	}
}

// mayReap reports whether a row may be ended: its login is dead or in doubt, was
// about to be ended, or a limit of the policy is over that is asked for.
func (w *simWorld) mayReap(o *ReapOptions, row *Token) bool {
	now, rt := time.Now(), row.RefreshToken.Reveal()
	p := w.plan.policy
	dead := w.provider.endedBy(rt) != "" || w.plan.rotation != RotationNone
	switch {
	case isMark(row), o.DeadFor > 0 && row.State.Class == NeedsLogin && dead, o.InDoubtFor > 0 && row.State.Class == InDoubt:
		return true
	case o.Lifetime && p.Lifetime > 0 && now.Sub(w.provider.bornAt(rt)) >= p.Lifetime:
		return true
	case !o.Idle || p.IdleTimeout == 0 || row.State.Class == Misconfigured:
		return false
	case w.faultless() && w.plan.rotation != RotationGrace:
		return now.Sub(latest(w.gaveAt(row.ID), w.provider.bornAt(rt))) >= p.IdleTimeout
	}
	return now.Sub(latest(row.UsedAt, w.provider.bornAt(rt))) >= p.IdleTimeout
}

// checkDelete: who ends a login has seen its own mark, or another's, after it was
// revoked. What is saved between that look and the deletion is lost, as said.
func (s *simStore) checkDelete(ctx context.Context, l *simLife, row *Token) {
	e := simEndingOf(ctx)
	if e == nil && row != nil {
		delete(s.marks, row.RefreshToken.Reveal()) // somebody wants it left alive
	}
	if e == nil || row == nil || e.query == nil && e.reap == nil && s.shared(row) {
		return
	}
	s.w.stats.count("endings")
	saw := e.lookedAt(row.ID)
	if e.dry || saw == nil || !isMark(saw) {
		s.w.violated("(m) %s deletes %s without having seen that it is marked", l.name, row.ID)
		return
	}
	rt := saw.RefreshToken.Reveal()
	if e.query != nil && rt != "" && s.w.provider.endedBy(rt) == "" {
		s.w.violated("(n) %s deletes %s before %s is revoked", l.name, row.ID, rt)
	}
	if row.Version != saw.Version {
		s.w.stats.count("logins in the last gap")
	}
	s.gap[row.RefreshToken.Reveal()] = row.Version != saw.Version
}

// told checks what a run said of a login.
func (w *simWorld) told(l *simLife, run *simEnding, e Ending) {
	if l.dead.Load() || e.Err != nil || run.dry {
		return
	}
	w.stats.count("told ended: " + string(e.Cause))
	if !w.store.isDeleted(e.TokenID) {
		w.violated("(n) %s says that %s was ended (%s), and it is stored", l.name, e.TokenID, e.Cause)
	}
	saw := run.lookedAt(e.TokenID)
	if rt := saw.RefreshToken.Reveal(); run.query != nil && rt != "" && w.provider.endedBy(rt) == "" {
		w.violated("(n) %s says that %s was revoked, and %s is alive", l.name, e.TokenID, rt)
	}
}

// revoke is somebody who ends a user's logins, or all.
func (w *simWorld) revoke(ctx context.Context, l *simLife, row *Token, r *rand.Rand) {
	q := RevokeQuery{DryRun: r.IntN(8) == 0, Workers: 1 + r.IntN(3)}
	switch r.IntN(4) {
	case 0:
		q.All = true
	case 1:
		q.TokenID = row.ID
	case 2:
		q.UserName = row.UserName
	default:
		q.UserName = EmailOf(row.UserName)
	}
	run := &simEnding{query: &q, dry: q.DryRun}
	q.Each = func(e Ending) { w.told(l, run, e) }
	op := w.begin("revoke", row.UserName, "")
	report, err := l.keeper.Revoke(w.ending(ctx, run, r), q)
	w.note(l.name, "revoke reports %+v", report.Ended)
	w.end(ctx, l, op, err)
}

// reap is a cleaner that comes by.
func (w *simWorld) reap(ctx context.Context, l *simLife, r *rand.Rand) {
	some := func() time.Duration { return time.Duration(r.IntN(2)) * between(r, time.Minute, 30*time.Minute) }
	o := ReapOptions{
		Idle: w.plan.policy.IdleTimeout > 0 && r.IntN(3) > 0, Lifetime: w.plan.policy.Lifetime > 0 && r.IntN(3) > 0,
		DeadFor: some(), InDoubtFor: some(), ExpiredFor: some(), UnfinishedFor: some(),
		DryRun: r.IntN(8) == 0, AllClients: r.IntN(2) == 0, Workers: 1 + r.IntN(3),
	}
	run := &simEnding{reap: &o, dry: o.DryRun}
	o.Each = func(e Ending) { w.told(l, run, e) }
	op := w.begin("reap", "", "")
	report, err := l.keeper.Reap(w.ending(ctx, run, r), o)
	w.note(l.name, "reap %+v reports %+v", o, report.Ended)
	w.end(ctx, l, op, err)
}

// used notes that a caller used a row now, with success or without.
func (w *simWorld) used(l *simLife, id string, ok bool) {
	if w.plan.policy.IdleTimeout == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uses[id] = time.Now()
	if ok {
		w.gave[id] = time.Now()
		l.uses[id] = time.Now()
	}
}

func (w *simWorld) usedAt(id string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.uses[id]
}

func (w *simWorld) gaveAt(id string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gave[id]
}

// mayHaveEnded reports whether a limit may have ended the login that callers of the
// life know of.
func (l *simLife) mayHaveEnded(tok AccessToken) bool {
	p := l.w.plan.policy
	if p.IdleTimeout == 0 && p.Lifetime == 0 {
		return false
	}
	if p.Lifetime > 0 && time.Since(l.w.provider.bornAt(tok.Reveal())) >= p.Lifetime {
		return true
	}
	if l.w.plan.rotation == RotationGrace {
		return p.IdleTimeout > 0 // there a use is not always written down
	}
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return p.IdleTimeout > 0 && time.Since(l.uses[tok.TokenID]) >= p.IdleTimeout
}

// checkLimits: nobody gets a token of a login that a limit had ended when he asked.
// used is when anybody used it before.
func (c *simCaller) checkLimits(tok AccessToken, began, used time.Time) {
	w, p := c.l.w, c.l.w.plan.policy
	if p.IdleTimeout == 0 && p.Lifetime == 0 {
		return
	}
	// A login without an access token goes on with the one that is there.
	born, fixed := w.store.bornAt(tok.TokenID)
	born = latest(born, w.provider.bornAt(tok.Reveal()))
	if p.Lifetime > 0 && began.Sub(born) > p.Lifetime+p.skew()+simLate {
		w.violated("(o) %s: a caller received %s of %s, whose login was made %v ago", c.l.name, tok.Reveal(), tok.TokenID, began.Sub(born))
	}
	if idle := began.Sub(latest(latest(born, fixed), used)); p.IdleTimeout > 0 && idle > p.IdleTimeout+p.touchEvery()+p.skew()+simLate {
		w.violated("(o) %s: a caller received %s of %s, which nobody used for %v", c.l.name, tok.Reveal(), tok.TokenID, idle)
	}
}

// bornAt returns when the login was made that a refresh or access token is of.
func (p *simProvider) bornAt(token string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.access[token]; a != nil {
		return a.born
	}
	if g := p.grants[p.root(token)]; g != nil {
		return g.born
	}
	return time.Time{}
}

// checkLeftovers: what was marked and not ended, because a process crashed or store or
// provider failed, is ended by the next run, which says so.
func (w *simWorld) checkLeftovers() {
	time.Sleep(w.plan.claim + w.plan.policy.skew())
	run := &simEnding{reap: &ReapOptions{UnfinishedFor: 100 * time.Hour}, seen: map[string]*Token{}}
	l := w.processes[0].cur
	run.reap.Each = func(e Ending) {
		w.told(l, run, e)
		w.stats.count("leftovers ended")
	}
	if _, err := l.keeper.Reap(context.WithValue(context.Background(), simEndingKey{}, run), *run.reap); err != nil {
		w.violated("(p) at the end, what was left marked cannot be ended: %v", err)
	}
	for _, row := range w.store.all() {
		if isMark(row) && w.provider.endedBy(row.RefreshToken.Reveal()) == "" {
			w.violated("(p) at the end, %s of %s is marked as ended, by %s, and stays", row.ID, row.UserName, row.Claim.Owner)
		}
	}
	for rt := range w.store.marks {
		if w.provider.endedBy(rt) == "" && w.store.holds(w.provider.kin(rt)...) == "" {
			w.violated("(p) at the end, %s was to be ended, is stored nowhere and alive", rt)
		}
	}
}
