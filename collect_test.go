package tokenkeep

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"
)

// A Keeper that nobody has any more is collected, also when its event handler refers
// to one of its sessions, and so to itself.
func TestKeeperIsCollected(t *testing.T) {
	rows := NewMemoryStore()
	row := stored(t, rows, time.Hour)
	keeper := func() weak.Pointer[Keeper] {
		var s *Session
		k := New(rows, &stubProvider{}, &Options{History: HistoryOff, OnEvent: func(context.Context, Event) { _ = s.ID() }})
		s = open(t, k, row.ID)
		_, err := s.Token(t.Context())
		must(t, err)
		must(t, k.Close())
		return weak.Make(k)
	}()
	for range 20 {
		if runtime.GC(); keeper.Value() == nil {
			return
		}
	}
	t.Error("the Keeper is still there after 20 collections")
}
