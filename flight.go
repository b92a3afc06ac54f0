package tokenkeep

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"
)

// newOwner names a Keeper in claims and events: host, process, and a random part
// because process numbers come again.
func newOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), rand.Text()[:8])
}

// refreshBehind starts a flight that nobody waits for, at most one in softPause.
// Its failure is logged and otherwise ignored: the current token is valid.
func (k *Keeper) refreshBehind(st *state) {
	now, after := k.clock(), st.softAfter.Load()
	if now < after || !st.softAfter.CompareAndSwap(after, now+int64(softPause+jitter(softPause/3))) {
		return
	}
	k.behind(st, st.snap.Load().softTime())
}

// behind starts a flight that only Close waits for: also when that comes at once, as
// in a program that asks for one token and ends.
func (k *Keeper) behind(st *state, want time.Duration) {
	if k.begin() != nil {
		return
	}
	ch := k.flights.DoChan(st.id, func() (any, error) { return k.fly(context.Background(), st, want, Secret{}) })
	go func() {
		defer k.work.Done()
		<-ch
	}()
}

// join waits for the row's flight, which it starts if none runs.
func (k *Keeper) join(ctx context.Context, st *state, want time.Duration, not Secret) (*snapshot, error) {
	k.step(ctx, 2)
	ch := k.flights.DoChan(st.id, k.flight(ctx, st, want, not))
	select {
	case r := <-ch:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*snapshot), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("refresh: %w", context.Cause(ctx))
	}
}

// flight returns the function that refreshes the row once: steps 3 to 12 of the
// transaction. It runs detached from the caller that began it, for FlightTime at
// most.
func (k *Keeper) flight(ctx context.Context, st *state, want time.Duration, not Secret) func() (any, error) {
	return func() (any, error) {
		if err := k.begin(); err != nil {
			return nil, err
		}
		defer k.work.Done()
		return k.fly(ctx, st, want, not)
	}
}

// fly is the flight, for a caller that has registered it with begin.
func (k *Keeper) fly(ctx context.Context, st *state, want time.Duration, not Secret) (sn any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = k.panicked(ctx, "provider or store", r)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.opts.FlightTime)
	defer cancel()
	f := &flight{
		keeper: k, st: st, want: want, not: not,
		owner: k.owner + ":" + rand.Text()[:6],
	}
	return f.run(ctx)
}

// A flight is one refresh of one row in this process.
type flight struct {
	keeper *Keeper
	st     *state
	want   time.Duration // how long the result must be good for
	not    Secret        // the access token that the result must not be
	owner  string

	pending  *minted   // what is to be saved instead of asking
	claimed  time.Time // when our claim was written last, by our clock
	unasked  bool      // our claim is or may be in the row, and nothing was asked with it
	firstUse time.Time // when the refresh token may have been sent first, if its grace counts
	promoted bool      // a candidate took the place of the refresh token
	// unordered says that another token was minted beside the row's, at a provider
	// where only the last one works.
	unordered bool

	seen      Claim     // the foreign claim seen last,
	seenAt    int64     // its row's version,
	seenSince time.Time // and since when it stands still, by our clock
}

// errAgain sends a flight back to step 3.
var errAgain = errors.New("the row has changed")

func (f *flight) run(ctx context.Context) (*snapshot, error) {
	for {
		sn, err := f.attempt(ctx)
		if err == nil && f.st.gone.Load() { // whoever joined after the deletion gets no token of before
			return nil, deletedError(f.st.id, ErrNotFound)
		}
		if errors.Is(err, errAgain) {
			if err = f.pause(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			f.giveBack(ctx)
		}
		return sn, err
	}
}

// attempt walks through the transaction once.
func (f *flight) attempt(ctx context.Context) (*snapshot, error) {
	row, err := f.read(ctx) // step 3
	if err != nil {
		return nil, err
	}
	if err := f.policed(ctx, row); err != nil {
		return nil, err
	}
	if sn := f.adopt(ctx, row); sn != nil {
		return sn, nil
	}
	if f.pending, err = f.pendingFor(ctx, row); err != nil {
		return nil, err
	}
	if err := f.mayAsk(row, time.Now()); err != nil {
		return nil, err
	}
	if f.foreign(row.Claim) && !f.standsStill(row) {
		return nil, errAgain
	}
	if err := f.mayBeSpent(row); err != nil {
		return nil, f.fail(ctx, row, err)
	}
	if err := f.budget(ctx, row, time.Now()); err != nil { // step 4
		return nil, f.heldBack(ctx, row, err)
	}
	if err := f.claim(ctx, row); err != nil { // step 5
		return nil, err
	}
	got, row, err := f.ask(ctx, row) // steps 6 and 7
	if errors.Is(err, errAgain) {
		return nil, err
	}
	if err != nil {
		return nil, f.fail(ctx, row, err)
	}
	return f.commit(ctx, row, got) // steps 8 to 12
}

// read is the authoritative look at the row.
func (f *flight) read(ctx context.Context) (*Token, error) {
	f.step(ctx, 3)
	row, err := f.keeper.store.FindTokenByID(ctx, f.st.id)
	switch {
	case errors.Is(err, ErrNotFound):
		f.st.snap.Store(nil)
		f.keeper.settle(ctx, f.st)
		return nil, deletedError(f.st.id, err)
	case err != nil:
		return nil, storeError("refresh", err)
	case f.st.gone.Load() || f.st.isStranger(row):
		f.keeper.part(f.st)
		return nil, deletedError(f.st.id, fmt.Errorf("%w: its id is another user's now", ErrNotFound))
	}
	return row, nil
}

// adopt takes the row's token if it is as good as the caller wants, was not
// refused, is not the one to replace, and is sure to be the last that was minted.
func (f *flight) adopt(ctx context.Context, row *Token) *snapshot {
	now, noticed := time.Now(), f.keeper.notice(ctx, f.st, row, f.owner)
	if !row.Valid(now, f.want) || f.unordered || f.st.wasRefused(row.AccessToken) || f.not.Equal(row.AccessToken) {
		return nil
	}
	if m := f.st.unsaved.Load(); m != nil && !m.replaces(row) {
		f.keeper.settle(ctx, f.st) // the row has a better one
	}
	old := f.st.snap.Load()
	sn := f.st.publish(f.keeper.snapshot(row, false))
	if old == nil || !old.tok.secret.Equal(row.AccessToken) {
		if !noticed {
			f.emit(ctx, row, Event{Kind: Adopted, Expiry: row.Expiry, Reason: adoptedRefresh})
		}
		return sn
	}
	return f.touch(ctx, row, sn)
}

// step tells the hook where the flight is.
func (f *flight) step(ctx context.Context, n int) { f.keeper.step(ctx, n) }

// emit fills an event in from the row and tells it.
func (f *flight) emit(ctx context.Context, row *Token, e Event) {
	e = e.of(row)
	e.Owner = f.owner
	f.keeper.emit(ctx, e)
}
