package storetest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// openMyStore stands for the constructor of the store under test.
func openMyStore(_ context.Context, _ string) (tokenkeep.TokenStore, error) {
	return tokenkeep.NewMemoryStore(), nil
}

// The test of a store that keeps tokens in a file.
func ExampleRun() {
	test := func(t *testing.T) { // func TestMyStore(t *testing.T)
		storetest.Run(t, storetest.Config{
			Open:   openMyStore,
			NewDSN: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens") },
		})
	}
	_ = test
}
