package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// defaultEnders is how many logins are ended at a time.
const defaultEnders = 4

// endFailures is how many logins in a row have to fail, because the provider or the
// store cannot be reached, until a sweep gives up.
const endFailures = 10

// ErrGaveUp is in the error of [Keeper.Reap] and [Keeper.Revoke] when they stopped
// early.
var ErrGaveUp = errors.New("the provider or the store failed for many logins in a row; the rest was left alone")

// sweep ends those of rows that d judges so, a few at a time, and hands what became of
// them to each in the order of the rows, on the caller's goroutine. It holds a few
// rows in memory at most, and ends what it began when ctx ends.
func (d *ender) sweep(ctx context.Context, rows iter.Seq2[*Token, error], workers int, each func(Ending)) (r EndReport, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if workers <= 0 {
		workers = defaultEnders
	}
	queue := make(chan chan Ending, workers-1)
	seen, listed := 0, error(nil)
	go func() {
		defer close(queue)
		defer func() {
			if p := recover(); p != nil {
				listed = d.keeper.panicked(ctx, "store", p)
			}
		}()
		seen, listed = d.feed(ctx, rows, queue)
	}()
	failed := 0
	for ch := range queue {
		e := <-ch
		if e.Cause == "" {
			continue
		}
		r.count(e)
		if each != nil {
			each(e)
		}
		if failed = failuresInRow(failed, e); failed >= endFailures {
			cancel(ErrGaveUp)
		}
	}
	r.Rows = seen
	if cause := context.Cause(ctx); cause != nil {
		listed = fmt.Errorf("%s: %w", d.op, cause)
	}
	return r, listed
}

// failuresInRow counts the failures that more rows would not mend.
func failuresInRow(n int, e Ending) int {
	switch c := ClassOf(e.Err); {
	case e.Err == nil || errors.Is(e.Err, ErrConflict):
		return 0
	case c == RetryLater || c == Throttled || c == StoreUnavailable:
		return n + 1
	}
	return n
}

// feed begins the work on each row that is to be ended, and returns how many rows
// there were.
func (d *ender) feed(ctx context.Context, rows iter.Seq2[*Token, error], queue chan<- chan Ending) (seen int, err error) {
	for row, err := range rows {
		if err != nil {
			return seen, storeError(d.op+": list", err)
		}
		seen++
		if cause, _ := d.judge(row, time.Now()); cause == "" {
			continue
		}
		ch := make(chan Ending, 1)
		select {
		case queue <- ch:
		case <-ctx.Done():
			return seen, nil
		}
		go func() { ch <- d.endGuarded(ctx, row) }()
	}
	return seen, nil
}

// endGuarded is end for a goroutine. What is not to be ended has no cause.
func (d *ender) endGuarded(ctx context.Context, row *Token) (e Ending) {
	defer func() {
		if r := recover(); r != nil {
			cause, reason := d.judge(row, time.Now())
			e = endingOf(row, cause, reason)
			e.Err = d.keeper.panicked(ctx, "provider or store", r)
		}
	}()
	e, ok := d.end(ctx, row.ID)
	if !ok {
		return Ending{}
	}
	return e
}
