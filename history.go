package tokenkeep

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// A Historian is a [TokenStore] that also keeps what happened to its tokens: an
// append-only history, shared by all processes of the store, that outlives the rows
// it tells of. The Keeper finds it by type assertion, writes to it behind the callers'
// backs, and works the same without it.
//
// A store that has the methods and still cannot keep a history, such as a wrapper of
// one that keeps none, returns errors that wrap [ErrNoHistory].
type Historian interface {
	// AppendEvents adds events to the history, in their order. It must not touch a
	// token, must keep every field, times to the millisecond at least, and must be
	// durable when it returns.
	AppendEvents(ctx context.Context, events []Event) error

	// Events yields the events that q selects, in the order in which they were added,
	// also those of rows that were deleted. An error is yielded last.
	Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error]

	// PruneEvents removes the events from before t and returns how many those were.
	PruneEvents(ctx context.Context, before time.Time) (int, error)
}

// An EventQuery selects events. With both TokenID and UserName set, an event fits
// that has either; with neither, every one fits.
type EventQuery struct {
	// TokenID is the id of a row, or empty.
	TokenID string
	// UserName is the exact name of a user, or empty.
	UserName string
	// Since leaves out what is older. Zero: nothing.
	Since time.Time
}

// Fits reports whether q selects e.
func (q EventQuery) Fits(e Event) bool {
	if e.Time.Before(q.Since) {
		return false
	}
	if q.TokenID == "" && q.UserName == "" {
		return true
	}
	return q.TokenID != "" && e.TokenID == q.TokenID || q.UserName != "" && e.UserName == q.UserName
}

// A HistoryMode says which events a Keeper records when its store is a [Historian].
type HistoryMode int

// The modes.
const (
	// HistoryAll: every event is recorded.
	HistoryAll HistoryMode = iota
	// HistoryChanges: every event but those of each hour, when a login is refreshed
	// or another process's refresh is adopted.
	HistoryChanges
	// HistoryOff: nothing is recorded.
	HistoryOff
)

// routine reports whether e is one of each hour.
func (e Event) routine() bool {
	return e.Kind == Refreshed || e.Kind == Adopted && e.Reason == adoptedRefresh
}

// History yields the events that q selects, oldest first as the store has them, with
// those that this Keeper saw a moment ago: it waits for their append, for 2 seconds
// at most. An error is yielded last; it wraps [ErrNoHistory] when the store keeps
// none.
func (k *Keeper) History(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		h, ok := k.store.(Historian)
		if !ok {
			yield(Event{}, fmt.Errorf("history: %w; SQL databases, Redis and files do", ErrNoHistory))
			return
		}
		k.recorder.flush(ctx)
		for e, err := range h.Events(ctx, q) {
			if err != nil {
				yield(Event{}, callerError(ctx, "history", err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// actorKey is the key of the actor in a ctx.
type actorKey struct{}

// WithActor returns a ctx whose logins, logouts and deletions say in their [Event]s
// who asked for them, such as "ops@example.com on host7".
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// actorOf returns who acts in ctx, or "".
func actorOf(ctx context.Context) string {
	actor, _ := ctx.Value(actorKey{}).(string)
	return actor
}
