//go:build unix

package matrix

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// childEnv makes this test binary a process of a cell.
const childEnv = "TOKENKEEP_MATRIX_CHILD"

// need is for how long the callers want their token to be good.
const need = 2 * time.Minute

// A child is a process of a cell, seen from inside.
type child struct {
	task    task
	goOn    chan struct{}
	again   chan struct{}
	session *tokenkeep.Session

	mu     sync.Mutex // guards what follows
	out    *json.Encoder
	events map[tokenkeep.EventKind]int
}

// runChild is the whole life of such a process. It returns the exit code.
func runChild(in io.Reader, out io.Writer) int {
	lines := bufio.NewReader(in)
	c := &child{
		goOn: make(chan struct{}), again: make(chan struct{}),
		out: json.NewEncoder(out), events: map[tokenkeep.EventKind]int{},
	}
	line, err := lines.ReadBytes('\n')
	if err = cmp.Or(err, json.Unmarshal(line, &c.task)); err != nil {
		fmt.Fprintln(os.Stderr, "task:", err)
		return 2
	}
	go c.listen(lines)
	if err := c.run(context.Background()); err != nil {
		c.say(report{Answer: &answer{Error: err.Error(), Class: tokenkeep.ClassOf(err)}})
		<-c.again
	}
	return 0
}

// listen passes the orders on, and ends the process when the parent is gone.
func (c *child) listen(lines *bufio.Reader) {
	for {
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			os.Exit(0)
		case line == orderGo+"\n":
			c.goOn <- struct{}{}
		case line == orderAgain+"\n":
			c.again <- struct{}{}
		}
	}
}

func (c *child) run(ctx context.Context) error {
	store, sealer, err := c.task.Place.open(ctx)
	if err != nil {
		return err
	}
	id := c.task.ID
	if c.task.Seed != nil {
		row := c.task.Seed.row(c.task.Server)
		if err := store.SaveToken(ctx, row); err != nil {
			return err
		}
		id = row.ID
	}
	provider, err := newProvider(c.task.Policy, c.task.Server)
	if err != nil {
		return err
	}
	faulty := &faultyStore{TokenStore: store, child: c}
	k := tokenkeep.New(faulty, provider, &tokenkeep.Options{
		OnStep: c.step(), OnEvent: c.event, Journal: c.task.Journal, Sealer: sealer,
		ClaimTime: c.task.Claim, FlightTime: c.task.Flight,
	})
	if c.session, err = k.SessionByID(ctx, id); err != nil {
		return err
	}
	var recovery tokenkeep.RecoverReport
	if c.task.Recover {
		recovery, _ = k.Recover(ctx) // what is left is saved by the call
	}
	for {
		a := c.call(ctx)
		a.Recovery = recovery
		c.say(report{Answer: a})
		<-c.again
	}
}

// call asks for a token: once, or until there is one or no hope.
func (c *child) call(ctx context.Context) *answer {
	began := time.Now()
	a := &answer{}
	for {
		t, err := c.session.TokenFor(ctx, need)
		a.Token, a.Version, a.Error, a.Class = "", 0, "", ""
		if err == nil {
			a.Token, a.Version = t.Reveal(), t.Version
		} else {
			a.Error, a.Class = err.Error(), tokenkeep.ClassOf(err)
		}
		if !c.task.Patient || err == nil || !passes(a.Class) || time.Since(began) > 20*time.Second {
			break
		}
		if n := len(a.Refused); n == 0 || a.Refused[n-1] != a.Class {
			a.Refused = append(a.Refused, a.Class)
		}
		time.Sleep(pauseOf(err))
	}
	a.Took = time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	a.Events = maps.Clone(c.events)
	return a
}

// passes reports whether an error of the class goes by itself.
func passes(class tokenkeep.Class) bool {
	return class == tokenkeep.RetryLater || class == tokenkeep.StoreUnavailable
}

// pauseOf does as the error says.
func pauseOf(err error) time.Duration {
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok && !e.Until.IsZero() {
		return max(time.Until(e.Until), 20*time.Millisecond)
	}
	return 50 * time.Millisecond
}

// step returns the hook that waits before the steps of the task, once at each.
func (c *child) step() func(context.Context, int) {
	var mu sync.Mutex
	left := slices.Clone(c.task.Pause)
	take := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		i := slices.Index(left, n)
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
		return i >= 0
	}
	return func(_ context.Context, n int) {
		if take(n) {
			c.waitAt(strconv.Itoa(n))
		}
	}
}

// waitAt says where the process is and waits for the order to go on.
func (c *child) waitAt(where string) {
	c.say(report{At: where})
	<-c.goOn
}

func (c *child) event(_ context.Context, e tokenkeep.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[e.Kind]++
}

// say writes one line, in one write.
func (c *child) say(r report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(r) // a parent that is gone ends this process
}
