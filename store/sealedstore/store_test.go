package sealedstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// openSQLite opens a sealed store in folder, with a key file beside the database.
func openSQLite(ctx context.Context, folder string) (tokenkeep.TokenStore, error) {
	keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile(filepath.Join(folder, "key")))
	if err != nil {
		return nil, err
	}
	inner, err := sqlitestore.Open(ctx, filepath.Join(folder, "tokens.db"), nil)
	if err != nil {
		return nil, err
	}
	return sealedstore.New(inner, keys, nil)
}

// maxBytes is the greatest token that storetest may expect to be kept: five of its
// eleven texts are sealed together.
const maxBytes = 48_000 / 5 * 11

func TestSQLite(t *testing.T) {
	storetest.Run(t, storetest.Config{Open: openSQLite, NewDSN: newFolder, MaxBytes: maxBytes})
}

func TestMemory(t *testing.T) {
	keys := newKeyring(t)
	storetest.Run(t, storetest.Config{
		Open: func(context.Context, string) (tokenkeep.TokenStore, error) {
			return sealedstore.New(tokenkeep.NewMemoryStore(), keys, nil)
		},
		NewDSN:     func(testing.TB) string { return "" },
		MemoryOnly: true,
		MaxBytes:   maxBytes,
	})
}
