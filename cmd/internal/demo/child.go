package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A task is what a further process of the demo is: an app server that shares the
// store with others and works for one user.
type task struct {
	Setup setup  `json:"setup"`
	User  string `json:"user"`
	// Pause is the step of the refresh transaction before which the process says
	// so and then stands still. Zero: none.
	Pause int `json:"pause,omitempty"`
}

// An order is a line on such a process's standard input, after its task.
type order struct {
	// Do is "calls" or "refresh".
	Do string `json:"do"`
	// Callers is how many goroutines call at once.
	Callers int `json:"callers,omitempty"`
}

// A reply is a line on its standard output: one for the task, one for each order.
type reply struct {
	Paused int                         `json:"paused,omitempty"` // the step
	Tally  tally                       `json:"tally"`
	Took   time.Duration               `json:"took,omitempty"`
	Events map[tokenkeep.EventKind]int `json:"events,omitempty"` // since the process began
	// Elsewhere is how many connections to other machines were asked for.
	Elsewhere int64  `json:"elsewhere,omitempty"`
	Error     string `json:"error,omitempty"` // the process could not do it
}

// A child is a further process of the demo, seen from inside.
type child struct {
	task    task
	way     *guard
	session *tokenkeep.Session

	mu     sync.Mutex // guards out and events
	out    *json.Encoder
	events map[tokenkeep.EventKind]int
}

// RunProcess is a further process of the demo: it reads a task and orders from
// in, one JSON value a line, carries them out, and answers each on out. It ends
// when in or ctx does.
func RunProcess(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(ctx, in, cancel)
	c := &child{way: newGuard(), out: json.NewEncoder(out), events: map[tokenkeep.EventKind]int{}}
	if err := json.Unmarshal(<-lines, &c.task); err != nil {
		return fmt.Errorf("demo process: its task: %w (it is started by `tokenkeep demo`)", err)
	}
	closeAll, err := c.open(ctx)
	if err != nil {
		c.answer(reply{Error: err.Error()})
		return err
	}
	defer closeAll()
	c.answer(reply{})
	for line := range lines {
		var o order
		if err := json.Unmarshal(line, &o); err != nil {
			return fmt.Errorf("demo process: an order: %w", err)
		}
		c.answer(c.obey(ctx, o))
	}
	return nil
}

// readLines sends the lines of in, and calls ended when there are no more: the
// demo is gone then.
func readLines(ctx context.Context, in io.Reader, ended func()) <-chan []byte {
	lines := make(chan []byte)
	go func() { // ends with in, which ends with the demo
		defer close(lines)
		defer ended()
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- append([]byte(nil), s.Bytes()...):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// open opens the store and the session.
func (c *child) open(ctx context.Context) (closeAll func(), err error) {
	provider, err := c.task.Setup.provider(c.way)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, c.task.Setup.Store)
	if err != nil {
		return nil, err
	}
	keeper := tokenkeep.New(store, provider, &tokenkeep.Options{Base: c.way, OnStep: c.step, OnEvent: c.event})
	closeAll = func() {
		_ = keeper.Close()
		_ = store.Close() // what was saved is on the disk already
		c.way.CloseIdleConnections()
	}
	if c.session, err = keeper.Session(ctx, c.task.User); err != nil {
		closeAll()
		return nil, err
	}
	return closeAll, nil
}

// step stands still before the task's step: until the process is killed.
func (c *child) step(ctx context.Context, n int) {
	if n != c.task.Pause {
		return
	}
	c.answer(reply{Paused: n})
	<-ctx.Done()
}

func (c *child) event(_ context.Context, e tokenkeep.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[e.Kind]++
}

func (c *child) obey(ctx context.Context, o order) reply {
	began := time.Now()
	var r reply
	switch o.Do {
	case "calls":
		r.Tally = crowd(ctx, o.Callers, same(c.session))
	case "refresh":
		_, err := c.session.Refresh(ctx)
		r.Tally = tallied([]error{err})
	default:
		r.Error = errors.New("unknown order " + o.Do).Error()
	}
	r.Took, r.Elsewhere = time.Since(began), c.way.refused.Load()
	c.mu.Lock()
	r.Events = maps.Clone(c.events)
	c.mu.Unlock()
	return r
}

// answer writes a line. A demo that is gone is noticed by the end of the input.
func (c *child) answer(r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(r)
}
