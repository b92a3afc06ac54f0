package tokenkeep

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A simLife is one run of a process, from its start to its crash or its end.
type simLife struct {
	w       *simWorld
	process int
	name    string
	keeper  *Keeper
	dead    atomic.Bool          // nothing that it does reaches anybody any more
	uses    map[string]time.Time // of rows, by its callers; the world guards it
	died    chan struct{}        // closed by the crash
	closing atomic.Bool          // it ends in good order
	stopped atomic.Int64         // until when, since the schedule began

	mu    sync.Mutex // guards what follows; never held across a wait
	rng   *rand.Rand
	known map[string]simKnown // what callers got last, by row
	gone  map[string]bool     // rows that it deleted
	ended map[string]bool     // rows that it asked the store to delete
	steps map[int]int         // how often each step was reached
	traps []simTrap
}

// A simTrap waits for the nth time that the life reaches a step.
type simTrap struct {
	step, nth int
	crash     bool
	stop      time.Duration
}

// drawTraps decides at which steps of which refreshes the life crashes, stops, or
// loses a little time to the others.
func (l *simLife) drawTraps() {
	for range l.w.plan.crashes {
		t := simTrap{step: 3 + l.rng.IntN(9), nth: 1 + l.rng.IntN(4)}
		switch l.rng.IntN(4) {
		case 0:
			t.crash = true
		case 1:
			t.stop = 3 * l.w.plan.claim
		case 2:
			t.stop = between(l.rng, 0, 2*l.w.plan.claim)
		default:
			t.stop = between(l.rng, 0, 200*time.Millisecond)
		}
		l.traps = append(l.traps, t)
	}
}

func (l *simLife) onStep(_ context.Context, step int) {
	for _, t := range l.sprung(step) {
		if t.crash {
			l.crash("step %d", step)
		} else {
			l.stop(t.stop, "step %d", step)
		}
	}
	_ = l.gate()
}

// sprung returns the traps of this visit of step.
func (l *simLife) sprung(step int) (hit []simTrap) {
	if l.w.calm.Load() || l.dead.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps[step]++
	for _, t := range l.traps {
		if t.step == step && t.nth == l.steps[step] {
			hit = append(hit, t)
		}
	}
	return hit
}

// crash ends the life: what it asked the store or the provider for may still
// arrive there, and that is all.
func (l *simLife) crash(where string, args ...any) {
	if !l.dead.CompareAndSwap(false, true) {
		return
	}
	close(l.died)
	l.w.upset(l.name, "crashes at "+where, args...)
	l.w.stats.count("crashes")
}

// stop holds the life for d, as SIGSTOP does: its time runs on.
func (l *simLife) stop(d time.Duration, where string, args ...any) {
	until := int64(time.Since(l.w.began) + d)
	if l.stopped.Load() < until {
		l.stopped.Store(until)
	}
	l.w.upset(l.name, "stops for %v at "+where, append([]any{d}, args...)...)
	l.w.stats.count("stops")
}

// gate waits while the life is stopped and returns an error when it is over.
func (l *simLife) gate() error {
	for {
		if l.dead.Load() {
			return errSimDead
		}
		d := time.Duration(l.stopped.Load()) - time.Since(l.w.began)
		if d <= 0 {
			return nil
		}
		time.Sleep(d)
	}
}

// A simHit is what happens to one call.
type simHit struct {
	fault         simFault
	before, after time.Duration
	sent          bool // it is on its way before a crash or a stop can hold it back
	arrives       bool // it is done though the caller has left
}

// fault decides what happens to the next call at a site.
func (l *simLife) fault(s *simSite) simHit {
	w := l.w
	l.mu.Lock()
	defer l.mu.Unlock()
	h := simHit{sent: l.rng.IntN(2) == 0, arrives: l.rng.IntN(2) == 0}
	if l.rng.IntN(3) == 0 {
		h.before = between(l.rng, 0, s.latency)
	}
	if l.rng.IntN(3) == 0 {
		h.after = between(l.rng, 0, s.latency)
	}
	if w.calm.Load() {
		return h
	}
	h.fault = s.at(l.rng, time.Since(w.began), l.process)
	if h.fault == simSlow {
		more := between(l.rng, w.plan.claim/2, 3*w.plan.claim)
		if l.rng.IntN(2) == 0 {
			h.before += more
		} else {
			h.after += more
		}
	}
	return h
}

func (l *simLife) onEvent(_ context.Context, e Event) {
	if l.dead.Load() {
		return
	}
	l.w.stats.count("event " + string(e.Kind))
	l.w.note(l.name, "event %s of %s version %d %s %s", e.Kind, e.TokenID, e.Version, e.Class, e.Reason)
}

// latest returns the version of the row that callers of the life received last.
func (l *simLife) latest(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[id].tok.Version
}

// forgets reports whether this life itself has deleted the row.
func (l *simLife) forgets(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone[id]
}

// ends notes that the life asks the store to delete a row. Whatever the store answers
// or does not, its callers have to look anew from then on.
func (l *simLife) ends(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended[id] = true
}

// A simKnown is the newest token of a row that callers of a life have received.
type simKnown struct {
	tok     AccessToken
	refused bool
}

// learn remembers what a caller received.
func (l *simLife) learn(tok AccessToken) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, ok := l.known[tok.TokenID]
	if !ok || tok.Version > old.tok.Version || tok.Version == old.tok.Version && !old.tok.secret.Equal(tok.secret) {
		l.known[tok.TokenID] = simKnown{tok: tok}
	}
}

// refuse remembers that a caller told of a refusal.
func (l *simLife) refuse(tok AccessToken) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.known[tok.TokenID]; k.tok.secret.Equal(tok.secret) {
		l.known[tok.TokenID] = simKnown{tok: k.tok, refused: true}
	}
}

// has reports whether a caller of the life was given a token of the row that is
// good for more than d, so that nobody may have to wait for another.
func (l *simLife) has(id string, d time.Duration) bool {
	l.mu.Lock()
	k, ok := l.known[id]
	ok = ok && !l.ended[id]
	l.mu.Unlock()
	return ok && !k.refused && time.Until(k.tok.Expiry) > d && !l.mayHaveEnded(k.tok) && !l.w.store.isDeleted(id)
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no request is made")
}
