package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A check is one thing that a store must do.
type check struct {
	name   string // "phase/what"
	level  Level
	shared bool // needs a store that other processes see
	stops  bool // needs SIGSTOP
	events bool // looks at the history of a store that keeps one; of no Level
	run    func(x *trial)
}

// A trial is one check while it runs. Its problems may be told from any
// goroutine; fatalf and what calls it belong to the check's own.
type trial struct {
	tb    testing.TB
	suite *suite
	size  sizes
	ctx   context.Context

	mu       sync.Mutex // guards what follows
	problems []string
	skipped  string // why it turned out that the check cannot be made
	closers  []func()
	children []*child
}

// graceTime is how long a check may still run after its context ended.
const graceTime = 5 * time.Second

// maxProblems is how many problems of one check are kept: a broken store tends
// to repeat itself.
const maxProblems = 10

// runTrial runs ck and returns how it ended. A check that hangs is given up: its
// goroutine stays behind, and the problem is told.
func runTrial(tb testing.TB, s *suite, ck check) result {
	ctx, cancel := context.WithTimeout(tb.Context(), s.size.limit)
	defer cancel()
	x := &trial{tb: tb, suite: s, size: s.size, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer x.close()
		defer x.catch()
		ck.run(x)
	}()
	give := time.NewTimer(s.size.limit + graceTime)
	defer give.Stop()
	select {
	case <-done:
	case <-give.C:
		x.errorf("an operation hangs: it has not returned after %v, although its context ended", s.size.limit)
		x.killAll()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return result{check: ck, problems: slices.Clone(x.problems), skipped: x.skipped}
}

// catch turns a panic of the store into a problem.
func (x *trial) catch() {
	if v := recover(); v != nil {
		buf := make([]byte, 4<<10)
		x.errorf("panic: %v\n%s", v, buf[:runtime.Stack(buf, false)])
	}
}

// onEnd registers f for the end of the check; the last one registered runs first.
func (x *trial) onEnd(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closers = append(x.closers, f)
}

func (x *trial) close() {
	x.mu.Lock()
	closers := slices.Clone(x.closers)
	x.mu.Unlock()
	for _, f := range slices.Backward(closers) {
		f()
	}
}

// killAll ends the children of a check that hangs.
func (x *trial) killAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.children {
		c.kill()
	}
}

func (x *trial) errorf(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.problems) < maxProblems {
		x.problems = append(x.problems, fmt.Sprintf(format, args...))
	}
}

func (x *trial) fatalf(format string, args ...any) {
	x.errorf(format, args...)
	runtime.Goexit()
}

// skip ends the check because it cannot be made.
func (x *trial) skip(why string) {
	x.mu.Lock()
	x.skipped = why
	x.mu.Unlock()
	runtime.Goexit()
}

// must ends the check when an operation failed.
func (x *trial) must(err error, what string) {
	if err != nil {
		x.fatalf("%s: %v", what, err)
	}
}

// want tells of an error that does not wrap target.
func (x *trial) want(err, target error, what string) {
	switch {
	case err == nil:
		x.errorf("%s: no error, want one that wraps %q", what, target)
	case !errors.Is(err, target):
		x.errorf("%s: the error %q does not wrap %q", what, err, target)
	}
}

// dsn returns a new place.
func (x *trial) dsn() string { return x.suite.cfg.NewDSN(x.tb) }

// fresh opens an empty store.
func (x *trial) fresh() tokenkeep.TokenStore {
	s, _ := x.open(x.dsn())
	return s
}

// open opens dsn; the result is closed by the returned function or, at the
// latest, at the end of the check.
func (x *trial) open(dsn string) (tokenkeep.TokenStore, func()) {
	s, err := x.suite.cfg.Open(x.ctx, dsn)
	x.must(err, "open")
	if s == nil {
		x.fatalf("open: no error and no store")
	}
	closeOnce := sync.OnceFunc(func() {
		if err := closeStore(s); err != nil {
			x.errorf("close: %v", err)
		}
	})
	x.onEnd(closeOnce)
	return s, closeOnce
}

func closeStore(s tokenkeep.TokenStore) error {
	if c, ok := s.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
