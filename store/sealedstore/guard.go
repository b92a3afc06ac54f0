package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A guarded store keeps programs without a key from taking what is sealed for tokens.
type guarded struct{ inner tokenkeep.TokenStore }

// Guard returns inner for a program that has no key, or is not to seal: it reads and
// writes plain rows as inner does, and refuses sealed ones with the class
// tokenkeep.StoreUnavailable and an error that wraps [ErrKeyMissing] and names the key.
// Without it, such a program would send fingerprints to Zoho in place of tokens, and
// write over what it cannot open. An inner tokenkeep.Historian stays one; closing the
// guard closes inner, if that can be closed.
//
// It stands between programs that agree, not between enemies: a token that it saves
// without a version at the very moment in which another program seals the same user's
// row may spoil that row.
func Guard(inner tokenkeep.TokenStore) tokenkeep.TokenStore {
	g := &guarded{inner}
	if h, ok := inner.(tokenkeep.Historian); ok {
		return struct {
			*guarded
			tokenkeep.Historian
		}{g, h}
	}
	return g
}

// Inner returns the store that is guarded.
func (g *guarded) Inner() tokenkeep.TokenStore { return g.inner }

// Ping implements [tokenkeep.Pinger]: it asks inner, if that can be asked, and whether
// its first row is a plain one. So a Keeper finds out that it lacks the key before it
// redeems a code that it could not keep.
func (g *guarded) Ping(ctx context.Context) error {
	for _, err := range g.GetTokens(ctx) {
		if err != nil {
			return err
		}
		break
	}
	return ping(ctx, g.inner)
}

// ping asks a store whether it works, if that can be asked.
func ping(ctx context.Context, s tokenkeep.TokenStore) error {
	if p, ok := s.(tokenkeep.Pinger); ok {
		return p.Ping(ctx)
	}
	return ctx.Err()
}

// Close closes inner, if that can be closed.
func (g *guarded) Close() error {
	if c, ok := g.inner.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// plain returns an error if a row of inner is sealed. hidden says that it is only
// reserved, and holds no token yet.
func plain(inner *tokenkeep.Token) (hidden bool, err error) {
	id, err := keyOf(inner)
	if err == nil && id != "" {
		err = fmt.Errorf("%w: %q", ErrKeyMissing, id)
	}
	if err != nil {
		return false, openError(inner.ID, err)
	}
	return isReserved(inner) && strings.HasPrefix(firstSecret(inner), printPrefix), nil
}

// firstSecret returns a token of a row, whichever it has.
func firstSecret(t *tokenkeep.Token) string {
	for _, s := range []tokenkeep.Secret{t.RefreshToken, t.AccessToken, t.GrantToken} {
		if !s.IsZero() {
			return s.Reveal()
		}
	}
	return ""
}

func (g *guarded) one(t *tokenkeep.Token, err error) (*tokenkeep.Token, error) {
	if err != nil {
		return nil, err
	}
	hidden, err := plain(t)
	switch {
	case err != nil:
		return nil, err
	case hidden:
		return nil, fmt.Errorf("%w: id %q has no token yet", tokenkeep.ErrNotFound, t.ID)
	}
	return t, nil
}

// FindToken implements [tokenkeep.TokenStore].
func (g *guarded) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	return g.one(g.inner.FindToken(ctx, partial))
}

// FindTokenByID implements [tokenkeep.TokenStore].
func (g *guarded) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	return g.one(g.inner.FindTokenByID(ctx, id))
}

// SaveToken implements [tokenkeep.TokenStore]. A save with a version needs no look:
// who seals a row changes its version.
func (g *guarded) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if t.Version == 0 {
		if err := g.mayMerge(ctx, t); err != nil {
			return wrap("save", err)
		}
	}
	return g.inner.SaveToken(ctx, t)
}

// mayMerge returns an error if a save of t would be merged into a sealed row.
func (g *guarded) mayMerge(ctx context.Context, t *tokenkeep.Token) error {
	if t.ID != "" {
		if _, err := g.FindTokenByID(ctx, t.ID); !errors.Is(err, tokenkeep.ErrNotFound) {
			return err
		}
	}
	_, err := g.FindToken(ctx, t)
	for _, none := range []error{tokenkeep.ErrNotFound, tokenkeep.ErrNoKey, tokenkeep.ErrAmbiguous} {
		if errors.Is(err, none) {
			return nil // the save says it better
		}
	}
	return err
}

// DeleteToken implements [tokenkeep.TokenStore]. It deletes sealed rows too: an id is
// given on purpose.
func (g *guarded) DeleteToken(ctx context.Context, id string) error {
	return g.inner.DeleteToken(ctx, id)
}

// DeleteTokens implements [tokenkeep.TokenStore].
func (g *guarded) DeleteTokens(ctx context.Context) error { return g.inner.DeleteTokens(ctx) }

// GetTokens implements [tokenkeep.TokenStore]. It ends with an error at the first
// sealed row.
func (g *guarded) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		for t, err := range g.inner.GetTokens(ctx) {
			t, err := g.one(t, err)
			if errors.Is(err, tokenkeep.ErrNotFound) {
				continue
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}
