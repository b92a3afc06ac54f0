package sqlitestore

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

const (
	// patience is how long a writer waits in the queue before it passes by a
	// process that stands still there.
	patience = time.Second
	// grudge is how long writers do not wait in a queue that stood still.
	grudge = 5 * time.Second
	// queuePoll and turnPoll are the mean times between two looks of a writer in
	// the queue, and of the one at its head.
	queuePoll = 600 * time.Microsecond
	turnPoll  = 100 * time.Microsecond
)

// A writeLock puts the writers of all processes in order. Two file locks make it
// fair: whoever holds the first waits for the second, so that a process that has
// just written cannot write again before the one at the head of the queue.
//
// It is a courtesy: after patience, or where files cannot be locked, the writer
// goes on without it, and SQLite's own lock decides.
type writeLock struct {
	local     chan struct{} // one goroutine of this process at a time
	head      *flock.Flock
	turn      *flock.Flock
	impatient atomic.Int64 // do not wait before this time, in nanoseconds since start
	start     time.Time
}

func newWriteLock(path string) *writeLock {
	return &writeLock{
		local: make(chan struct{}, 1),
		head:  flock.New(path, flock.SetPermissions(0o600)),
		turn:  flock.New(path+"2", flock.SetPermissions(0o600)),
		start: time.Now(),
	}
}

// Lock implements sqlstore.Locker.
func (l *writeLock) Lock(ctx context.Context) (unlock func(), err error) {
	select {
	case l.local <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	deadline := l.deadline()
	queued := poll(ctx, l.head, deadline, queuePoll)
	if !poll(ctx, l.turn, deadline, turnPoll) && ctx.Err() == nil {
		l.impatient.Store(int64(time.Since(l.start) + grudge))
	}
	if queued {
		_ = l.head.Unlock() // closes the file, too, so nothing stays locked
	}
	unlock = func() {
		_ = l.turn.Unlock() // no-op if it was not taken
		<-l.local
	}
	if err := ctx.Err(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// deadline returns until when to wait in the queue.
func (l *writeLock) deadline() time.Time {
	if int64(time.Since(l.start)) < l.impatient.Load() {
		return time.Now()
	}
	return time.Now().Add(patience)
}

// poll tries to take f until the deadline, and reports whether it did.
func poll(ctx context.Context, f *flock.Flock, deadline time.Time, mean time.Duration) bool {
	for {
		ok, err := f.TryLock()
		if ok || err != nil || !time.Now().Before(deadline) {
			return ok
		}
		if sleep(ctx, mean/2+rand.N(mean)) != nil {
			return false
		}
	}
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
