package sqlitestore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gofrs/flock"
)

const (
	// patience is how long a writer waits in the queue before it passes by a
	// process that stands still there.
	patience = time.Second
	// grudgeTime is how long writers do not wait in a queue that stood still.
	grudgeTime = 5 * time.Second
	// quantum is how long a process that came through the queue may go on writing
	// without queueing again: changing writers costs more than a write.
	quantum = 2 * time.Millisecond
	// queuePoll and turnPoll are the times between two looks of a writer that has
	// just come to the queue, and of the one at its head.
	queuePoll = 600 * time.Microsecond
	turnPoll  = 100 * time.Microsecond
	// aging is the waiting time that doubles how often a writer looks, so that the
	// one that came first is likely to be the next.
	aging = 5 * time.Millisecond
)

// A writeLock puts the writers of all processes in order. Two file locks make it
// fair: whoever holds the first waits for the second, so that a process that has
// just written cannot write again before the one at the head of the queue.
//
// It is a courtesy: after patience, or where files cannot be locked, the writer
// goes on without it, and SQLite's own lock decides.
type writeLock struct {
	local  chan struct{} // one goroutine of this process at a time
	until  time.Time     // the end of this process's quantum; belongs to who holds local
	head   *flock.Flock
	turn   *flock.Flock
	grudge time.Time // until when not to wait; likewise
}

// newWriteLock returns the queue of the writers of the database at path.
func newWriteLock(path string) *writeLock {
	return &writeLock{
		local: make(chan struct{}, 1),
		head:  flock.New(path+".queue", flock.SetPermissions(0o600)),
		turn:  flock.New(path+".lock", flock.SetPermissions(0o600)),
	}
}

// Lock implements sqlstore.Locker.
func (l *writeLock) Lock(ctx context.Context) (unlock func(), err error) {
	select {
	case l.local <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	unlock = func() {
		_ = l.turn.Unlock() // closes the file, too; does nothing if it was not taken
		<-l.local
	}
	if time.Now().Before(l.until) {
		if ok, _ := l.turn.TryLock(); ok {
			return unlock, nil
		}
	}
	l.queue(ctx)
	if err := ctx.Err(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// queue waits for the turn of this process, as long as its patience lasts.
func (l *writeLock) queue(ctx context.Context) {
	deadline := l.deadline()
	atHead := poll(ctx, l.head, deadline, queuePoll)
	got := poll(ctx, l.turn, deadline, turnPoll)
	if atHead {
		_ = l.head.Unlock()
	}
	now := time.Now()
	if !got && ctx.Err() == nil {
		l.grudge = now.Add(grudgeTime)
	}
	l.until = now.Add(quantum)
}

// deadline returns until when to wait in the queue.
func (l *writeLock) deadline() time.Time {
	now := time.Now()
	if now.Before(l.grudge) {
		return now
	}
	return now.Add(patience)
}

// poll tries to take f until the deadline, at first every interval, later more
// often, and reports whether it did.
func poll(ctx context.Context, f *flock.Flock, deadline time.Time, interval time.Duration) bool {
	start := time.Now()
	for {
		ok, err := f.TryLock()
		now := time.Now()
		if ok || err != nil || !now.Before(deadline) {
			return ok
		}
		pause := interval * aging / (aging + now.Sub(start))
		if sleep(ctx, pause/2+rand.N(pause)) != nil { //nolint:gosec // jitter, not a secret
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
