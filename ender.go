package tokenkeep

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// endMark is in the owner of a claim that marks a row as being ended.
const endMark = ":end:"

// endTries is how often a row is judged anew that changes all the time.
const endTries = 8

// An ender ends logins, one row at a time: it judges the row, marks it by
// compare-and-swap, revokes it at the provider, looks at it again, and deletes it.
//
// The mark is a claim and the state "needs login", unless the row is in doubt. What
// read the row before, a refresh or a use, conflicts with it; what reads it afterwards
// does not ask with a refresh token that is about to die; and a new login wipes it out,
// which the second look sees. A store cannot delete one version of a row only: a login
// that is saved between that look and the deletion is lost. A kill leaves a row that
// needs a login, and tells by its state that it may be alive at the provider: the next
// run ends it.
type ender struct {
	keeper *Keeper
	op     string
	// judge says why a row is to be ended, and "" if it is not.
	judge func(row *Token, now time.Time) (Cause, string)
	dry   bool
	// insist ends a row also while it is refreshed, and what became of it by that.
	insist bool
}

// end ends the row with this id, or says what it would do. It returns false when
// there is nothing to end: the row is gone, or must stay.
func (d *ender) end(ctx context.Context, id string) (e Ending, ok bool) {
	begun := false
	for range endTries {
		row, err := d.keeper.store.FindTokenByID(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound):
			return e, begun
		case err != nil && ctx.Err() != nil && !begun:
			return e, false
		case err != nil:
			return Ending{TokenID: id, Cause: e.Cause, Reason: e.Reason, Err: storeError(d.op, err)}, true
		}
		next, ok := d.plan(ctx, row)
		if !ok && begun {
			e.Err = d.changed()
		}
		if !ok {
			return e, begun
		}
		if e = next; d.dry || e.Err != nil {
			return e, true
		}
		if ctx.Err() != nil && !begun {
			return e, false
		}
		begun = true
		if e.Err = d.carryOut(ctx, row, e); !errors.Is(e.Err, errAgain) {
			return e, true
		}
	}
	e.Err = d.changed()
	return e, true
}

// plan judges a row that was just read. A dry run ends here.
func (d *ender) plan(ctx context.Context, row *Token) (e Ending, ok bool) {
	now := time.Now()
	cause, reason := d.judge(row, now)
	if cause == "" || !d.insist && d.isBusy(row, now) {
		return e, false
	}
	e = endingOf(row, cause, reason)
	if !d.insist {
		list, err := d.keeper.recordedLogins(ctx, row)
		if err != nil {
			e.Err = journalError(err)
			return e, true
		}
		if len(list) > 0 {
			return e, false // the user has logged in again; the row is to take that
		}
	}
	if cause == CauseDead || cause == CauseInDoubt {
		var revives bool
		revives, e.Err = d.mayRevive(ctx, row)
		return e, !revives
	}
	return e, true
}

// isBusy reports whether somebody may be refreshing row. A claim that was left by a
// dead process counts until every clock agrees that it is old.
func (d *ender) isBusy(row *Token, now time.Time) bool {
	return row.Claim.Held() && now.Sub(row.Claim.Since) < d.keeper.opts.ClaimTime+d.keeper.opts.Policy.skew()
}

// mayRevive reports whether a token that waits to be saved, here or in the rescue
// journal of this host, brings a dead login back.
func (d *ender) mayRevive(ctx context.Context, row *Token) (bool, error) {
	if len(row.Candidates) > 0 {
		return true, nil
	}
	m, err := d.keeper.waiting(ctx, row)
	return m != nil, err
}

// carryOut ends row, which was judged. errAgain means that it has changed.
func (d *ender) carryOut(ctx context.Context, row *Token, e Ending) error {
	marked, err := d.mark(ctx, row, e.Reason)
	if err != nil {
		return err
	}
	if e.Revoke {
		if err := d.revoke(ctx, row, e); err != nil {
			d.unmark(ctx, row, marked)
			return fmt.Errorf("the token is still stored: %w", err)
		}
	}
	// What was revoked is deleted, whatever the caller wants by now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.keeper.opts.ClaimTime)
	defer cancel()
	now, err := d.keeper.store.FindTokenByID(ctx, row.ID)
	switch {
	case err == nil && !isMarked(now, marked):
		return d.whoChanged(marked, now)
	case err == nil:
		err = d.keeper.delete(ctx, now, e.Reason)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return storeError(d.op+": delete", err)
	}
	return nil
}

// mark writes into the row that it is being ended. A store that keeps no versions
// serves one process, and could not take the mark back.
func (d *ender) mark(ctx context.Context, row *Token, reason string) (*Token, error) {
	marked := row.Clone()
	if row.Version == 0 {
		return marked, nil
	}
	// A save that is cut off may have arrived: once begun, it is seen through.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.keeper.opts.ClaimTime)
	defer cancel()
	now := time.Now()
	marked.Claim = Claim{Owner: d.keeper.owner + endMark + rand.Text()[:6], Since: now}
	if c := marked.State.Class; c != NeedsLogin && c != InDoubt {
		marked.State = State{Class: NeedsLogin, Reason: reason, Since: now, Failures: 1}
	}
	err := d.keeper.store.SaveToken(ctx, marked)
	if errors.Is(err, ErrConflict) {
		return nil, errAgain
	}
	if err != nil {
		if now, readErr := d.keeper.store.FindTokenByID(ctx, row.ID); readErr == nil && now.Claim.Owner == marked.Claim.Owner {
			return now, nil // only the answer was lost
		}
		d.unmark(ctx, row, marked) // it may have arrived, or arrive yet
		return nil, storeError(d.op+": mark", err)
	}
	return marked, nil
}

// isMarked reports whether row is still what was marked, by whom ever: two processes
// may end one login. A name that it got, or a new encryption, does not count.
func isMarked(row, marked *Token) bool {
	return (row.Claim.Owner == marked.Claim.Owner || isEndMark(row.Claim)) &&
		row.State.Class == marked.State.Class &&
		row.RefreshToken.Equal(marked.RefreshToken) && row.AccessToken.Equal(marked.AccessToken)
}

// isEndMark reports whether c is that of an ender.
func isEndMark(c Claim) bool { return strings.Contains(c.Owner, endMark) }

// unmark takes the mark back, so that a login that is alive works on.
func (d *ender) unmark(ctx context.Context, row, marked *Token) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.keeper.opts.ClaimTime)
	defer cancel()
	if row.Version == 0 {
		return
	}
	for wait := saveRetry; ; wait *= 2 {
		now, err := d.keeper.store.FindTokenByID(ctx, row.ID)
		if errors.Is(err, ErrNotFound) || err == nil && now.Claim.Owner != marked.Claim.Owner {
			return
		}
		if err == nil {
			now.State, now.Claim = unmarked(row), Claim{}
			if d.keeper.rotates() {
				now.Claim = row.Claim // it tells that the refresh token may be spent
			}
			err = d.keeper.store.SaveToken(ctx, now)
		}
		if err == nil {
			return
		}
		if sleep(ctx, wait) != nil {
			d.keeper.opts.Logger.WarnContext(ctx, "tokenkeep: a login that could not be revoked stays marked as ended", "token", row.ID, "error", err)
			return
		}
	}
}

// isEnding reports whether somebody began to end row: its state is that of a mark, or
// it is in doubt and marked. Its tokens may be alive at the provider.
func isEnding(row *Token) bool {
	return hasMarkState(row) || row.State.Class == InDoubt && isEndMark(row.Claim)
}

// hasMarkState reports whether row's state is what a mark wrote.
func hasMarkState(row *Token) bool {
	s := row.State
	return s.Class == NeedsLogin && (strings.HasPrefix(s.Reason, EndedByPolicy) ||
		strings.HasPrefix(s.Reason, CleanedUp) || strings.HasPrefix(s.Reason, RevokedOnRequest))
}

// unmarked returns row's state without that of a mark: another ender's, who may have
// been killed. What was before, the next refresh finds out.
func unmarked(row *Token) State {
	if hasMarkState(row) {
		return State{}
	}
	return row.State
}

// revoke ends row's tokens at the provider. Unless somebody asked for just that, a
// refresh token that another row holds too is left alive: that one may be in use.
func (d *ender) revoke(ctx context.Context, row *Token, e Ending) (err error) {
	k := d.keeper
	ctx, cancel := context.WithTimeout(ctx, k.opts.FlightTime)
	defer cancel()
	if e.Cause != CauseRevoked {
		if held, err := k.heldTwice(ctx, row); held || err != nil {
			return err
		}
	}
	defer func() {
		if r := recover(); r != nil {
			err = k.panicked(ctx, "provider", r)
		}
	}()
	err = k.revokeAll(ctx, row)
	if e.Cause == CauseRevoked {
		err = errors.Join(err, k.revokeRecorded(ctx, row))
	}
	if err != nil {
		return err
	}
	k.emit(ctx, Event{Kind: Revoked, Reason: e.Reason}.of(row))
	return nil
}

// heldTwice reports whether another row has row's refresh token.
func (k *Keeper) heldTwice(ctx context.Context, row *Token) (bool, error) {
	if row.ClientID == "" || row.RefreshToken.IsZero() {
		return false, nil
	}
	_, err := k.store.FindToken(ctx, &Token{ClientID: row.ClientID, RefreshToken: row.RefreshToken})
	switch {
	case err == nil || errors.Is(err, ErrNotFound):
		return false, nil
	case errors.Is(err, ErrAmbiguous):
		return true, nil
	}
	return false, storeError("find", err)
}

// whoChanged says what to do about a row that is not what was marked: try again, or
// keep it.
func (d *ender) whoChanged(marked, now *Token) error {
	if now.RefreshToken.Equal(marked.RefreshToken) {
		return errAgain // somebody used it
	}
	if d.insist && d.keeper.rotates() && sameLogin(now, marked) {
		return errAgain // the successor of what was revoked
	}
	return &Error{
		Class: RetryLater, Op: d.op, Until: time.Now(), Err: ErrConflict,
		Reason: "the user logged in again at the same moment; the earlier login is revoked, the new one is kept",
		Hint:   "run it once more to end the new login too",
	}
}

func (d *ender) changed() error {
	return &Error{
		Class: RetryLater, Op: d.op, Until: time.Now(), Err: ErrConflict,
		Reason: "the login was used or changed at the same moment; it is kept", Hint: "run it once more",
	}
}
