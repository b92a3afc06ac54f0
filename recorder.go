package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Timings and sizes of the recorder.
const (
	recorderQueue = 1024                   // events that wait at most; what comes on top is dropped
	recorderBatch = 128                    // events of one append
	recorderRest  = 100 * time.Millisecond // the longest rest after an append: see rest
	recorderRetry = 100 * time.Millisecond // the first pause after a failure; each is five times the last
	recorderTries = 5                      // of one append, which is 15 seconds of pauses
	recorderTime  = 5 * time.Second        // for one try
	flushTime     = 2 * time.Second        // for which Close and History wait for the queue
	pruneEvery    = 64                     // appends
	reasonBytes   = 4 << 10                // of a Reason that are kept
)

// A recorder appends the events of a Keeper to the store's history, behind the
// callers' backs. One goroutine does, for as long as events wait.
type recorder struct {
	keeper  *Keeper
	history Historian // nil: nothing is recorded
	mode    HistoryMode
	age     time.Duration
	appends int // of the goroutine; begins anywhere, so that short processes prune too

	mu      sync.Mutex // guards what follows; never held across a wait
	queue   []Event
	dropped int // of the events since the last append
	closed  bool
	off     bool       // the store keeps no history after all
	work    *recording // nil while nothing waits
}

// A recording is one run of the recorder's goroutine.
type recording struct {
	done   chan struct{} // is closed at its end
	hurry  chan struct{} // has an element when somebody waits for the end
	cancel context.CancelFunc
}

func newRecorder(k *Keeper) *recorder {
	r := &recorder{keeper: k, mode: k.opts.History, age: k.opts.HistoryAge, appends: rand.N(pruneEvery)} //nolint:gosec // no secret
	if h, ok := k.store.(Historian); ok && r.mode != HistoryOff {
		r.history = h
	}
	return r
}

// add queues an event. It never waits.
func (r *recorder) add(ctx context.Context, e Event) {
	if r.history == nil || r.mode == HistoryChanges && e.routine() {
		return
	}
	if !r.enqueue(e.recordable()) {
		r.warn(ctx, 1, fmt.Errorf("the Keeper is %w", ErrClosed))
	}
}

// enqueue reports whether the recorder is open.
func (r *recorder) enqueue(e Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.off:
		return true
	case r.closed:
		return false
	}
	if len(r.queue) >= recorderQueue {
		r.dropped++
		return true
	}
	r.queue = append(r.queue, e)
	if r.work == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r.work = &recording{done: make(chan struct{}), hurry: make(chan struct{}, 1), cancel: cancel}
		go r.run(ctx, r.work)
	}
	return true
}

// run appends what is queued until nothing is.
func (r *recorder) run(ctx context.Context, w *recording) {
	defer close(w.done)
	defer w.cancel()
	for batch := r.take(); batch != nil; batch = r.take() {
		begin := time.Now()
		r.record(ctx, batch)
		w.rest(time.Since(begin))
	}
}

// rest waits for four times as long as an append took: so the history has a fifth of
// the store's time at most, and the events of a busy moment come in one append.
func (w *recording) rest(took time.Duration) {
	if took <= 0 {
		return
	}
	t := time.NewTimer(min(4*took, recorderRest))
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.hurry:
	}
}

// take returns the next events. When there are none the goroutine has come to its
// end.
func (r *recorder) take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.queue), recorderBatch)
	if n == 0 {
		r.queue, r.work = nil, nil
		return nil
	}
	batch := r.queue[:n:n]
	r.queue = r.queue[n:]
	return batch
}

// record appends a batch, with patience, or drops it and says so.
func (r *recorder) record(ctx context.Context, batch []Event) {
	var err error
	for try, wait := 1, recorderRetry; ; try, wait = try+1, 5*wait {
		err = r.appendOnce(ctx, batch)
		if err == nil || !worthAnotherTry(err) || try == recorderTries || sleep(ctx, wait) != nil {
			break
		}
	}
	if errors.Is(err, ErrNoHistory) {
		r.giveUp(ctx, err)
		return
	}
	missing := r.missing()
	if err != nil {
		missing += len(batch)
	}
	if missing > 0 {
		r.warn(ctx, missing, err)
	}
	if err == nil {
		r.prune(ctx)
	}
}

func (r *recorder) appendOnce(ctx context.Context, batch []Event) error {
	ctx, cancel := context.WithTimeout(ctx, recorderTime)
	defer cancel()
	err := errors.New("the store panicked")
	r.keeper.guard(ctx, "store", func() { err = r.history.AppendEvents(ctx, batch) })
	return err
}

// giveUp ends the recording: the store keeps no history. It says so once, as a warning
// if an administrator could change that.
func (r *recorder) giveUp(ctx context.Context, err error) {
	r.mu.Lock()
	told := r.off
	r.off, r.queue, r.dropped = true, nil, 0
	r.mu.Unlock()
	if told {
		return
	}
	level := slog.LevelInfo
	if ClassOf(err) == Misconfigured || errors.Is(err, ErrSchema) {
		level = slog.LevelWarn
	}
	r.keeper.guard(ctx, "logger", func() {
		r.keeper.opts.Logger.LogAttrs(ctx, level, "tokenkeep: no history is recorded", slog.Any("error", err))
	})
}

// worthAnotherTry reports whether the cause of err may pass by itself.
func worthAnotherTry(err error) bool {
	for _, lasting := range []error{ErrNoHistory, ErrReadOnly, ErrInvalid, ErrSchema, ErrCorrupt, ErrClosed} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return ClassOf(err) != Misconfigured
}

// missing returns how many events were dropped since the last call.
func (r *recorder) missing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.dropped
	r.dropped = 0
	return n
}

func (r *recorder) warn(ctx context.Context, n int, err error) {
	attrs := []slog.Attr{slog.Int("events", n)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	r.keeper.guard(ctx, "logger", func() {
		r.keeper.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "tokenkeep: events are missing in the history; no login is affected", attrs...)
	})
}

// prune removes what is too old, after one append of many.
func (r *recorder) prune(ctx context.Context) {
	if r.appends++; r.age < 0 || r.appends%pruneEvery != 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recorderTime)
	defer cancel()
	r.keeper.guard(ctx, "store or logger", func() {
		if _, err := r.history.PruneEvents(ctx, time.Now().Add(-r.age)); err != nil {
			r.keeper.opts.Logger.WarnContext(ctx, "tokenkeep: old events were not removed from the history", "error", err)
		}
	})
}

// flush waits until what is queued is recorded, or ctx ends, or for flushTime.
func (r *recorder) flush(ctx context.Context) {
	r.mu.Lock()
	w := r.work
	r.mu.Unlock()
	if w == nil {
		return
	}
	select {
	case w.hurry <- struct{}{}:
	default: // somebody else waits too
	}
	w.wait(ctx, flushTime)
}

// wait waits for the end of the goroutine.
func (w *recording) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.done:
	case <-ctx.Done():
	case <-t.C:
	}
}

// close flushes, takes no more events, and ends the goroutine.
func (r *recorder) close() {
	r.flush(context.Background())
	r.mu.Lock()
	r.closed = true
	w := r.work
	r.mu.Unlock()
	if w != nil {
		w.cancel()
		w.wait(context.Background(), flushTime/10) // so that it can say what is missing
	}
}

// recordable returns e as any store can keep it.
func (e Event) recordable() Event {
	e.Time, e.Expiry = e.Time.Round(0), e.Expiry.Round(0)
	for _, text := range []*string{&e.TokenID, &e.UserName, &e.ClientID, &e.DataCentre, &e.Owner, &e.Actor, &e.Reason} {
		if len(*text) > reasonBytes {
			*text = (*text)[:reasonBytes]
		}
		*text = strings.ReplaceAll(strings.ToValidUTF8(*text, ""), "\x00", "")
	}
	return e
}
