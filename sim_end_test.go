package tokenkeep

import (
	"context"
	"errors"
	"time"
)

// checkEnd looks at what is left when all faults are over and every process lives.
func (w *simWorld) checkEnd() {
	for _, row := range w.store.all() {
		for _, p := range w.processes {
			w.checkRow(p.cur, row)
		}
	}
	for _, op := range w.ops {
		w.checkLogin(op)
	}
}

// checkRow: a stored login works, in every process, unless somebody ended it.
func (w *simWorld) checkRow(l *simLife, row *Token) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := l.keeper.SessionByID(ctx, row.ID)
	if errors.Is(err, ErrNotFound) && w.store.isDeleted(row.ID) {
		return // it has moved to the row with the user's name
	}
	if err != nil {
		w.violated("(b) at the end, %s: no session of %s: %v", l.name, row.ID, err)
		return
	}
	tok, err := s.Token(ctx)
	if err == nil {
		if !w.provider.accepts(tok.Reveal()) && w.provider.endedBy(row.RefreshToken.Reveal()) == "" {
			s.Invalidate(ctx, tok)
			tok, err = s.Token(ctx)
		}
	}
	if err == nil {
		(&simCaller{l: l, s: s}).check(tok, 0)
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Class == Throttled { // somebody refreshed too often
		time.Sleep(time.Until(e.Until) + time.Second)
		_, err = s.Token(context.Background())
	}
	if err != nil && !w.mayBeDead(row, err) {
		w.violated("(b) at the end, %s: the login %s of %s is lost: %v", l.name, row.RefreshToken.Reveal(), row.ID, err)
	}
}

// mayBeDead reports whether a login may have ended: somebody ended it, or its
// provider rotates and something went wrong.
func (w *simWorld) mayBeDead(row *Token, err error) bool {
	ended := isMark(row) && !w.faultless() || w.plan.policy.Check(row, time.Now()) != nil
	if ended && errors.Is(err, ErrNeedsLogin) {
		return true
	}
	switch w.provider.endedBy(row.RefreshToken.Reveal()) {
	case "withdrawn", "logout", "twice", "ended":
		return errors.Is(err, ErrNeedsLogin) || errors.Is(err, ErrInDoubt)
	}
	if w.plan.rotation == RotationNone {
		return false
	}
	w.stats.count("logins dead at the end")
	return !w.faultless() && (errors.Is(err, ErrInDoubt) || errors.Is(err, ErrNeedsLogin))
}

// faultless reports whether nothing went wrong so far that may cost a token.
func (w *simWorld) faultless() bool { return w.upsets.Load() == 0 && w.cuts.Load() == 0 }

// checkLogin: a login that a person was told of is stored, unless another login or
// the end of it came after or beside it.
func (w *simWorld) checkLogin(op *simOp) {
	if op.kind != "login" || !op.ok {
		return
	}
	if ended := w.provider.endedBy(op.rt); ended == "withdrawn" || ended == "logout" || ended == "ended" || w.store.gap[op.rt] {
		return
	}
	for _, other := range w.ops {
		if other != op && other.user == op.user && (other.to.IsZero() || !other.to.Before(op.from)) {
			return
		}
	}
	for _, row := range w.store.all() {
		if w.provider.descends(row.RefreshToken.Reveal(), op.rt) {
			return
		}
	}
	w.violated("(b) the login %s of %s was told of and is not stored", op.rt, op.user)
}

// descends reports whether a refresh token is another, rotated or not.
func (p *simProvider) descends(rt, from string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.root(rt) == from
}

// throttled notes that the provider had to. The rows know of every mint, so that it
// never has to unless something went wrong, and then not more often than that.
func (w *simWorld) throttled(g *simGrant) {
	w.note("provider", "throttles %s", g.rt)
	w.stats.count("throttles")
	if n := w.throttles.Add(1); n > w.upsets.Load()+w.cuts.Load() {
		w.violated("(e) the provider throttles for the %d. time, after %d mishaps", n, w.upsets.Load()+w.cuts.Load())
	}
}
