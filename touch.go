package tokenkeep

import (
	"context"
	"time"
)

// policed returns an error when a limit of the Policy has ended row, and tells of it
// once.
func (f *flight) policed(ctx context.Context, row *Token) error {
	err := f.keeper.opts.Policy.Check(row, time.Now())
	if err == nil {
		return nil
	}
	if f.st.endTold.Swap(row.Version) != row.Version {
		f.emit(ctx, row, Event{Kind: Ended, Class: NeedsLogin, Reason: reasonOf(err)})
	}
	return err
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
	k.flights.DoChan(st.id, k.flight(context.Background(), st, 0, Secret{}))
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
