package sealedstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// A guard is as good a store as the one that it guards.
func TestGuard(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(ctx context.Context, dsn string) (tokenkeep.TokenStore, error) {
			s, err := sqlitestore.Open(ctx, dsn, nil)
			if err != nil {
				return nil, err
			}
			return sealedstore.Guard(s), nil
		},
		NewDSN: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens.db") },
		Short:  true,
	})
}

// A program without the key reads no fingerprint for a token, and writes over nothing.
func TestGuardRefusesSealedRows(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	keys := newKeyring(t)
	s := newStore(t, inner, keys, nil)
	ann, bob := save(t, s, token("ann")), save(t, inner, token("bob"))
	g, ctx := sealedstore.Guard(inner), t.Context()
	before := get(t, inner, ann.ID)

	_, err := g.FindTokenByID(ctx, ann.ID)
	refused(t, err, sealedstore.ErrKeyMissing, "find by id")
	if err != nil && !strings.Contains(err.Error(), keys.Primary()) {
		t.Errorf("the error does not name the key: %v", err)
	}
	_, err = g.FindToken(ctx, &tokenkeep.Token{UserName: "ann"})
	refused(t, err, sealedstore.ErrKeyMissing, "find by name")
	refused(t, g.SaveToken(ctx, &tokenkeep.Token{UserName: "ann", AccessToken: tokenkeep.NewSecret("new")}), sealedstore.ErrKeyMissing, "save by name")
	refused(t, g.SaveToken(ctx, &tokenkeep.Token{ID: ann.ID, AccessToken: tokenkeep.NewSecret("new")}), sealedstore.ErrKeyMissing, "save by id")
	var last error
	for _, err := range g.GetTokens(ctx) {
		last = err
	}
	refused(t, last, sealedstore.ErrKeyMissing, "list")
	refused(t, g.(tokenkeep.Pinger).Ping(ctx), sealedstore.ErrKeyMissing, "ping")
	wrong := newStore(t, inner, newKeyring(t), nil)
	refused(t, wrong.Ping(ctx), sealedstore.ErrKeyMissing, "ping with the wrong key")
	if err := newStore(t, inner, keys, nil).Ping(ctx); err != nil {
		t.Errorf("ping with the key: %v", err)
	}
	same(t, get(t, inner, ann.ID), before, "the sealed row after attempts to use it")

	same(t, get(t, g, bob.ID), bob, "a plain row")
	save(t, s, get(t, s, bob.ID)) // sealed by another program since it was read
	if err := g.SaveToken(ctx, bob); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save over a row that was sealed meanwhile: %v", err)
	}
	if err := g.DeleteToken(ctx, ann.ID); err != nil {
		t.Errorf("a sealed row cannot be deleted by its id: %v", err)
	}
}

// A row that is only reserved is no token, with a key and without.
func TestGuardHidesReservedRows(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	row := save(t, inner, &tokenkeep.Token{UserName: "ann", GrantToken: tokenkeep.NewSecret("tkf.reserved")})
	g := sealedstore.Guard(inner)
	if _, err := g.FindTokenByID(t.Context(), row.ID); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("find: %v", err)
	}
	for tok, err := range g.GetTokens(t.Context()) {
		t.Errorf("listed: %v, %v", tok, err)
	}
}
