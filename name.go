package tokenkeep

import (
	"context"
	"errors"
	"fmt"
)

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
				k.name(ctx, row)
			}
		})
	}()
}

// name asks the provider who row belongs to, saves the answer, and returns the
// row that now holds the login. Failures are logged: the login stands without a
// name.
func (k *Keeper) name(ctx context.Context, row *Token) *Token {
	p, ok := k.provider.(Identifier)
	if !ok {
		return row
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	name, err := p.Identify(ctx, row)
	if err == nil && name != "" {
		var named *Token
		if named, err = k.saveName(ctx, row, name); err == nil {
			k.emit(ctx, Event{Kind: Named, TokenID: named.ID, UserName: name, Version: named.Version})
			return named
		}
	}
	if err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the user's name could not be looked up; the login is saved without one",
			"token", row.ID, "error", err)
	}
	return row
}

// saveName writes the name into the row. If the user has a row already, this is
// a new login of that one: its row takes the login over, and the nameless row
// goes. A crash in between leaves both, which share one refresh token.
func (k *Keeper) saveName(ctx context.Context, row *Token, name string) (*Token, error) {
	old, err := k.store.FindToken(ctx, &Token{UserName: name, ClientID: row.ClientID, DataCentre: row.DataCentre})
	switch {
	case errors.Is(err, ErrNotFound):
		return k.setName(ctx, row.ID, name)
	case err != nil:
		return nil, err
	case old.ID == row.ID:
		return old, nil
	}
	newer := row.Clone()
	newer.ID, newer.Version, newer.UserName = old.ID, 0, name
	saved, err := k.saveOnce(ctx, newer)
	if err != nil {
		return nil, err
	}
	if err := k.store.DeleteToken(ctx, row.ID); err != nil && !errors.Is(err, ErrNotFound) {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: a double row could not be deleted", "token", row.ID, "error", err)
	}
	k.revokeSuperseded(ctx, old, saved)
	return saved, nil
}

// setName sets the name by compare-and-swap, so that a refresh that runs at the
// same time loses nothing.
func (k *Keeper) setName(ctx context.Context, id, name string) (*Token, error) {
	for range 5 {
		row, err := k.store.FindTokenByID(ctx, id)
		if err != nil {
			return nil, err
		}
		row.UserName = name
		if err = k.store.SaveToken(ctx, row); !errors.Is(err, ErrConflict) {
			return row, err
		}
	}
	return nil, fmt.Errorf("name: %w", ErrConflict)
}
