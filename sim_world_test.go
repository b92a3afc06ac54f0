package tokenkeep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A simWorld is one schedule: a store, a provider, and processes that share
// nothing else, for some hours of virtual time.
type simWorld struct {
	seed     uint64
	plan     simPlan
	began    time.Time
	store    *simStore
	provider *simProvider
	stats    *simStats

	callers sync.WaitGroup
	evening chan struct{} // closed when the callers go home
	calm    atomic.Bool   // no more faults
	// upsets counts what can leave a claim behind: crashes, stops, faults of the store.
	upsets atomic.Int64
	// cuts counts answers of the provider that nobody received.
	cuts      atomic.Int64
	throttles atomic.Int64

	mu        sync.Mutex // guards what follows; a leaf, never held across a wait
	log       []simEntry
	bad       []string
	processes []*simProcess
	lives     []*simLife
	ops       []*simOp
	uses      map[string]time.Time // of rows, by whom ever, with success or without
	gave      map[string]time.Time // those with success
}

// A simEntry is a line of the log. It is formatted only when it is shown.
type simEntry struct {
	at     time.Duration
	who    string
	format string
	args   []any
}

func newSimWorld(seed uint64, stats *simStats) *simWorld {
	w := &simWorld{seed: seed, stats: stats, began: time.Now(), evening: make(chan struct{}), uses: map[string]time.Time{}, gave: map[string]time.Time{}}
	w.plan = newSimPlan(w.stream(0))
	w.store = newSimStore(w)
	w.provider = newSimProvider(w)
	return w
}

// stream returns the nth source of chance of this schedule.
func (w *simWorld) stream(n uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, n)) }

// run lives the schedule, lets the faults end, and checks what is left.
func (w *simWorld) run() {
	w.firstLogins()
	for n := range w.plan.processes {
		p := &simProcess{w: w, n: n}
		w.processes = append(w.processes, p)
		p.start()
		w.callers.Go(p.fate)
	}
	for n := range 2 {
		w.callers.Go(func() { w.people(uint64(n)) })
	}
	time.Sleep(w.plan.span)
	close(w.evening)
	w.callers.Wait()
	w.calm.Store(true)
	for _, p := range w.processes {
		if p.cur.dead.Load() {
			p.start()
		}
	}
	time.Sleep(longestPause + 2*time.Minute) // longer than any pause, and than any write is on its way
	w.checkEnd()
	w.checkLeftovers()
	for _, l := range w.lives {
		_ = l.keeper.Close()
	}
	w.stats.count("schedules")
}

// rest waits for d, or until the evening: then it reports false.
func (w *simWorld) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.evening:
		return false
	}
}

func (w *simWorld) note(who, format string, args ...any) {
	e := simEntry{at: time.Since(w.began), who: who, format: format, args: args}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, e)
}

// violated notes that an invariant does not hold.
func (w *simWorld) violated(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note("VIOLATED", "%s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = append(w.bad, text)
}

// upset counts and notes a fault that can leave a claim behind.
func (w *simWorld) upset(who, format string, args ...any) {
	w.upsets.Add(1)
	w.note(who, format, args...)
}

// A simProcess is a place where a process runs, ends and is started again.
type simProcess struct {
	w   *simWorld
	n   int
	cur *simLife // the fate's own; nobody else looks
	ran int
}

// start begins a new life with a Keeper of its own.
func (p *simProcess) start() {
	w := p.w
	l := &simLife{
		w: w, process: p.n, name: fmt.Sprintf("p%d.%d", p.n, p.ran), died: make(chan struct{}),
		rng: w.stream(uint64(1000 + 100*p.n + p.ran)), known: map[string]simKnown{}, gone: map[string]bool{}, ended: map[string]bool{}, steps: map[int]int{}, uses: map[string]time.Time{},
	}
	l.drawTraps()
	l.keeper = New(simStoreClient{simRest: w.store, l: l}, simProviderClient{w.provider, l}, &Options{
		ClaimTime: w.plan.claim, MinValidity: w.plan.valid, OnStep: l.onStep, OnEvent: l.onEvent, Base: noTransport{}, Policy: w.plan.policy,
	})
	p.cur = l
	p.ran++
	w.mu.Lock()
	w.lives = append(w.lives, l)
	w.mu.Unlock()
	for n := range w.plan.callers {
		c := &simCaller{l: l, n: n, rng: w.stream(uint64(100000 + 1000*p.n + 10*p.ran + n))}
		w.callers.Go(c.run)
	}
}

// fate crashes, stops and restarts a process until the evening, and leaves it alive.
func (p *simProcess) fate() {
	r := p.w.stream(uint64(10 + p.n))
	for range p.w.plan.crashes {
		if !p.next(r) {
			break
		}
	}
	for {
		select {
		case <-p.cur.died: // by a trap
			p.restart(r)
		case <-p.w.evening:
			return
		}
	}
}

// next waits for the next blow and deals it. It reports false in the evening.
func (p *simProcess) next(r *rand.Rand) bool {
	t := time.NewTimer(between(r, 0, p.w.plan.span/2))
	defer t.Stop()
	select {
	case <-p.cur.died:
		return p.restart(r)
	case <-p.w.evening:
		return false
	case <-t.C:
	}
	switch r.IntN(3) {
	case 0:
		p.cur.crash("time")
		return p.restart(r)
	case 1:
		p.cur.stop(3*p.w.plan.claim, "time")
	case 2:
		old := p.cur
		old.closing.Store(true)
		p.start()
		p.w.note(old.name, "closes")
		_ = old.keeper.Close()
	}
	return true
}

func (p *simProcess) restart(r *rand.Rand) bool {
	if !p.w.rest(between(r, 0, 3*time.Minute)) {
		return false
	}
	p.start()
	return true
}

var errSimDead = &Error{Class: RetryLater, Op: "sim", Unknown: true, Reason: "the process has crashed"}

// sleepFor waits for d; unlike sleep it takes the time nothing if there is none.
func sleepFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, d)
}
