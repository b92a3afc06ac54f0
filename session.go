package tokenkeep

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// softPause is the least time between two refreshes behind the callers' backs.
const softPause = 30 * time.Second

// believed is how long a token that came in the place of a refused one is
// believed, whatever the API says.
const believed = 2 * time.Minute

// A Session is a handle on one stored login. It is small, safe for concurrent
// use, and may be kept for years or made for each request: all sessions of one
// row in a [Keeper] share what they know.
type Session struct {
	keeper *Keeper
	st     *state
}

// ID returns the id of the token.
func (s *Session) ID() string { return s.st.id }

// Row reads the stored token anew. The error wraps [ErrNotFound] when it was
// deleted.
func (s *Session) Row(ctx context.Context) (*Token, error) {
	row, err := s.keeper.look(ctx, s.st.id)
	if err != nil {
		return nil, callerError(ctx, "session", err)
	}
	if s.st.isStranger(row) {
		s.keeper.part(s.st)
	}
	if s.st.gone.Load() {
		return nil, fmt.Errorf("session: %w: token %s was deleted", ErrNotFound, s.st.id)
	}
	s.keeper.notice(ctx, s.st, row, "")
	s.st.publish(s.keeper.snapshot(row, false))
	return row, nil
}

// Token returns an access token that is good for at least Options.MinValidity.
//
// A fresh one comes from memory, without a lock or an allocation. Near its
// expiry a refresh runs behind and the current one is returned. When it has
// expired, Token waits for one refresh that all callers share; ctx bounds this
// caller's wait and never ends the refresh.
//
// While the current token is valid no failure is returned. Else the error is an
// *[Error] that says what to do, or ctx's.
func (s *Session) Token(ctx context.Context) (AccessToken, error) {
	if sn := s.st.snap.Load(); sn != nil && s.keeper.clock() < sn.fresh.Load() {
		return sn.tok, nil
	}
	return tokenOf(s.slow(ctx, s.keeper.opts.MinValidity, 0))
}

// TokenFor is Token with a validity of the caller's own: the result is good for
// at least d more, or there is an error.
func (s *Session) TokenFor(ctx context.Context, d time.Duration) (AccessToken, error) {
	return tokenOf(s.slow(ctx, d, d))
}

func tokenOf(sn *snapshot, err error) (AccessToken, error) {
	if err != nil {
		return AccessToken{}, err
	}
	return sn.tok, nil
}

// current is Token for the transport, which has to know where exactly that token
// may go.
func (s *Session) current(ctx context.Context) (*snapshot, error) {
	if sn := s.st.snap.Load(); sn != nil && s.keeper.clock() < sn.fresh.Load() {
		return sn, nil
	}
	return s.slow(ctx, s.keeper.opts.MinValidity, 0)
}

// slow returns a snapshot whose token is good for more than want. If no better
// one can be had, one that is good for more than floor will do.
func (s *Session) slow(ctx context.Context, want, floor time.Duration) (*snapshot, error) {
	k, now := s.keeper, time.Now()
	sn := s.st.snap.Load()
	if s.st.usable(sn, now, max(want, sn.softTime())) {
		k.use(s.st, sn, now)
		sn.extend(k.clock(), now, s.st.end(sn))
		return sn, nil
	}
	if s.st.usable(sn, now, want) {
		k.refreshBehind(s.st)
		k.use(s.st, sn, now)
		return sn, nil
	}
	fresh, err := k.await(ctx, s.st, want, Secret{})
	if err == nil {
		return fresh, nil
	}
	if sn = s.st.snap.Load(); s.st.usable(sn, time.Now(), floor) {
		k.use(s.st, sn, time.Now())
		return sn, nil
	}
	return nil, err
}

func (sn *snapshot) softTime() time.Duration {
	if sn == nil {
		return 0
	}
	return sn.soft
}

// await waits for a flight that ends in a token good for more than want and
// other than not. A flight that began before, for a caller who wanted less, may
// not be enough: then one more is awaited.
func (k *Keeper) await(ctx context.Context, st *state, want time.Duration, not Secret) (*snapshot, error) {
	var sn *snapshot
	for range 2 {
		var err error
		if sn, err = k.join(ctx, st, want, not); err != nil {
			return nil, err
		}
		if st.usable(sn, time.Now(), want) && !not.Equal(sn.tok.secret) {
			k.use(st, sn, time.Now())
			return sn, nil
		}
	}
	if st.usable(sn, time.Now(), want) {
		k.use(st, sn, time.Now())
		return sn, nil // the provider gives the same token again
	}
	return nil, tooLongError(want)
}

func tooLongError(want time.Duration) error {
	return &Error{
		Class: Misconfigured, Op: "token",
		Reason: fmt.Sprintf("a new access token is not good for %v", want),
		Hint:   "ask for a shorter validity; Zoho's access tokens live for one hour",
	}
}

// Refresh mints a new access token now, whatever is left of the current one, and
// counts towards the provider's quota. Callers at the same time share one. Those
// of Token go on with the current one until the new one is saved, and if there
// is none.
func (s *Session) Refresh(ctx context.Context) (AccessToken, error) {
	var not Secret
	if sn := s.st.snap.Load(); sn != nil {
		not = sn.tok.secret
	}
	return tokenOf(s.keeper.await(ctx, s.st, s.keeper.opts.MinValidity, not))
}

// Invalidate says that the API refused tok. If tok is still the current token,
// the next call of Token gets another one: from the store if a newer one is
// there, else by a refresh. An older tok changes nothing. A token that came in
// the place of a refused one is believed for two minutes, so that an API that refuses everything does not use the quota up.
func (s *Session) Invalidate(ctx context.Context, tok AccessToken) {
	sn := s.st.snap.Load()
	if sn == nil || !sn.tok.secret.Equal(tok.secret) {
		return
	}
	if sn.forced && time.Since(sn.since) < believed {
		return
	}
	if s.st.refuse(tok.secret) {
		sn.fresh.Store(0)
		st := s.st // is remembered although no session may hold it
		time.AfterFunc(2*believed, func() { runtime.KeepAlive(st) })
		s.keeper.emit(ctx, Event{Kind: Invalidated, Reason: "the API refused the access token"}.of(sn.row(s.st.id)))
	}
}

// refuse marks token as refused and reports whether that is new.
func (st *state) refuse(token Secret) bool {
	if st.wasRefused(token) {
		return false
	}
	st.refused.Store(&token)
	if sn := st.snap.Load(); sn != nil {
		sn.fresh.Store(0)
	}
	return true
}

// Client returns an *http.Client that stays authenticated: see [Session.Transport].
func (s *Session) Client() *http.Client {
	return &http.Client{Transport: s.Transport(nil)}
}
