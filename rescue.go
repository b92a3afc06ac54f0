package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A rescue watches one save, and writes what is to be saved into the journal as
// soon as the store refuses or hesitates, so that a kill in the middle of the
// attempts costs nothing.
type rescue struct {
	write func(why error) error // nil: there is no journal
	timer *time.Timer
	once  sync.Once // orders what follows
	tried bool
	err   error
}

var errSlowStore = errors.New("the store has not answered yet")

// newRescue starts to watch a save. The caller ends it with done.
func newRescue(after time.Duration, write func(why error) error) *rescue {
	r := &rescue{write: write}
	if write != nil {
		r.timer = time.AfterFunc(after, func() { r.now(errSlowStore) })
	}
	return r
}

// now writes the record, unless that was tried before.
func (r *rescue) now(why error) {
	if r.write != nil {
		r.once.Do(func() { r.tried, r.err = true, r.write(why) })
	}
}

// done ends the watch. It returns when nobody writes any more.
func (r *rescue) done() {
	if r.write != nil && !r.timer.Stop() {
		r.once.Do(func() {})
	}
}

// last is the end of a save that failed: it makes sure that there is a record.
// kept reports whether there is one. What no store would take is not kept.
func (r *rescue) last(why error) (kept bool, err error) {
	if r.write == nil || isRefusal(why) {
		return false, nil
	}
	r.done()
	if !r.tried || r.err != nil {
		r.err = r.write(why) // there may be room on the disk by now
	}
	return r.err == nil, r.err
}

// rescueAfter is how long a save may take before it is written into the journal
// too.
func (k *Keeper) rescueAfter() time.Duration { return k.opts.ClaimTime / 20 }

// rescue watches the save of what f minted.
func (f *flight) rescue(ctx context.Context, row *Token, m *minted) *rescue {
	k := f.keeper
	if k.journal == nil {
		return newRescue(0, nil)
	}
	row = row.Clone()
	return newRescue(k.rescueAfter(), func(why error) error {
		if m.record.Load() != nil {
			return nil
		}
		f.step(ctx, 9)
		r := &record{
			kind: RescuedRefresh, at: m.at, owner: f.owner, why: because(why, carry(row, m)),
			token: m.token, row: identity(row), spent: mark(m.asked.RefreshToken), was: mark(m.asked.AccessToken),
		}
		err := k.writeRecord(ctx, r, row.ID)
		if err == nil {
			m.record.Store(&r.name)
		}
		return err
	})
}

// unsaved ends a flight whose token the store did not take: it waits in memory
// and, if there is one, in the journal.
func (f *flight) unsaved(ctx context.Context, row *Token, r *rescue, err error) error {
	if r.write == nil {
		f.step(ctx, 9)
	}
	kept, journalErr := r.last(err)
	e := Event{Kind: Unsaved, Class: StoreUnavailable, Journaled: kept}
	e.Reason = "the store does not take the new token; it is kept in memory and saved by the next refresh"
	switch {
	case kept:
		e.Reason = "the store does not take the new token; it is kept in the rescue journal and saved by the next refresh or start"
	case journalErr != nil:
		e.Reason += "; " + journalErr.Error()
	}
	f.emit(ctx, row, e)
	return unsavedError("refresh: save", err, kept, journalErr)
}

// unsavedError is the store's error, which stays the cause, with what became of
// the token.
func unsavedError(op string, err error, kept bool, journalErr error) error {
	e := &Error{Class: StoreUnavailable, Op: op, Err: err}
	switch {
	case kept:
		e.Hint = "check the store (`tokenkeep doctor`); the new token is safe in the rescue journal and is saved when the store is back"
	case journalErr != nil:
		e.Err = fmt.Errorf("%w; %w", err, journalErr)
		e.Hint = "check the store (`tokenkeep doctor`) and the folder of the rescue journal"
	default:
		return storeError(op, err)
	}
	return e
}

// settle ends the wait of what was minted for a row: it is saved, or of no use
// any more.
func (k *Keeper) settle(ctx context.Context, st *state) {
	m := st.unsaved.Load()
	k.keep(st, nil)
	if m == nil || k.journal == nil {
		return
	}
	if name := m.record.Load(); name != nil {
		k.removeRecord(ctx, *name)
	}
}

// waiting returns what was minted with row's refresh token and waits to be saved, here
// or in the rescue journal of this host, or nil.
func (k *Keeper) waiting(ctx context.Context, row *Token) (*minted, error) {
	if st := k.known(row.ID); st != nil {
		if m := st.unsaved.Load(); m != nil && m.replaces(row) {
			return m, nil
		}
	}
	return k.journaledFor(ctx, row)
}

// journaledFor returns what any process minted with row's refresh token and wrote
// into the journal, if it is newer than what row has.
func (k *Keeper) journaledFor(ctx context.Context, row *Token) (*minted, error) {
	if k.journal == nil {
		return nil, nil
	}
	names, err := k.journal.Of(string(RescuedRefresh), row.ID)
	if err != nil {
		return nil, journalError(err)
	}
	var best *record
	for _, name := range names {
		r, _, err := k.record(ctx, name)
		if err != nil {
			return nil, journalError(err)
		}
		if r != nil && r.row.ID == row.ID && r.verdict(row, time.Now()) == useIt && (best == nil || r.at.After(best.at)) {
			best = r
		}
	}
	if best == nil {
		return nil, nil
	}
	return best.minted(row.Clone()), nil
}

func journalError(err error) error {
	return &Error{
		Class: RetryLater, Op: "refresh", Until: time.Now(), Err: err,
		Reason: "the rescue journal has or may have a newer token of this login and cannot be read",
		Hint:   "see `tokenkeep store journal`; the stored login is intact",
	}
}
