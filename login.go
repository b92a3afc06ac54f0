package tokenkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Login redeems a grant, once, and saves the login before anything else happens.
//
// The code of a self client that this store already knows, because this or another
// process redeemed it, gives the session it led to, without a request. The code of
// a redirect came through a browser, where old ones lie about, and does not.
//
// A login of a user, client and data centre that is stored already renews that
// token under its id: other processes keep their sessions, and the refresh token
// that it replaces is revoked, because Zoho keeps only 20 of them. If g.UserName
// is empty the name is looked up after the save; a failure of that is logged and
// the login stands.
//
// A code of a user who has all the refresh tokens that the provider allows, as far as
// the store knows, is not redeemed: the error wraps [ErrTooManyLogins]. Where the user
// is not known before, and from three quarters of that on, a [LimitNear] event warns.
func (k *Keeper) Login(ctx context.Context, g *Grant) (*Session, error) {
	if s := k.redeemed(ctx, g); s != nil {
		return s, nil
	}
	if p, ok := k.store.(Pinger); ok { // a code can be redeemed once: first see that it can be kept
		if err := p.Ping(ctx); err != nil {
			return nil, callerError(ctx, "login: the code was not used", err)
		}
	}
	if err := k.mayLogin(ctx, g); err != nil {
		return nil, err
	}
	t, err := k.exchange(ctx, g)
	if err != nil {
		if s := k.redeemed(ctx, g); s != nil { // another process was faster
			return s, nil
		}
		return nil, fmt.Errorf("login: %w", err)
	}
	t.GrantToken, t.RedirectURL = g.Code, g.RedirectURL
	if t.UserName == "" {
		t.UserName = g.UserName
	}
	if len(t.Scopes) == 0 {
		t.Scopes = g.Scopes
	}
	s, kept, err := k.adopt(ctx, t)
	if err != nil && !kept && !g.Code.IsZero() {
		k.giveBack(ctx, t)
	}
	return s, err
}

// exchange redeems the grant. The caller's leaving does not cut it off: the code
// would be spent, and the refresh token that it bought known to nobody.
func (k *Keeper) exchange(ctx context.Context, g *Grant) (*Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.opts.FlightTime)
	defer cancel()
	return k.provider.Exchange(ctx, g)
}

// redeemed returns the session that the code of a self client led to, if it is
// stored. Codes of redirects are in histories and logs: who shows a used one must
// not get the session of the user whom it was issued to.
func (k *Keeper) redeemed(ctx context.Context, g *Grant) *Session {
	if g.Code.IsZero() || g.RedirectURL != "" || k.opts.ClientID == "" {
		return nil
	}
	s, err := k.SessionFor(ctx, &Token{ClientID: k.opts.ClientID, GrantToken: g.Code})
	if err != nil {
		return nil
	}
	return s
}

// Adopt saves a login that was obtained elsewhere, such as by the device flow,
// as [Keeper.Login] does. t needs a refresh or access token and is not changed.
// Without a client id it belongs to Options.ClientID; with an id, it renews that
// row.
//
// What the store does not take goes into the rescue journal, if there is one, and
// becomes a session when [Keeper.Recover] finds the store again.
func (k *Keeper) Adopt(ctx context.Context, t *Token) (*Session, error) {
	s, _, err := k.adopt(ctx, t)
	return s, err
}

// adopt is Adopt; kept reports, beside an error, that the login waits in the
// journal, or that the store has it or may take it yet.
func (k *Keeper) adopt(ctx context.Context, t *Token) (s *Session, kept bool, err error) {
	t, deleted := t.Clone(), k.deleted.count()
	t.Version, t.Claim = 0, Claim{}
	loggedIn(t, time.Now())
	t.ClientID = cmp.Or(t.ClientID, k.opts.ClientID)
	t.Expiry = t.Expiry.Round(0) // the wall clock counts, also after a sleep
	// From here on the caller's haste does not count: what was redeemed is saved.
	saveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginSaveTime)
	defer cancel()
	l := k.rescueLogin(ctx, t)
	row, err := k.saveLogin(saveCtx, l)
	l.done()
	if err != nil {
		kept, err = l.unsaved(ctx, k, err)
		return nil, kept || !k.fence(ctx, l.old), err
	}
	l.saved(ctx, k)
	k.emit(ctx, Event{Kind: LoggedIn, Expiry: row.Expiry}.of(row))
	row = k.supersede(ctx, l.old, row)
	renewed, id := l.old != nil, row.ID
	if row.UserName == "" {
		row = k.name(ctx, row, true)
	}
	if err := k.limitLogins(ctx, row, renewed || row.ID != id); err != nil {
		return nil, true, err
	}
	k.warnOfLimit(ctx, row)
	s = k.session(row, deleted)
	s.st.met.Store(&row.RefreshToken)
	return s, true, nil
}

// saveLogin saves l's token, patiently, and clears what an earlier failure left in
// the row's state. What the store does not take at once goes into the journal
// meanwhile.
func (k *Keeper) saveLogin(ctx context.Context, l *loginRescue) (*Token, error) {
	t := l.token.Clone()
	unsure := false
	for wait := saveRetry; ; wait = min(2*wait, 10*saveRetry) {
		row, err := k.saveOnce(ctx, t, l, unsure)
		if err == nil || isRefusal(err) {
			return row, err
		}
		if !errors.Is(err, ErrConflict) {
			unsure = true
			l.now(err)
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
	}
}

// saveOnce saves t, unless it has a version because that was done, and returns the
// row. If it is unsure whether an earlier attempt arrived, it looks first: another
// process may have refreshed what that saved, and would get the old tokens back. (Of a
// login without a code, a rotated refresh token tells nothing.) Only a state that was
// there before the login is cleared.
func (k *Keeper) saveOnce(ctx context.Context, t *Token, l *loginRescue, unsure bool) (*Token, error) {
	if unsure && t.Version == 0 {
		row, err := k.holder(ctx, t)
		if err == nil && row.State == (State{}) || err != nil && !errors.Is(err, ErrNotFound) {
			return row, err
		}
	}
	if t.Version == 0 {
		if l.supersedes(ctx, k); l.old != nil {
			return k.saveOver(ctx, t, l.old)
		}
		if err := k.store.SaveToken(ctx, t); err != nil {
			return nil, err
		}
	}
	row, err := k.store.FindTokenByID(ctx, t.ID)
	if err != nil || row.State == (State{}) || row.Version != t.Version {
		return row, err
	}
	row.State = State{}
	return row, k.store.SaveToken(ctx, row)
}

// saveOver saves t over old and nothing else, so that it is known whose place at the
// provider it makes free: of logins at the same moment each replaces the one before.
func (k *Keeper) saveOver(ctx context.Context, t, old *Token) (*Token, error) {
	row := Merge(old, t)
	row.State = State{}
	return row, k.store.SaveToken(ctx, row)
}

// superseded returns the stored login that saving t replaces, or an error that
// wraps [ErrNotFound] when there is none, [ErrNoKey] when t has no name yet.
func (k *Keeper) superseded(ctx context.Context, t *Token) (*Token, error) {
	if t.ID != "" {
		if old, err := k.store.FindTokenByID(ctx, t.ID); !errors.Is(err, ErrNotFound) {
			return old, err
		}
	}
	if t.UserName == "" {
		return nil, ErrNoKey
	}
	return k.store.FindToken(ctx, t)
}

// supersede revokes the refresh token that a login replaced, if no row holds it any
// more, and returns the row without the places that are free then. A failure is
// logged: the row goes on to count that place.
func (k *Keeper) supersede(ctx context.Context, old, row *Token) *Token {
	// The caller's haste does not count here either: the place would stay taken.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), identifyTime)
	defer cancel()
	revoked := k.revokeSuperseded(ctx, old, row)
	if !revoked && (old == nil || old.State.Class != NeedsLogin) {
		old = nil
	}
	row = k.writeOff(ctx, row, old)
	if revoked {
		e := Event{Kind: Revoked, Reason: "a newer login replaced this refresh token"}.of(row)
		e.Login = LoginMark(old.RefreshToken)
		k.emit(ctx, e)
	}
	return row
}

// revokeSuperseded reports whether it revoked old's refresh token.
func (k *Keeper) revokeSuperseded(ctx context.Context, old, row *Token) bool {
	if old == nil || old.RefreshToken.IsZero() || row.RefreshToken.IsZero() || old.RefreshToken.Equal(row.RefreshToken) {
		return false
	}
	if _, err := k.store.FindToken(ctx, &Token{ClientID: old.ClientID, RefreshToken: old.RefreshToken}); !errors.Is(err, ErrNotFound) {
		return false
	}
	if err := k.revokeAll(ctx, old); err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the refresh token of the earlier login was not revoked; it keeps its place at the provider",
			"token", row.ID, "error", err)
		return false
	}
	return true
}

// Logout revokes the login at the provider, then deletes it from the store. If
// the provider cannot be asked, nothing is deleted and the error says so; see
// [Keeper.Delete] for a local end.
func (k *Keeper) Logout(ctx context.Context, id string) error {
	row, err := k.look(ctx, id)
	if err != nil {
		return callerError(ctx, "logout", err)
	}
	if !row.RefreshToken.IsZero() || !row.AccessToken.IsZero() {
		if err := errors.Join(k.revokeAll(ctx, row), k.revokeRecorded(ctx, row)); err != nil {
			return fmt.Errorf("logout: the token is still stored: %w", err)
		}
		k.emit(ctx, Event{Kind: Revoked, Reason: "logout"}.of(row))
	}
	now, err := k.look(ctx, id)
	switch {
	case err != nil || now.RefreshToken.Equal(row.RefreshToken):
	case k.rotates() && sameLogin(now, row): // by a refresh at the same moment
		if err := k.revokeAll(ctx, now); err != nil {
			return fmt.Errorf("logout: the token is still stored: %w", err)
		}
	default:
		return &Error{
			Class: RetryLater, Op: "logout", Until: time.Now(),
			Reason: "the user logged in again at the same moment; the earlier login is revoked, the new one is kept",
			Hint:   "log out once more to end the new login too",
		}
	}
	return k.delete(ctx, row, "")
}

// Delete deletes a login from the store and from memory and leaves it alive at
// the provider. A refresh that runs at that moment, here or elsewhere, does not
// bring it back.
func (k *Keeper) Delete(ctx context.Context, id string) error {
	return k.delete(ctx, k.rowToForget(ctx, id), "")
}

// delete is Delete of a row; reason says why, if that is not plain.
func (k *Keeper) delete(ctx context.Context, row *Token, reason string) error {
	err := k.store.DeleteToken(ctx, row.ID)
	k.deleted.add(row.ID)
	if st := k.known(row.ID); st != nil && (err == nil || errors.Is(err, ErrNotFound)) {
		k.end(ctx, st)
	}
	if err != nil {
		return callerError(ctx, "delete", err)
	}
	k.forgetLogins(ctx, row)
	k.emit(ctx, Event{Kind: Deleted, Reason: reason}.of(row))
	return nil
}

// end takes a deleted row's token from memory.
func (k *Keeper) end(ctx context.Context, st *state) {
	st.gone.Store(true)
	st.snap.Store(nil)
	k.settle(ctx, st)
}
