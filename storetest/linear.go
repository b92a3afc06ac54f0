package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func linearChecks() []check {
	return []check{{name: "versioned/linearizable", level: Versioned, run: checkLinearizable}}
}

// checkLinearizable lets many goroutines, over several openings of one place, read,
// save and delete the rows of a few users, and judges what they saw: there must be
// one order of all operations that explains every answer and in which no operation
// comes before one that had ended when it began.
func checkLinearizable(x *trial) {
	log := &opLog{began: time.Now()}
	stores := x.handles(3)
	crowd(x.size.goroutines, func(i int) {
		w := &opWorker{
			x: x, log: log, store: stores[i%len(stores)], name: fmt.Sprintf("w%d", i),
			rng:  rand.New(rand.NewPCG(uint64(i), 1)), //nolint:gosec // which operation comes next is no secret
			seen: map[string]*tokenkeep.Token{},
		}
		for range 12 * x.size.rounds {
			w.act()
		}
	})
	for _, problem := range judge(log.ops) {
		x.errorf("%s", problem)
	}
}

// handles opens one place n times; a store of one process is opened once.
func (x *trial) handles(n int) []tokenkeep.TokenStore {
	if x.suite.cfg.MemoryOnly {
		return []tokenkeep.TokenStore{x.fresh()}
	}
	dsn := x.dsn()
	list := make([]tokenkeep.TokenStore, n)
	for i := range list {
		list[i], _ = x.open(dsn)
	}
	return list
}

// An opKind is what was asked of the store.
type opKind string

const (
	opRead   opKind = "read"
	opSwap   opKind = "save of a version"
	opUpsert opKind = "save"
	opDelete opKind = "delete"
)

// An opResult is what the store answered.
type opResult string

const (
	opDone     opResult = "done"
	opConflict opResult = "conflict"
	opMissing  opResult = "not found"
)

// An op is one operation as its caller saw it.
type op struct {
	kind       opKind
	id         string        // of the row
	start, end time.Duration // since the log began
	result     opResult
	from       int64  // the version to be replaced, for opSwap
	version    int64  // of the row that was read or written
	value      string // that was read or written
	by         string
}

// String implements [fmt.Stringer].
func (o op) String() string {
	return fmt.Sprintf("%s's %s of row %s (%v to %v, version %d to %d, value %q): %s",
		o.by, o.kind, o.id, o.start, o.end, o.from, o.version, o.value, o.result)
}

// An opLog collects what all callers saw.
type opLog struct {
	began time.Time
	mu    sync.Mutex // guards ops
	ops   []op
}

func (l *opLog) add(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops = append(l.ops, o)
}

// An opWorker is one caller.
type opWorker struct {
	x     *trial
	log   *opLog
	store tokenkeep.TokenStore
	name  string
	rng   *rand.Rand
	wrote int
	seen  map[string]*tokenkeep.Token // what it read last, by user
}

// act does one operation, after a moment in which others come between.
func (w *opWorker) act() {
	time.Sleep(time.Duration(w.rng.IntN(200)) * time.Microsecond)
	user := fmt.Sprintf("user%d", w.rng.IntN(2))
	row, n := w.seen[user], w.rng.IntN(100)
	switch {
	case row == nil && n < 50, n < 6:
		w.upsert(user)
	case row == nil, n < 20:
		w.find(user)
	case n < 55:
		w.read(user, row.ID)
	case n < 99:
		w.swap(user, row.Clone())
	default:
		w.remove(user, row.ID)
	}
}

func (w *opWorker) find(user string) {
	w.do(op{kind: opRead}, user, func() (*tokenkeep.Token, error) {
		return w.store.FindToken(w.x.ctx, &tokenkeep.Token{UserName: user, ClientID: testClient})
	})
}

func (w *opWorker) read(user, id string) {
	w.do(op{kind: opRead, id: id}, user, func() (*tokenkeep.Token, error) { return w.store.FindTokenByID(w.x.ctx, id) })
}

func (w *opWorker) swap(user string, t *tokenkeep.Token) {
	t.RedirectURL = w.value()
	w.do(op{kind: opSwap, id: t.ID, from: t.Version}, user, func() (*tokenkeep.Token, error) { return t, w.store.SaveToken(w.x.ctx, t) })
}

func (w *opWorker) upsert(user string) {
	t := plain(user)
	t.RedirectURL = w.value()
	w.do(op{kind: opUpsert}, user, func() (*tokenkeep.Token, error) { return t, w.store.SaveToken(w.x.ctx, t) })
}

func (w *opWorker) remove(user, id string) {
	w.do(op{kind: opDelete, id: id}, user, func() (*tokenkeep.Token, error) { return nil, w.store.DeleteToken(w.x.ctx, id) })
}

// value returns a value that nobody else writes.
func (w *opWorker) value() string {
	w.wrote++
	return fmt.Sprintf("%s/%s.%d", testURL, w.name, w.wrote)
}

// do times an operation and notes what it answered.
func (w *opWorker) do(o op, user string, f func() (*tokenkeep.Token, error)) {
	o.by, o.start = w.name, time.Since(w.log.began)
	t, err := f()
	o.end = time.Since(w.log.began)
	delete(w.seen, user)
	switch {
	case err == nil:
		o.result = opDone
	case errors.Is(err, tokenkeep.ErrConflict) && o.kind == opSwap:
		o.result = opConflict
	case errors.Is(err, tokenkeep.ErrNotFound) && o.kind != opUpsert:
		o.result = opMissing
	default:
		w.x.errorf("%s: %v", o, err)
		return
	}
	if err == nil && t != nil {
		o.id, o.version, o.value = t.ID, t.Version, t.RedirectURL
		w.seen[user] = t
	}
	if o.id != "" { // a look by user that found nothing tells of no row
		w.log.add(o)
	}
}
