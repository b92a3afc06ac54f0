package tokenkeep

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// saveRetry is the first pause before a save is tried again; it doubles up to
// ten times that.
const saveRetry = 50 * time.Millisecond

// commit saves what was minted, publishes it and tells of it.
func (f *flight) commit(ctx context.Context, row *Token, m *minted) (*snapshot, error) {
	f.keeper.keep(f.st, m) // until it is saved
	f.step(ctx, 8)
	r := f.rescue(ctx, row, m) // step 9
	defer r.done()
	next, err := f.save(ctx, row, m, r)
	switch {
	case errors.Is(err, errAgain), errors.Is(err, ErrNotFound):
		r.done()
		f.keeper.settle(ctx, f.st)
		return nil, err
	case err != nil:
		return nil, f.unsaved(ctx, row, r, err)
	}
	r.done()
	rescued := f.pending != nil && m.record.Load() != nil
	f.step(ctx, 10)
	forced := f.st.wasRefused(row.AccessToken)
	if r := f.st.refused.Load(); r != nil && r.Equal(next.AccessToken) {
		f.st.refused.CompareAndSwap(r, nil) // the provider stands by it
	}
	sn := f.st.publish(f.keeper.snapshot(next, forced))
	f.keeper.settle(ctx, f.st) // not before, or a look at the row takes it for another's
	f.step(ctx, 11)
	e := saved(next, rescued)
	if m.successor() && e.Reason == "" {
		e.Reason = "the provider rotated the refresh token"
	}
	f.emit(ctx, next, e)
	if next.UserName == "" {
		f.step(ctx, 12)
		f.keeper.nameLater(f.st.id)
	}
	return sn, nil
}

// saved tells that a token was saved: at once, or by the way of the journal.
func saved(row *Token, rescued bool) Event {
	if rescued {
		return Event{Kind: Rescued, Expiry: row.Expiry, Reason: "the store takes the token that waited in the rescue journal"}
	}
	return Event{Kind: Refreshed, Expiry: row.Expiry}
}

// save writes the minted token by compare-and-swap until it is stored, the row
// turns out to be somebody else's, or the claim's time is over. What the store
// does not take at once goes into the journal meanwhile.
func (f *flight) save(ctx context.Context, row *Token, m *minted, r *rescue) (*Token, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.keeper.opts.ClaimTime)
	defer cancel()
	for wait := saveRetry; ; wait = min(2*wait, 10*saveRetry) {
		next, moved := carry(row, m), f.moved(row, m)
		if moved {
			next = spare(row, m)
		}
		err := f.keeper.store.SaveToken(ctx, next)
		switch {
		case err == nil && moved:
			f.drop(ctx, next, "another process was faster; the refresh token that came with this one is kept as a candidate")
			return nil, errAgain
		case err == nil:
			return next, nil
		}
		if errors.Is(err, ErrConflict) {
			switch row, err = f.rebase(ctx, m); {
			case err == nil && f.isSaved(row, m):
				return row, nil
			case err == nil:
				continue
			}
			if errors.Is(err, errAgain) || errors.Is(err, ErrNotFound) {
				return nil, err
			}
		}
		if !isRefusal(err) && !errors.Is(err, ErrConflict) {
			m.unsure = true
			r.now(err)
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
	}
}

// isSaved reports whether an earlier save arrived though its answer did not.
func (f *flight) isSaved(row *Token, m *minted) bool {
	return row.AccessToken.Equal(m.token.AccessToken) && row.Claim.Owner != f.owner
}

// carry returns the row with what the answer carried; what it omitted stays.
func carry(row *Token, m *minted) *Token {
	next := row.Clone()
	next.AccessToken, next.Expiry = m.token.AccessToken, m.token.Expiry.Round(0) // the wall clock counts, also after a sleep
	if !m.token.RefreshToken.IsZero() {
		next.RefreshToken = m.token.RefreshToken
	}
	if len(m.token.Scopes) > 0 {
		next.Scopes = m.token.Scopes
	}
	next.APIDomain = cmp.Or(m.token.APIDomain, row.APIDomain)
	next.AccountsServer = cmp.Or(row.AccountsServer, m.token.AccountsServer)
	next.DataCentre = cmp.Or(row.DataCentre, m.token.DataCentre)
	next.State, next.Claim = State{}, Claim{}
	countedBy(next.Mints, m.at)
	next.UsedAt = m.at
	if m.successor() {
		usedUp(next.Mints, next.UsedAt)
	}
	return next
}

// rebase reads the row after a conflict and decides whose it is. Ours still, or
// saved already: the new base for the save. Deleted: the new token is revoked and
// the end is told. A newer login, or another owner: ours is dropped, unless it is
// the successor of the row's refresh token, which is spent, or of the one before, or
// shows that a refresh token in doubt works on.
func (f *flight) rebase(ctx context.Context, m *minted) (*Token, error) {
	row, err := f.keeper.store.FindTokenByID(ctx, f.st.id)
	switch {
	case errors.Is(err, ErrNotFound):
		f.st.snap.Store(nil)
		f.drop(ctx, m.asked, "the login was deleted meanwhile")
		f.keeper.revokeOrphan(ctx, m)
		return nil, deletedError(f.st.id, err)
	case err != nil:
		return nil, err
	case f.isSaved(row, m):
		return row, nil
	case f.moved(row, m):
		f.unordered = f.single()
		return row, nil
	case !row.RefreshToken.Equal(m.asked.RefreshToken):
		f.dropOlder(ctx, row, m)
		return nil, errAgain
	case row.Claim.Owner != f.owner && !m.successor() && row.State.Class != InDoubt:
		f.unordered = f.single()
		f.drop(ctx, row, "another process took over")
		return nil, errAgain
	}
	return row, nil
}

// single reports whether a new access token kills the one before. Then nobody knows
// which of two that were asked for at the same time works, and one more is asked
// for, alone.
func (f *flight) single() bool { return f.keeper.provider.Limits().SingleAccess }

// drop gives a minted token up. Nobody has received it. Access tokens of a login
// that lives on end by themselves.
func (f *flight) drop(ctx context.Context, row *Token, why string) {
	f.emit(ctx, row, Event{Kind: Dropped, Reason: why})
}

// dropOlder gives a minted token up that row does not follow from. That of a login
// that row replaced is revoked; that of this login, or what came of it, may have been
// saved before.
func (f *flight) dropOlder(ctx context.Context, row *Token, m *minted) {
	if m.successor() && sameLogin(row, m.asked) {
		f.drop(ctx, row, "another process was faster")
		return
	}
	f.drop(ctx, row, "there is a newer login")
	if m.successor() {
		f.keeper.revokeOrphan(ctx, m)
	}
}

// revokeOrphan ends the minted token of a login that is gone, as far as the
// provider can, and with it the successor of that login's refresh token.
func (k *Keeper) revokeOrphan(ctx context.Context, m *minted) {
	orphan := carry(m.asked, m) // with the data centre that it is revoked at
	if !m.successor() {
		orphan.RefreshToken = Secret{}
	}
	if err := k.provider.Revoke(ctx, orphan); err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: an orphaned access token was not revoked; it ends by itself",
			"token", orphan.ID, "error", err)
	}
}
