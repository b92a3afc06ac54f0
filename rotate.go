package tokenkeep

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxCandidates is how many unspent successors a row keeps.
const maxCandidates = 4

// A refresh that is asked for after its row was saved counts as a use of the row's
// refresh token if it comes at least this long after Token.UsedAt: the times of a
// row are compared after stores have rounded them.
const apart = time.Second

// askTime returns the time to write down for a refresh that is asked for now. It is
// after row.UsedAt, whatever the clock of the process says that wrote that.
func askTime(row *Token, now time.Time, l Limits) time.Time {
	if after := row.UsedAt.Add(apart); l.Rotation == RotationGrace && now.Before(after) {
		return after
	}
	return now
}

// isUse reports whether a mint of row was asked for with its present refresh token,
// and not with the one before.
func isUse(row *Token) func(mint time.Time) bool {
	return row.UsedAt.Add(apart / 2).Before
}

// firstUse returns when row's refresh token may have been sent first, or zero if
// nobody sent it.
func firstUse(row *Token) time.Time {
	var first time.Time
	for _, t := range row.Mints {
		if isUse(row)(t) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// inGrace reports whether a refresh token that may have been used at first can be
// sent again. A quarter of the grace is for the way and for clocks that differ; that
// of the one who used it may be ahead, too.
func (l Limits) inGrace(first, now time.Time) bool {
	return first.IsZero() || now.Sub(first).Abs() < l.Grace/4*3
}

// mayBeSpent returns an error when row's refresh token may have been sent, and the
// provider would take it for theft if it came again: by whoever left a claim in the
// row of a strict rotator, or longer ago than the grace lasts.
func (f *flight) mayBeSpent(row *Token) error {
	l := f.keeper.provider.Limits()
	f.firstUse = time.Time{}
	if owner := f.st.idle.Load(); owner != nil && *owner == row.Claim.Owner {
		if n := len(row.Mints); n > 0 && !row.Mints[n-1].Before(row.Claim.Since) {
			row.Mints = row.Mints[:n-1] // nothing was sent under that claim
		}
		row.Claim = Claim{}
	}
	switch {
	case f.pending != nil:
		return nil
	case l.Rotation == RotationStrict && row.Claim.Held() && row.Claim.Owner != f.owner:
		return spentError("a refresh ended without a trace and may have spent the refresh token")
	case l.Rotation == RotationGrace:
		f.firstUse = firstUse(row)
		return f.stillInGrace()
	}
	return nil
}

// stillInGrace returns an error when the refresh token was sent before, and is not
// sure to work once more.
func (f *flight) stillInGrace() error {
	if f.keeper.provider.Limits().inGrace(f.firstUse, time.Now()) {
		return nil
	}
	return spentError("the answer to a refresh was lost, and the time is over in which the refresh token can be sent again")
}

func spentError(reason string) error {
	return &Error{Class: InDoubt, Op: "refresh", Unknown: true, Reason: reason}
}

// sameLogin reports whether a and b are versions of one row with one login in them,
// whose refresh token may have been rotated in between.
func sameLogin(a, b *Token) bool {
	return a.GrantToken.Equal(b.GrantToken) && lastLogin(a).Equal(lastLogin(b))
}

func lastLogin(t *Token) time.Time {
	if n := len(t.Logins); n > 0 {
		return t.Logins[n-1]
	}
	return time.Time{}
}

// moved reports whether row went on to another successor of the refresh token that m
// was asked for with, so that m's is a candidate. A provider without a grace gives
// one successor: what its row went on to came of m. So it may have if m was saved and
// only the answer was lost; then m's may be spent by now.
func (f *flight) moved(row *Token, m *minted) bool {
	return f.keeper.provider.Limits().Rotation == RotationGrace && m.successor() && !m.unsure &&
		!row.RefreshToken.Equal(m.asked.RefreshToken) && sameLogin(row, m.asked)
}

// spare returns row with m's successor among its candidates. If row's own refresh
// token is dead or in doubt, the candidate takes its place.
func spare(row *Token, m *minted) *Token {
	next := row.Clone()
	next.Candidates = slices.Insert(next.Candidates, 0, m.token.RefreshToken)
	next.Candidates = next.Candidates[:min(len(next.Candidates), maxCandidates)]
	if c := row.State.Class; c == NeedsLogin || c == InDoubt {
		promote(next)
	}
	return next
}

// promote puts row's newest candidate in the place of its refresh token. What was
// asked for with that counts no longer.
func promote(row *Token) {
	row.Mints = slices.DeleteFunc(slices.Clone(row.Mints), isUse(row))
	row.RefreshToken, row.Candidates = row.Candidates[0], slices.Clone(row.Candidates[1:])
	row.State, row.Claim = State{}, Claim{}
}

// rotates reports whether the provider gives new refresh tokens for old ones.
func (k *Keeper) rotates() bool {
	p := k.provider.Limits().Rotation
	return p == RotationGrace || p == RotationStrict
}

// revokeAll revokes row's refresh token, its candidates, and the successor that waits
// to be saved. (If the journal cannot be read now, Recover revokes it.)
func (k *Keeper) revokeAll(ctx context.Context, row *Token) error {
	err := k.provider.Revoke(ctx, row)
	spares := slices.Clone(row.Candidates)
	if k.rotates() {
		if m, _ := k.waiting(ctx, row); m != nil && m.successor() {
			spares = append(spares, m.token.RefreshToken)
		}
	}
	for _, c := range spares {
		t := row.Clone()
		t.RefreshToken, t.AccessToken = c, Secret{}
		err = errors.Join(err, k.provider.Revoke(ctx, t))
	}
	return err
}

// usedUp moves the mints that another clock put after at back to it: they belong to
// the refresh token that at ended.
func usedUp(mints []time.Time, at time.Time) {
	for i, t := range mints {
		if t.After(at) {
			mints[i] = at
		}
	}
}

// replays reports whether a refresh that ended in e is asked for again within the
// grace of its refresh token.
func (f *flight) replays(e *Error) bool {
	return e.Unknown && e.Class == RetryLater && f.keeper.provider.Limits().Rotation == RotationGrace
}

// goOn returns an error when a flight that failed, and wrote next over row, has
// something left to try. It is errAgain for the candidate that took the place of the
// refresh token, one for each flight, and for the same refresh token before its grace
// is over.
func (f *flight) goOn(ctx context.Context, row, next *Token, e *Error) error {
	switch {
	case !next.RefreshToken.Equal(row.RefreshToken) && !f.promoted:
		f.promoted = true
		return errAgain
	case !next.RefreshToken.Equal(row.RefreshToken):
		return &Error{
			Class: RetryLater, Op: "refresh", Code: e.Code, Until: time.Now(),
			Reason: "two refresh tokens of this login are dead or in doubt; the next refresh tries another one",
		}
	case f.replays(e) && sleep(ctx, time.Until(next.State.Until)) == nil:
		return errAgain
	}
	return nil
}
