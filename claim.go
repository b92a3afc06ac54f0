package tokenkeep

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// poll is the mean time between two looks at a row that another owner claims.
const poll = 20 * time.Millisecond

// longestPause caps the times in a row's state that another machine's clock
// wrote.
const longestPause = 15 * time.Minute

func jitter(d time.Duration) time.Duration { return rand.N(d + 1) } //nolint:gosec // jitter is no secret

// standsStill reports whether a foreign claim has not changed for ClaimTime, by
// this process's monotonic clock. No clock is compared across machines.
func (f *flight) standsStill(row *Token) bool {
	// Times are compared by Equal: a store may give each of its answers a time zone of its own.
	same := row.Claim.Owner == f.seen.Owner && row.Claim.Since.Equal(f.seen.Since)
	if !same || row.Version != f.seenAt {
		f.seen, f.seenAt, f.seenSince = row.Claim, row.Version, time.Now()
		return false
	}
	return time.Since(f.seenSince) >= f.keeper.opts.ClaimTime
}

// foreign reports whether another Keeper holds the claim. Our own can be in the
// row: the store's answer was lost, or did not take what an earlier flight minted.
// Flights of one Keeper for one row follow each other, so it need not stand still.
func (f *flight) foreign(c Claim) bool {
	return c.Held() && !strings.HasPrefix(c.Owner, f.keeper.owner+":")
}

// holds reports whether row is still the one that this flight claimed, to ask
// with the refresh token spent.
func (f *flight) holds(row *Token, spent Secret) bool {
	return row.Claim.Owner == f.owner && row.RefreshToken.Equal(spent)
}

// pause waits a little before the next look at the row.
func (f *flight) pause(ctx context.Context) error {
	if err := sleep(ctx, poll/2+jitter(poll)); err != nil {
		return &Error{
			Class: RetryLater, Op: "refresh", Until: time.Now(), Err: err,
			Reason: "another process refreshes or changes this token and did not finish in time",
		}
	}
	return nil
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mayAsk returns an error when the row's state or lack of a refresh token
// forbids a request.
func (f *flight) mayAsk(row *Token, now time.Time) error {
	if f.pending != nil {
		return nil // nothing will be asked: there is a token to save
	}
	if f.beyondLife(row, now) {
		return tooLongError(f.want)
	}
	s := row.State
	switch s.Class {
	case NeedsLogin, InDoubt:
		return stateError(row, time.Time{})
	case Throttled, RetryLater:
		if until := capped(s.Until, now); until.After(now) {
			return stateError(row, until)
		}
	case Misconfigured:
		// A process that was not told so itself may have the right configuration.
		if until := capped(s.Until, now); until.After(now) && f.keeper.clock() < f.keeper.misconfigured.Load() {
			return stateError(row, until)
		}
	}
	if row.RefreshToken.IsZero() {
		return noRefreshTokenError(row)
	}
	return nil
}

// beyondLife reports whether a new token would be no better than the row's, which
// is good in itself but not for as long as the caller wants.
func (f *flight) beyondLife(row *Token, now time.Time) bool {
	life := lifeOf(row)
	return life > 0 && f.want >= life && row.Valid(now, 0) &&
		!f.st.wasRefused(row.AccessToken) && !f.not.Equal(row.AccessToken)
}

func capped(until, now time.Time) time.Time {
	if latest := now.Add(longestPause); until.After(latest) {
		return latest
	}
	return until
}

// budget returns a Throttled error, without a request, when the row shows that
// the provider's quota is used up.
func (f *flight) budget(ctx context.Context, row *Token, now time.Time) error {
	f.step(ctx, 4)
	if f.pending != nil {
		return nil
	}
	l := f.keeper.provider.Limits()
	if row.Valid(now, f.want) && !f.st.wasRefused(row.AccessToken) {
		l.Live -= l.Live / 5 // nobody needs this refresh: some are left for those in need
	}
	return QuotaOf(l, now, row).throttled("refresh", l)
}

// recentMints returns the mint times within window before now.
func recentMints(mints []time.Time, now time.Time, window time.Duration) []time.Time {
	return slices.DeleteFunc(slices.Clone(mints), func(t time.Time) bool {
		return now.Sub(t) >= window || t.Sub(now) > longestPause
	})
}

// countedBy moves the newest mint that was asked for before at to at: the provider
// counted it somewhere in between, and its window must not outlast the row's.
func countedBy(mints []time.Time, at time.Time) {
	for i, t := range slices.Backward(mints) {
		if !t.After(at) {
			mints[i] = at
			return
		}
	}
}

// counted moves the newest mint of row to at, unless its time has to tell when the
// refresh token was sent first.
func (f *flight) counted(row *Token, at time.Time) {
	if f.keeper.provider.Limits().Rotation != RotationGrace {
		countedBy(row.Mints, at)
	}
}

// claim writes this flight's claim and the mint time into the row. It proves
// that the store can be written, before anything is asked.
func (f *flight) claim(ctx context.Context, row *Token) error {
	f.step(ctx, 5)
	taken, now := row.Claim, time.Now()
	row.Claim = Claim{Owner: f.owner, Since: now}
	l := f.keeper.provider.Limits()
	row.Mints = recentMints(mintsOf(row, l), now, max(l.Window, l.Grace, liveFor(row, l)))
	if f.pending == nil && !(f.unasked && taken.Owner == f.owner) { // else it is counted already
		row.Mints = append(row.Mints, askTime(row, now, l))
	}
	f.unasked = f.pending == nil && (!taken.Held() || f.unasked)
	if err := f.keeper.store.SaveToken(ctx, row); err != nil {
		f.st.idle.Store(&f.owner) // it may be in the row all the same
		if errors.Is(err, ErrConflict) {
			return errAgain
		}
		return storeError("refresh: claim", err)
	}
	f.st.idle.Store(nil)
	f.claimed = now
	if f.foreign(taken) {
		f.emit(ctx, row, Event{Kind: TakenOver, Reason: "the claim of " + taken.Owner + " stood still"})
	}
	return nil
}

// renew writes the claim again, so that nobody takes it over while the request
// runs, and returns the row's next version. After a failure it returns the row
// as it was: the commit finds out what became of it.
func (f *flight) renew(ctx context.Context, row *Token) (*Token, error) {
	ctx, cancel := context.WithTimeout(ctx, f.keeper.opts.ClaimTime/2)
	defer cancel()
	next, err := f.renewOnce(ctx, row)
	if !errors.Is(err, ErrConflict) {
		return next, err
	}
	fresh, readErr := f.keeper.store.FindTokenByID(ctx, f.st.id)
	if readErr != nil || !f.holds(fresh, row.RefreshToken) {
		return row, err
	}
	return f.renewOnce(ctx, fresh) // somebody gave the row a name, say
}

func (f *flight) renewOnce(ctx context.Context, row *Token) (*Token, error) {
	next, now := row.Clone(), time.Now()
	next.Claim.Since = now
	f.counted(next, now)
	if err := f.keeper.store.SaveToken(ctx, next); err != nil {
		return row, err
	}
	f.claimed = now
	return next, nil
}

// stillOurs makes sure, right before the request, that the claim is young: a
// process that was stopped since may have lost it.
func (f *flight) stillOurs(ctx context.Context, row *Token) (*Token, error) {
	// A suspended machine stops the monotonic clock, a changed date the other one.
	age := max(time.Since(f.claimed), time.Now().Round(0).Sub(f.claimed.Round(0)))
	if age < f.keeper.opts.ClaimTime/2 {
		return row, nil
	}
	next, err := f.renew(ctx, row)
	if err != nil {
		return nil, errAgain
	}
	return next, nil
}
