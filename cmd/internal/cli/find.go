package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// rows reads all tokens of s.
func rows(ctx context.Context, s tokenkeep.TokenStore) ([]*tokenkeep.Token, error) {
	var list []*tokenkeep.Token
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return nil, storeError("list", err)
		}
		list = append(list, t)
	}
	return list, nil
}

// find returns the login that user names: an id, a user name, or the email that
// a user name begins with. Empty means the one that switch chose, else the only
// one there is.
func (a *App) find(ctx context.Context, s tokenkeep.TokenStore, user string) (*tokenkeep.Token, error) {
	if user == "" {
		return a.findCurrent(ctx, s)
	}
	if isID(user) {
		t, err := s.FindTokenByID(ctx, user)
		if err == nil || !errors.Is(err, tokenkeep.ErrNotFound) {
			return t, storeError("find", err)
		}
	}
	t, err := s.FindToken(ctx, &tokenkeep.Token{UserName: user})
	switch {
	case errors.Is(err, tokenkeep.ErrAmbiguous) && a.cfg.ClientID+a.cfg.DC != "":
		t, err = s.FindToken(ctx, &tokenkeep.Token{UserName: user, ClientID: a.cfg.ClientID, DataCentre: a.cfg.DC})
	case errors.Is(err, tokenkeep.ErrNotFound):
		return a.findEmail(ctx, s, user)
	}
	return t, storeError("find", err)
}

// findEmail finds "<email>:<zgid>" by the email.
func (a *App) findEmail(ctx context.Context, s tokenkeep.TokenStore, email string) (*tokenkeep.Token, error) {
	var found []*tokenkeep.Token
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return nil, storeError("find", err)
		}
		if name, org, ok := strings.Cut(t.UserName, ":"); ok && name == email && isNumber(org) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %s", tokenkeep.ErrNotFound, email)
	case 1:
		return found[0], nil
	}
	return nil, withHint(fmt.Errorf("%w: %s has logins in several organisations", tokenkeep.ErrAmbiguous, email),
		"name one of: %s", strings.Join(names(found), ", "))
}

// findCurrent returns the login that switch chose, else the only one.
func (a *App) findCurrent(ctx context.Context, s tokenkeep.TokenStore) (*tokenkeep.Token, error) {
	if id := a.current(); id != "" {
		t, err := s.FindTokenByID(ctx, id)
		if err == nil || !errors.Is(err, tokenkeep.ErrNotFound) {
			return t, storeError("find", err)
		}
	}
	list, err := rows(ctx, s)
	if err != nil {
		return nil, err
	}
	switch len(list) {
	case 0:
		return nil, withHint(fmt.Errorf("%w: nobody is logged in", tokenkeep.ErrNotFound), "tokenkeep login")
	case 1:
		return list[0], nil
	}
	return nil, withHint(usagef("there are %d logins; name one", len(list)),
		"add one of these to the command, or choose it with tokenkeep switch: %s", strings.Join(names(list), ", "))
}

// names returns what to call the logins: up to five of them.
func names(list []*tokenkeep.Token) []string {
	var out []string
	for _, t := range list[:min(5, len(list))] {
		out = append(out, nameOf(t))
	}
	if len(list) > 5 {
		out = append(out, "…")
	}
	return out
}

// nameOf returns the user name, or the id of a login without one. It is for
// people: control characters show as "?".
func nameOf(t *tokenkeep.Token) string {
	if t.UserName != "" {
		return ui.Plain(t.UserName)
	}
	return t.ID
}

func isID(s string) bool { return len(s) <= 19 && isNumber(s) }

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
