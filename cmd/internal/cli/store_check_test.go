package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A mute store has the methods of a history and an error for them.
type mute struct {
	tokenkeep.TokenStore
	err error
}

func (m mute) AppendEvents(context.Context, []tokenkeep.Event) error { return m.err }

func (m mute) PruneEvents(context.Context, time.Time) (int, error) { return 0, m.err }

func (m mute) Events(context.Context, tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return func(yield func(tokenkeep.Event, error) bool) {
		if m.err != nil {
			yield(tokenkeep.Event{}, m.err)
		}
	}
}

func TestCheckHistory(t *testing.T) {
	broken := errors.New("the table is gone")
	for _, c := range []struct {
		err, want error
		kept      bool
		warnings  int
	}{
		{kept: true},
		{err: fmt.Errorf("no right to make it: %w", tokenkeep.ErrNoHistory), warnings: 1},
		{err: broken, want: broken},
	} {
		var v storeView
		err := checkHistory(t.Context(), mute{tokenkeep.NewMemoryStore(), c.err}, &v)
		if !errors.Is(err, c.want) || v.History != c.kept || len(v.Warnings) != c.warnings {
			t.Errorf("with %v: error %v, kept %v, warnings %q", c.err, err, v.History, v.Warnings)
		}
	}
	var v storeView
	if err := checkHistory(t.Context(), struct{ tokenkeep.TokenStore }{tokenkeep.NewMemoryStore()}, &v); err != nil || v.History {
		t.Errorf("a store without a history: error %v, kept %v", err, v.History)
	}
}
