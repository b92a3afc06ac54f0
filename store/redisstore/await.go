package redisstore

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long a call may hold up its caller's goroutine: a client notices
// a deadline while it reads, but no cancellation.
const patience = 100 * time.Millisecond

// slowFor is how long a server counts as slow that did not answer within patience.
const slowFor = 10 * time.Second

// A pace says where calls are made.
type pace struct {
	// obeyed is set when the client obeys the deadlines of contexts.
	obeyed bool
	// slowUntil is when to be patient again, in nanoseconds since 1970.
	slowUntil atomic.Int64
}

// obeysDeadlines reports whether a client is set up to obey deadlines.
func obeysDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	default:
		return false
	}
}

// await returns what call returns, or the error of ctx soon after that has ended.
//
// While the server answers promptly, the call is made on the caller's goroutine: to
// hand it to another one and back costs as much as the call. What took longer than
// patience is made again on a goroutine that can be left behind, and so are the
// calls that follow. All calls may be made twice: see the scripts.
func await[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (value T, err error) {
	if err := s.begin(ctx); err != nil {
		return value, err
	}
	if ctx.Done() == nil {
		defer s.calls.Done()
		return call(ctx)
	}
	if s.pace.obeyed && time.Now().UnixNano() > s.pace.slowUntil.Load() {
		value, err = promptly(ctx, call)
		if !errors.Is(err, errSlow) {
			s.calls.Done()
			return value, err
		}
		s.pace.slowUntil.Store(time.Now().Add(slowFor).UnixNano())
	}
	return detached(ctx, s, call)
}

// errSlow: the server did not answer within patience.
var errSlow = errors.New("no answer yet")

// promptly makes a call that ends within patience, with errSlow at the latest.
func promptly[T any](ctx context.Context, call func(context.Context) (T, error)) (value T, err error) {
	brisk, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, err = call(brisk)
	if err == nil || ended(brisk) == nil || ended(ctx) != nil {
		return value, err
	}
	if _, answered := errors.AsType[redis.Error](err); answered {
		return value, err
	}
	return value, errSlow
}

// ended returns the error of ctx, also in the moment in which its deadline has passed
// for a connection and its own timer has not fired yet.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// detached makes a call on a goroutine of its own, which counts the call out, and
// does not wait for it when ctx ends.
func detached[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (value T, err error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer s.calls.Done()
		value, err := call(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}
