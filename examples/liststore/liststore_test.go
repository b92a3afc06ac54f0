package liststore_test

import (
	"context"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/examples/liststore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open:       func(context.Context, string) (tokenkeep.TokenStore, error) { return &liststore.Store{}, nil },
		NewDSN:     func(testing.TB) string { return "" },
		MemoryOnly: true,
	})
}
