package tokenkeep

import (
	"context"
	"errors"
)

// The reasons of Adopted.
const (
	adoptedRefresh = "the store has a newer token"
	adoptedLogin   = "another program or process saved a new login"
	adoptedRotated = "the store has another refresh token: rotated by another process, or a new login"
)

// notice tells, once, of a refresh token that somebody else put into the row in the
// place of the one that this process knew. It reports whether it did.
func (k *Keeper) notice(ctx context.Context, st *state, row *Token, owner string) bool {
	sn := st.snap.Load()
	if sn == nil || sn.refresh.IsZero() || sn.version > row.Version ||
		row.RefreshToken.IsZero() || sn.refresh.Equal(row.RefreshToken) {
		return false
	}
	if m := st.unsaved.Load(); m != nil && m.token.RefreshToken.Equal(row.RefreshToken) {
		return false // it is ours
	}
	if !st.meet(row.RefreshToken) {
		return false
	}
	e := Event{Kind: Adopted, Owner: owner, Expiry: row.Expiry, Reason: adoptedLogin}
	if k.rotates() {
		e.Reason = adoptedRotated
	}
	k.emit(ctx, e.of(row))
	return true
}

// meet reports whether the row's refresh token was not met before.
func (st *state) meet(refresh Secret) bool {
	old := st.met.Swap(&refresh)
	return old == nil || !old.Equal(refresh)
}

// heldBack tells, once for each time at which asking makes sense again, that the
// budget of the row refused a refresh.
func (f *flight) heldBack(ctx context.Context, row *Token, err error) error {
	e, ok := errors.AsType[*Error](err)
	if ok && f.st.heldBack.Swap(e.Until.UnixNano()) != e.Until.UnixNano() {
		f.emit(ctx, row, Event{Kind: HeldBack, Class: e.Class, Reason: e.reason()})
	}
	return err
}
