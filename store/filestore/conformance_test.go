package filestore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
			return filestore.Open(dsn, nil)
		},
		NewDSN:     func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens", "sdk_tokens.txt") },
		Unwritable: ",\"\\",
	})
}
