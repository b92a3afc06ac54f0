//go:build unix

package storetest_test

import (
	"testing"

	"github.com/tokenkeep/tokenkeep/storetest"
)

// TestBadFileStores shows that the kills see what only they can see.
func TestBadFileStores(t *testing.T) {
	for _, bad := range []badStore{
		{acksEarly, storetest.Versioned, []string{"durable/kill-amid-saves"}},
		{tearsRows, storetest.Versioned, []string{"durable/kill-amid-saves"}},
	} {
		t.Run(string(bad.fault), func(t *testing.T) {
			cfg := fileConfig(bad.fault)
			cfg.Short, cfg.Kills = true, 60
			expectSeen(t, storetest.Check(t, cfg), bad)
		})
	}
}
