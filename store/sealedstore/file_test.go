package sealedstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// Any store will do: a file too.
func TestFile(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(ctx context.Context, folder string) (tokenkeep.TokenStore, error) {
			keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile(filepath.Join(folder, "key")))
			if err != nil {
				return nil, err
			}
			inner, err := filestore.Open(filepath.Join(folder, "tokens.txt"), nil)
			if err != nil {
				return nil, err
			}
			return sealedstore.New(inner, keys, nil)
		},
		NewDSN:     newFolder,
		MaxBytes:   maxBytes,
		Unwritable: ",\"\\",
		Short:      true,
	})
}
