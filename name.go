package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// nameRetry bounds the pause before a name is saved again.
const nameRetry = 250 * time.Millisecond

// nameLater looks up and saves the name of a row behind the callers' backs.
func (k *Keeper) nameLater(id string) {
	if _, ok := k.provider.(Identifier); !ok || k.begin() != nil {
		return
	}
	go func() {
		defer k.work.Done()
		ctx, cancel := context.WithTimeout(context.Background(), identifyTime)
		defer cancel()
		k.guard(ctx, "provider or store", func() {
			if row, err := k.store.FindTokenByID(ctx, id); err == nil && row.UserName == "" {
				k.name(ctx, row, false)
			}
		})
	}()
}

// name asks the provider who row belongs to, saves the answer, and returns the
// row that now holds the login. login says that row is a login of this moment.
// Failures are logged: the login stands without a name.
func (k *Keeper) name(ctx context.Context, row *Token, login bool) *Token {
	p, ok := k.provider.(Identifier)
	if !ok {
		return row
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	name, err := p.Identify(ctx, row)
	if err == nil && name != "" {
		var named *Token
		if named, err = k.saveName(ctx, row.ID, name, login); err == nil {
			k.emit(ctx, Event{Kind: Named}.of(named))
			return named
		}
	}
	if err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the user's name could not be looked up or saved; the login stands without one",
			"token", row.ID, "error", err)
	}
	return row
}

// errNewerLogin says why a login stays nameless.
var errNewerLogin = errors.New("the user has a newer login under another id")

// saveName gives the row its name. Two first logins of one user that do so at the
// same moment both step back, and one comes first the next time.
func (k *Keeper) saveName(ctx context.Context, id, name string, login bool) (*Token, error) {
	for range 8 {
		row, err := k.saveNameOnce(ctx, id, name, login)
		if !errors.Is(err, ErrConflict) {
			return row, err
		}
		if err := sleep(ctx, jitter(nameRetry)); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("name: %w", ErrConflict)
}

func (k *Keeper) saveNameOnce(ctx context.Context, id, name string, login bool) (*Token, error) {
	row, err := k.store.FindTokenByID(ctx, id)
	if err != nil {
		return nil, err
	}
	user := &Token{UserName: name, ClientID: row.ClientID, DataCentre: row.DataCentre}
	old, err := k.store.FindToken(ctx, user)
	switch {
	case errors.Is(err, ErrNotFound):
		return k.setOnlyName(ctx, row, user)
	case errors.Is(err, ErrAmbiguous) && row.UserName == name:
		return nil, k.takeNameBack(ctx, row)
	case err != nil:
		return nil, err
	case old.ID == id:
		return old, nil
	case !login && !replacesLogin(row, old):
		return nil, errNewerLogin
	}
	return k.moveLogin(ctx, row, old)
}

// setOnlyName names row, unless another row took the same name at that moment:
// then it takes it back. All is compare-and-swap, so that a refresh that runs at
// the same time loses nothing.
func (k *Keeper) setOnlyName(ctx context.Context, row, user *Token) (*Token, error) {
	row.UserName = user.UserName
	if err := k.store.SaveToken(ctx, row); err != nil {
		return nil, err
	}
	if _, err := k.store.FindToken(ctx, user); !errors.Is(err, ErrAmbiguous) {
		return row, nil
	}
	return nil, k.takeNameBack(ctx, row)
}

func (k *Keeper) takeNameBack(ctx context.Context, row *Token) error {
	row.UserName = ""
	if err := k.store.SaveToken(ctx, row); err != nil {
		return err
	}
	return ErrConflict // try again
}

// replacesLogin reports whether the nameless row is a later login than old, or
// the same, or the only one that works.
func replacesLogin(row, old *Token) bool {
	used := old.UsedAt
	if used.IsZero() {
		used = old.CreatedAt
	}
	dead := old.State.Class == NeedsLogin || old.State.Class == InDoubt
	return dead || row.RefreshToken.Equal(old.RefreshToken) || row.CreatedAt.After(used)
}

// moveLogin lets the row that has the user's name take a new login over, and
// deletes the nameless row. A crash in between leaves both, which share one
// refresh token. The earlier refresh token is revoked only if the name tells the
// organisation, which Zoho's refresh tokens belong to: an e-mail address alone may
// be the login to another one.
func (k *Keeper) moveLogin(ctx context.Context, row, old *Token) (*Token, error) {
	login := row.Clone()
	login.UserName, login.Claim = old.UserName, Claim{}
	merged := Merge(old, login)
	merged.State = State{}
	if err := k.store.SaveToken(ctx, merged); err != nil {
		return nil, err
	}
	switch err := k.store.DeleteToken(ctx, row.ID); {
	case err == nil:
		k.emit(ctx, Event{Kind: Deleted, Reason: "its login is that of token " + merged.ID + " now"}.of(row))
	case !errors.Is(err, ErrNotFound):
		k.opts.Logger.WarnContext(ctx, "tokenkeep: a double row could not be deleted", "token", row.ID, "error", err)
	}
	if namesOrg(merged.UserName) {
		merged = k.supersede(ctx, old, merged)
	}
	return merged, nil
}

// namesOrg reports whether a name tells the organisation: "<email>:<zgid>".
func namesOrg(name string) bool { return strings.Contains(name, ":") }
