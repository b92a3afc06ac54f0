package storetest_test

import (
	"context"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// places gives every dsn a store of its own in this process.
type places[S tokenkeep.TokenStore] struct {
	mu    sync.Mutex
	byDSN map[string]S
	make  func() S
}

func (p *places[S]) open(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.byDSN[dsn]
	if !ok {
		s = p.make()
		p.byDSN[dsn] = s
	}
	return s, nil
}

// memoryConfig is the Config of a store that lives in this process.
func memoryConfig[S tokenkeep.TokenStore](newStore func() S) storetest.Config {
	p := &places[S]{byDSN: map[string]S{}, make: newStore}
	return storetest.Config{
		Open:       p.open,
		NewDSN:     func(tb testing.TB) string { return tb.TempDir() },
		MemoryOnly: true,
	}
}

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, memoryConfig(tokenkeep.NewMemoryStore))
}

func TestMemoryStoreReachesVersioned(t *testing.T) {
	r := storetest.Check(t, memoryConfig(tokenkeep.NewMemoryStore))
	if r.Level != storetest.Versioned || len(r.Failed) != 0 {
		t.Errorf("level %s, want %s\n%s", r.Level, storetest.Versioned, r)
	}
}
