package tokenkeep

import (
	"context"
	"errors"
	"sync/atomic"
)

// A loginRescue watches the save of a login, as a rescue does that of a refresh.
type loginRescue struct {
	*rescue
	token *Token
	old   *Token                 // the stored login that it replaces, or nil
	base  atomic.Pointer[string] // see record
	name  atomic.Pointer[string] // of the record
}

// rescueLogin starts to watch the save of t. The caller ends it with done.
func (k *Keeper) rescueLogin(ctx context.Context, t *Token) *loginRescue {
	l := &loginRescue{token: t}
	if k.journal == nil {
		l.rescue = newRescue(0, nil)
		return l
	}
	l.rescue = newRescue(k.rescueAfter(), func(why error) error {
		k.step(ctx, 9)
		r := &record{
			kind: RescuedLogin, at: t.UsedAt, owner: k.owner, why: because(why, t),
			token: t, base: l.base.Load(),
		}
		err := k.writeRecord(ctx, r, t.UserName)
		if err == nil {
			l.name.Store(&r.name)
		}
		return err
	})
	return l
}

// supersedes finds the stored login that this one replaces.
func (l *loginRescue) supersedes(ctx context.Context, k *Keeper) {
	old, err := k.superseded(ctx, l.token)
	switch {
	case errors.Is(err, ErrNotFound):
		l.old = nil
		l.base.Store(new(string))
	case err == nil:
		l.old = old
		l.base.Store(new(mark(old.RefreshToken)))
	}
}

// saved ends the record of a login that was saved, if there is one.
func (l *loginRescue) saved(ctx context.Context, k *Keeper) {
	if name := l.name.Load(); name != nil {
		k.removeRecord(ctx, *name)
	}
}

// unsaved tells of a login that the store does not take. One that it refuses for
// good is not kept.
func (l *loginRescue) unsaved(ctx context.Context, k *Keeper, err error) (kept bool, _ error) {
	if isRefusal(err) {
		l.saved(ctx, k)
		return false, storeError("login: save", err)
	}
	kept, journalErr := l.last(err)
	e := Event{
		Kind: Unsaved, Class: StoreUnavailable, Journaled: kept,
		Reason: "the store does not take the new login",
	}.of(l.token)
	switch {
	case kept:
		e.Reason += "; it is kept in the rescue journal and saved by the next start"
	case journalErr != nil:
		e.Reason += "; " + journalErr.Error()
	}
	k.emit(ctx, e)
	return kept, unsavedError("login: save", err, kept, journalErr)
}

// fence sees to it that a save over old which was given up, and may be on its way to
// the store, changes nothing when it arrives: old's version goes on without it. It
// reports whether that is sure.
func (k *Keeper) fence(ctx context.Context, old *Token) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), identifyTime/4)
	defer cancel()
	for old != nil && old.Version > 0 {
		row, err := k.store.FindTokenByID(ctx, old.ID)
		if errors.Is(err, ErrNotFound) || err == nil && row.Version != old.Version {
			break
		}
		if err == nil {
			err = k.store.SaveToken(ctx, row)
		}
		if err != nil && !errors.Is(err, ErrConflict) {
			return false
		}
	}
	return true
}

// giveBack revokes a login that was redeemed and that nobody can keep, so that it
// does not take the place of another: Zoho keeps 20 refresh tokens for each user
// and client. What the store has, or may have because only its answer was lost, stays.
func (k *Keeper) giveBack(ctx context.Context, t *Token) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), identifyTime)
	defer cancel()
	if t.RefreshToken.IsZero() || k.mayHold(ctx, t) {
		return
	}
	if err := k.provider.Revoke(ctx, t); err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: a login that could not be kept was not revoked either",
			"user", t.UserName, "error", err)
		return
	}
	k.emit(ctx, Event{Kind: Revoked, Reason: "the new login could be saved nowhere"}.of(t))
}

// mayHold reports whether a row holds t's refresh token, or nobody can say: a save
// that failed may have arrived.
func (k *Keeper) mayHold(ctx context.Context, t *Token) bool {
	ctx, cancel := context.WithTimeout(ctx, identifyTime/4) // the rest is for the provider
	defer cancel()
	_, err := k.holder(ctx, t) // another process may have rotated it by now
	return !errors.Is(err, ErrNotFound)
}
