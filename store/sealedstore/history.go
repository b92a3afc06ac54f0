package sealedstore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

var _ tokenkeep.Historian = (*Store)(nil)

// AppendEvents implements [tokenkeep.Historian] by the inner store. Events hold no
// secret and are not sealed. If the inner store keeps no history, the error of this
// and the other two methods wraps tokenkeep.ErrNoHistory.
func (s *Store) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	h, err := s.historian()
	if err != nil {
		return err
	}
	return wrap("append to the history", h.AppendEvents(ctx, events))
}

// Events implements [tokenkeep.Historian].
func (s *Store) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	h, err := s.historian()
	if err != nil {
		return func(yield func(tokenkeep.Event, error) bool) { yield(tokenkeep.Event{}, err) }
	}
	return func(yield func(tokenkeep.Event, error) bool) {
		for e, err := range h.Events(ctx, q) {
			if !yield(e, wrap("read the history", err)) {
				return
			}
		}
	}
}

// PruneEvents implements [tokenkeep.Historian].
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	h, err := s.historian()
	if err != nil {
		return 0, err
	}
	n, err := h.PruneEvents(ctx, before)
	return n, wrap("prune the history", err)
}

// historian returns the inner store, if it keeps a history.
func (s *Store) historian() (tokenkeep.Historian, error) {
	if h, ok := s.inner.(tokenkeep.Historian); ok {
		return h, nil
	}
	return nil, fmt.Errorf("sealed: %w: the inner store is none that does", tokenkeep.ErrNoHistory)
}
