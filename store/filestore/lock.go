package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/tokenkeep/tokenkeep"
)

// A processLock keeps the processes that share a file apart. It is two flocks:
// the gate and the lock itself. Whoever wants the lock first takes the gate,
// keeps it while waiting, and gives it back when it has the lock. So only one
// process waits for the lock itself and gets it next, and one that has just
// released the lock cannot snatch it again before that one: with a single
// polled flock, a busy process starves all others.
//
// The kernel releases both when a process dies. Their files say nothing by
// themselves, least of all by their times.
type processLock struct {
	gate, lock string
}

// How often a waiting process tries. Only one at a time waits for the lock, so
// it may look often; any number wait at the gate.
const (
	lockPoll    = 50 * time.Microsecond
	lockPollMax = 2 * time.Millisecond
	gatePollMin = 200 * time.Microsecond
	gatePollMax = 2 * time.Millisecond
)

// acquire waits for the lock until ctx is done and returns what releases it.
func (l *processLock) acquire(ctx context.Context) (release func(), err error) {
	gate, err := poll(ctx, l.gate, gatePoll)
	if err != nil {
		return nil, err
	}
	defer unlock(gate)
	held, err := poll(ctx, l.lock, lockWait)
	if err != nil {
		return nil, err
	}
	return func() { unlock(held) }, nil
}

// lockWait returns how long to wait after the nth failed try: very short for as
// long as a healthy holder takes.
func lockWait(n int) time.Duration {
	if n < 200 {
		return lockPoll
	}
	return lockPollMax
}

// gatePoll returns how long to wait after the nth failed try: at random, so that
// no process keeps missing, and longer if it takes long.
func gatePoll(n int) time.Duration {
	most := gatePollMin << 1
	if n >= 100 {
		most = gatePollMax
	}
	return gatePollMin/2 + rand.N(most) //nolint:gosec // not a secret
}

// poll tries to lock the file at path until it succeeds.
func poll(ctx context.Context, path string, wait func(n int) time.Duration) (*flock.Flock, error) {
	for n := 0; ; n++ {
		f, err := try(path)
		if f != nil || err != nil {
			return f, err
		}
		if err := pause(ctx, wait(n)); err != nil {
			return nil, err
		}
	}
}

// pause waits for d, or until ctx is done. The runtime's timers are no finer than
// a millisecond when a process is idle, which is longer than most turns; a
// shorter wait takes a thread instead, of which a Store needs one at most.
func pause(ctx context.Context, d time.Duration) error {
	if d < time.Millisecond && ctx.Err() == nil {
		nap(d)
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// try returns the locked file, or nil if another process holds it. A lock on a
// file that was removed or replaced meanwhile is worth nothing: then it tries
// again.
func try(path string) (*flock.Flock, error) {
	f := flock.New(path, flock.SetPermissions(0o600))
	ok, err := f.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return nil, nil // TryLock has closed the file
	}
	held, err := f.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = os.Stat(path); err == nil && os.SameFile(held, named) {
			return f, nil
		}
	}
	unlock(f)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, nil
}

// unlock releases a lock. The kernel releases it with the file, which is closed
// in any case.
func unlock(f *flock.Flock) { _ = f.Close() }

// lockError says what it means that the lock was not to be had.
func lockError(err error, path string, waited time.Duration) error {
	if !errors.Is(err, errLockWait) {
		return err
	}
	return &tokenkeep.Error{
		Class:  tokenkeep.StoreUnavailable,
		Reason: fmt.Sprintf("another process has held %s for %v", path, waited),
		Hint:   "find the process that is stopped or hangs, and end it or let it go on",
		Err:    err,
	}
}

// errLockWait is the cause of a wait for the lock that took too long.
var errLockWait = errors.New("gave up waiting for the lock")
