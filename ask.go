package tokenkeep

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// A minted token is one that the provider gave and the store does not have yet.
type minted struct {
	token  *Token                 // what the answer carried
	asked  *Token                 // the row that it was asked for
	at     time.Time              // when it came
	record atomic.Pointer[string] // its name in the rescue journal, if it is there
	unsure bool                   // the store may have taken it and not said so
}

// successor reports whether the answer carried a new refresh token.
func (m *minted) successor() bool {
	return !m.token.RefreshToken.IsZero() && !m.token.RefreshToken.Equal(m.asked.RefreshToken)
}

// replaces reports whether m is newer than what row has, because row still has what
// m was asked for with. The successor of a refresh token replaces any access token.
func (m *minted) replaces(row *Token) bool {
	return m.asked.RefreshToken.Equal(row.RefreshToken) &&
		(m.successor() || m.asked.AccessToken.Equal(row.AccessToken))
}

// pendingFor returns what an earlier flight, of this process or a dead one, minted
// with row's refresh token and could not save, if that still is of use.
func (f *flight) pendingFor(ctx context.Context, row *Token) (*minted, error) {
	m := f.st.unsaved.Load()
	if m == nil {
		return f.journaled(ctx, row)
	}
	if m.replaces(row) && f.useful(m) {
		return m, nil
	}
	f.keeper.settle(ctx, f.st)
	return nil, nil
}

// journaled looks for such a token in the rescue journal. That it cannot be read is
// no reason not to ask, unless that would send a spent refresh token.
func (f *flight) journaled(ctx context.Context, row *Token) (*minted, error) {
	m, err := f.keeper.journaledFor(ctx, row)
	switch {
	case err != nil && f.keeper.provider.Limits().Rotation == RotationStrict:
		return nil, err
	case err != nil:
		f.keeper.opts.Logger.WarnContext(ctx, "tokenkeep: the rescue journal could not be read", "token", row.ID, "error", err)
		return nil, nil
	case m == nil || !f.useful(m):
		return nil, nil
	}
	return m, nil
}

// useful reports whether m is what the callers of this flight want. A successor of
// the refresh token is, however old.
func (f *flight) useful(m *minted) bool {
	return m.successor() || m.token.Valid(time.Now(), f.want)
}

// ask sends the one request of the flight and renews the claim while it runs.
// It returns the row as it was renewed.
func (f *flight) ask(ctx context.Context, row *Token) (*minted, *Token, error) {
	if f.pending != nil {
		return f.pending, row, nil
	}
	f.step(ctx, 6)
	row, err := f.stillOurs(ctx, row)
	if err != nil {
		return nil, nil, err
	}
	if err := f.stillInGrace(); err != nil {
		return nil, row, err
	}
	f.unasked = false
	ch := f.send(ctx, row)
	beat := time.NewTicker(f.keeper.opts.ClaimTime / 3)
	defer beat.Stop()
	for {
		select {
		case a := <-ch:
			f.step(ctx, 7)
			if a.minted != nil {
				a.minted.at = time.Now() // not before the last renewal
			}
			return a.minted, row, a.err
		case <-beat.C:
			row, _ = f.renew(ctx, row)
		case <-ctx.Done():
			a := late(ch, f.keeper.opts.ClaimTime)
			return a.minted, row, a.err
		}
	}
}

// late gives a provider whose time is over a moment to say so.
func late(ch <-chan answer, d time.Duration) answer {
	select {
	case a := <-ch:
		return a
	case <-time.After(d):
		return answer{err: &Error{Class: RetryLater, Op: "refresh", Unknown: true, Reason: "the provider does not end when its time is over"}}
	}
}

// An answer is the outcome of the request.
type answer struct {
	minted *minted
	err    error
}

// send makes the request on a goroutine that ends with ctx.
func (f *flight) send(ctx context.Context, row *Token) <-chan answer {
	ch := make(chan answer, 1)
	asked := row.Clone()
	go func() {
		defer func() {
			if r := recover(); r != nil {
				ch <- answer{err: f.keeper.panicked(ctx, "provider", r)}
			}
		}()
		t, err := f.keeper.provider.Refresh(ctx, asked)
		switch {
		case err != nil:
			ch <- answer{err: providerError(err)}
		case t == nil || t.AccessToken.IsZero():
			ch <- answer{err: &Error{Class: RetryLater, Op: "refresh", Unknown: true, Reason: "the provider gave no access token"}}
		default:
			ch <- answer{minted: &minted{token: t, asked: asked, at: time.Now()}}
		}
	}()
	return ch
}

// providerError makes sure that an error of a provider has a class.
func providerError(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Class: RetryLater, Op: "refresh", Err: err, Unknown: true}
}
