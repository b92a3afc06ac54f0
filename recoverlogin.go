package tokenkeep

import (
	"context"
	"errors"
	"time"
)

// mergeLogin saves a login as Adopt would have done then: not over a later one.
func (k *Keeper) mergeLogin(ctx context.Context, r *record) (outcome, error) {
	t := r.token.Clone()
	loggedIn(t, r.at)
	if t.RefreshToken.IsZero() && !t.Valid(time.Now(), 0) {
		return k.dropRecord(ctx, r, t, "it has expired meanwhile"), nil
	}
	for {
		row, err := k.holder(ctx, t)
		switch {
		case err == nil:
			return k.finishLogin(ctx, r, nil, row), nil
		case errors.Is(err, ErrAmbiguous):
			return k.endRecord(ctx, r, t), nil
		case !errors.Is(err, ErrNotFound):
			return left, storeError("find", err)
		}
		done, err := k.mergeLoginOnce(ctx, r, t.Clone())
		if !errors.Is(err, ErrConflict) || sleep(ctx, poll) != nil {
			return done, err
		}
	}
}

// holder returns the row that has this very login already: its refresh token or,
// if that was rotated since, its code.
func (k *Keeper) holder(ctx context.Context, t *Token) (*Token, error) {
	var row *Token
	err := ErrNotFound
	for _, p := range []*Token{
		{ClientID: t.ClientID, RefreshToken: t.RefreshToken},
		{ClientID: t.ClientID, GrantToken: t.GrantToken},
		{AccessToken: t.AccessToken},
	} {
		if _, noKey := MatchFor(p); noKey != nil {
			continue
		}
		if row, err = k.store.FindToken(ctx, p); !errors.Is(err, ErrNotFound) {
			return row, err
		}
	}
	return nil, err
}

func (k *Keeper) mergeLoginOnce(ctx context.Context, r *record, t *Token) (outcome, error) {
	old, err := k.replaced(ctx, t)
	switch {
	case err != nil:
		return left, storeError("find", err)
	case old == nil && r.base != nil && *r.base != "":
		return k.dropLogin(ctx, r, t, "the login was deleted meanwhile"), nil
	case old == nil:
		return k.insertLogin(ctx, r, t)
	case !r.replaces(old) && r.token.UserName == "" && !namesOrg(old.UserName):
		t.UserName = "" // it may be the login to another organisation: the two stay apart
		return k.insertLogin(ctx, r, t)
	case !r.replaces(old):
		return k.dropLogin(ctx, r, old, "there is a newer login"), nil
	}
	t.UserName, t.Claim = old.UserName, Claim{}
	next := Merge(old, t)
	next.State, next.Claim = State{}, Claim{}
	if err := k.store.SaveToken(ctx, next); err != nil {
		return left, storeError("save", err)
	}
	return k.finishLogin(ctx, r, old, next), nil
}

// replaced returns the stored login of t's user, or nil. If t has no name, the
// provider is asked for it.
func (k *Keeper) replaced(ctx context.Context, t *Token) (*Token, error) {
	if t.UserName == "" && t.ID == "" {
		t.UserName = k.nameOf(ctx, t)
	}
	old, err := k.superseded(ctx, t)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoKey) {
		t.ID = ""
		return nil, nil
	}
	return old, err
}

// nameOf asks the provider who t belongs to. Without an answer it is "".
func (k *Keeper) nameOf(ctx context.Context, t *Token) string {
	p, ok := k.provider.(Identifier)
	if !ok || !t.Valid(time.Now(), 0) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	name, err := p.Identify(ctx, t)
	if err != nil {
		return ""
	}
	return name
}

// replaces reports whether the recorded login is later than old: it was made to
// replace it, or old was not used since.
func (r *record) replaces(old *Token) bool {
	if r.base != nil && *r.base == mark(old.RefreshToken) {
		return true
	}
	return replacesLogin(&Token{RefreshToken: r.token.RefreshToken, CreatedAt: r.at}, old)
}

// insertLogin saves a login that replaces none. A nameless one gets the time that
// it was made at, which decides about its name later.
func (k *Keeper) insertLogin(ctx context.Context, r *record, t *Token) (outcome, error) {
	if err := k.store.SaveToken(ctx, t); err != nil {
		return left, storeError("save", err)
	}
	row, err := k.store.FindTokenByID(ctx, t.ID)
	if err != nil {
		return left, storeError("find", err)
	}
	return k.finishLogin(ctx, r, nil, row), nil
}

// finishLogin ends the record of a login that row holds. If it still has no name,
// the next refresh looks for one.
func (k *Keeper) finishLogin(ctx context.Context, r *record, old, row *Token) outcome {
	if row.UserName == "" && row.CreatedAt.After(r.at) {
		row.CreatedAt = r.at
		if err := k.store.SaveToken(ctx, row); err != nil {
			k.opts.Logger.WarnContext(ctx, "tokenkeep: the time of a rescued login was not saved", "token", row.ID, "error", err)
		}
	}
	done := k.endRecord(ctx, r, row)
	k.supersede(ctx, old, row)
	return done
}

// dropLogin drops a recorded login and revokes its refresh token, which no row
// holds. One that was rotated meanwhile is left alone: it is spent, and to show it
// again may end its whole family.
func (k *Keeper) dropLogin(ctx context.Context, r *record, row *Token, why string) outcome {
	if !k.rotates() {
		k.giveBack(ctx, r.token)
	}
	return k.dropRecord(ctx, r, row, why)
}

// rowToForget returns a row that is going to be deleted, for what has to be known of
// it then: only its id if it cannot be read.
func (k *Keeper) rowToForget(ctx context.Context, id string) *Token {
	row, err := k.store.FindTokenByID(ctx, id)
	if err != nil {
		return &Token{ID: id}
	}
	return row
}

// forgetLogins removes the recorded logins of a row's user: they were made before
// it was deleted. Records of refreshes find the row gone.
func (k *Keeper) forgetLogins(ctx context.Context, row *Token) {
	list, err := k.recordedLogins(ctx, row)
	for _, r := range list {
		k.dropRecord(ctx, r, row, "the login was deleted meanwhile")
	}
	if err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: logins of a deleted user may wait in the rescue journal", "token", row.ID, "error", err)
	}
}

// revokeRecorded revokes the logins that forgetLogins is going to remove. (If they
// cannot be read now, Recover revokes them.)
func (k *Keeper) revokeRecorded(ctx context.Context, row *Token) (err error) {
	list, _ := k.recordedLogins(ctx, row)
	for _, r := range list {
		err = errors.Join(err, k.provider.Revoke(ctx, r.token))
	}
	return err
}

// recordedLogins returns the logins of row's user that wait in the rescue journal. The
// error joins those of the records that cannot be read.
func (k *Keeper) recordedLogins(ctx context.Context, row *Token) (list []*record, err error) {
	if k.journal == nil {
		return nil, nil
	}
	names, err := k.journal.Names()
	for _, name := range names {
		r, _, readErr := k.record(ctx, name)
		err = errors.Join(err, readErr)
		if r != nil && r.kind == RescuedLogin && r.sameUser(row) {
			list = append(list, r)
		}
	}
	return list, err
}

// sameUser reports whether a recorded login is one of row's user, or row's own.
func (r *record) sameUser(row *Token) bool {
	t := r.token
	same := t.UserName != "" && t.UserName == row.UserName && t.ClientID == row.ClientID
	same = same && (t.DataCentre == row.DataCentre || t.DataCentre == "" || row.DataCentre == "")
	return same || t.ID == row.ID || !t.RefreshToken.IsZero() && t.RefreshToken.Equal(row.RefreshToken)
}
