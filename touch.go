package tokenkeep

import (
	"context"
	"time"
)

// policed returns an error when a limit of the Policy has ended row, and tells of it
// once, if this process has seen the login alive.
func (f *flight) policed(ctx context.Context, row *Token) error {
	p, seen := f.keeper.opts.Policy, row.Clone()
	seen.UsedAt = latest(row.UsedAt, f.st.lastUse()) // what could not be written down counts too
	err := p.Check(seen, time.Now())
	if err == nil {
		return nil
	}
	end, _ := p.EndsAt(seen)
	if sn := f.st.snap.Load(); sn != nil && sn.since.Before(end) && f.st.endTold.Swap(row.Version) != row.Version {
		f.emit(ctx, row, Event{Kind: Ended, Class: NeedsLogin, Reason: reasonOf(err)})
	}
	return err
}

// use remembers that a login is used now.
func (k *Keeper) use(st *state, sn *snapshot, now time.Time) {
	if k.opts.Policy.IdleTimeout <= 0 {
		return
	}
	st.used.Store(now.UnixNano())
	k.touchBehind(st, sn, now)
}

// lastUse returns when this process used the login last, or zero.
func (st *state) lastUse() time.Time {
	if ns := st.used.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// end returns when a limit of the Policy ends the login of sn, or zero: as the row
// says, or later, because this process has used it since, whether or not the store
// could be told.
func (st *state) end(sn *snapshot) time.Time {
	idle, used := sn.idleEnd, st.lastUse()
	if !idle.IsZero() && used.After(sn.used) {
		idle = idle.Add(used.Sub(sn.used))
	}
	if idle.IsZero() || !sn.lifeEnd.IsZero() && sn.lifeEnd.Before(idle) {
		return sn.lifeEnd
	}
	return idle
}

// touchBehind lets the row know that its login is used, when it does not know that
// of late: at most once in softPause, behind the callers' backs. Whoever uses a
// session asks for its snapshot anew once a second, so no use is missed.
func (k *Keeper) touchBehind(st *state, sn *snapshot, now time.Time) {
	if !k.opts.Policy.touchDue(sn.used, now) {
		return
	}
	clock, after := k.clock(), st.touchAfter.Load()
	if clock < after || !st.touchAfter.CompareAndSwap(after, clock+int64(softPause+jitter(softPause/3))) {
		return
	}
	k.behind(st, 0)
}

// touch writes down that row is used, by compare-and-swap, in a flight that found
// nothing to refresh. A refresh that runs elsewhere does so itself. A failure does no
// harm: it is tried again.
func (f *flight) touch(ctx context.Context, row *Token, sn *snapshot) *snapshot {
	now := time.Now()
	if row.Claim.Held() || !f.keeper.opts.Policy.touchDue(lastUse(row), now) {
		return sn
	}
	if f.keeper.provider.Limits().Rotation == RotationGrace && !firstUse(row).IsZero() {
		return sn // UsedAt has to tell that the refresh token may be spent
	}
	ctx, cancel := context.WithTimeout(ctx, f.keeper.opts.ClaimTime)
	defer cancel()
	row.UsedAt = now
	if err := f.keeper.store.SaveToken(ctx, row); err != nil {
		f.keeper.opts.Logger.DebugContext(ctx, "tokenkeep: the last use of a login was not saved", "token", row.ID, "error", err)
		return sn
	}
	return f.st.publish(f.keeper.snapshot(row, false))
}
