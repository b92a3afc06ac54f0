package sqlitestore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

func open(ctx context.Context, path string) (tokenkeep.TokenStore, error) {
	return sqlitestore.Open(ctx, path, nil)
}

func TestFile(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open:   open,
		NewDSN: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens.db") },
	})
}

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open:       open,
		NewDSN:     func(testing.TB) string { return sqlitestore.Memory },
		MemoryOnly: true,
	})
}
