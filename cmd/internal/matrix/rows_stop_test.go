//go:build unix

package matrix

import (
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// stops: the process that refreshes is stopped for longer than a claim may stand
// still. Another one asks meanwhile, then the first goes on, then a third one asks.
func stops() []*fault {
	return []*fault{
		stoppedBefore(2, always("works")),
		stoppedBefore(3, always("works")),
		stoppedBefore(4, always("works")),
		stoppedBefore(5, always("works")),
		stoppedBefore(6, doubt("works, waits")),
		{
			name: "in the request, processed and not answered",
			want: want{"works +1, waits", "works +1, waits", "in_doubt, works"}, play: stoppedInRequest,
		},
		stoppedBefore(7, want{"works +1, waits", "works +1, waits", "in_doubt, works"}),
		stoppedBefore(8, want{"works +1, waits", "works +1, waits", "in_doubt, works"}),
		{
			// The time for its save is over when it goes on.
			name: "in a save that hesitates, before it took effect", want: always("told, works, waits"),
			play: func(x *cell) { x.stoppedInSave(haltEarly) },
		},
		{
			name: "in a save, after it took effect", want: always("works"),
			play: func(x *cell) { x.stoppedInSave(haltLate) },
		},
		stoppedBefore(10, always("works")),
		stoppedBefore(11, always("works")),
	}
}

func stoppedBefore(step int, w want) *fault {
	return &fault{
		name: fmt.Sprintf("before %d", step), want: w,
		play: func(x *cell) {
			p := x.victim(step)
			p.stop()
			x.overtake()
			p.goOn()
			p.tell(orderGo)
			x.resumed(p)
		},
	}
}

// overtake lets another process ask while the first one is stopped, for longer
// than a claim may stand still.
func (x *cell) overtake() {
	x.t.Helper()
	began := time.Now()
	x.next()
	time.Sleep(max(0, x.claim*3/2-time.Since(began)))
}

// resumed hears the process that went on, and lets a third one ask.
func (x *cell) resumed(p *process) {
	x.t.Helper()
	a := p.answer()
	switch {
	case a.Error != "" && !passes(a.Class) && a.Class != x.result.last.Class:
		x.never("the process that went on: %s", a.Error)
	case passes(a.Class):
		x.result.told = true
	}
	x.next()
}

func stoppedInRequest(x *cell) {
	x.onTheWay(zohotest.FaultSlowAfter, 3*x.claim)
	p := x.victim()
	x.requested(true)
	p.stop()
	x.overtake()
	p.goOn()
	x.resumed(p)
}

func (x *cell) stoppedInSave(m mode) {
	x.t.Helper()
	p := x.victim(8)
	x.broken(m)
	p.tell(orderGo)
	p.at("save")
	if m == haltEarly {
		x.rescued()
	}
	p.stop()
	x.broken(sound)
	x.overtake()
	p.goOn()
	time.Sleep(x.claim / 4) // it sees that the time for its save is over
	p.tell(orderGo)
	x.resumed(p)
}

// lostAnswers: the process lives, and the answer to its request does not come. Where
// the old refresh token works on for a while it asks again by itself.
func lostAnswers() []*fault {
	return []*fault{
		lostBy("is lost: the connection breaks before the request is processed", zohotest.FaultCutBefore, want{"told, works", "works", "told, in_doubt"}),
		lostBy("is lost: the connection breaks after it was", zohotest.FaultCutAfter, want{"told, works +1", "works +1", "told, in_doubt"}),
		lostBy("is lost: it breaks off in the middle", zohotest.FaultTruncate, want{"told, works +1", "works +1", "told, in_doubt"}),
		answersLate(),
	}
}

// answersLate: nothing breaks, but the answer takes longer than a claim may stand
// still, and another process asks meanwhile.
func answersLate() *fault {
	return &fault{name: "comes after three times the claim's time; another process asks meanwhile", want: always("works"), play: func(x *cell) {
		x.onTheWay(zohotest.FaultSlowAfter, 3*x.claim)
		p := x.victim()
		x.requested(true)
		x.next()
		if a := p.answer(); a.Class != "" || a.Token != x.result.last.Token {
			x.never("the first caller got another token, or none: %s", a.Error)
		}
	}}
}

func lostBy(name string, kind zohotest.FaultKind, w want) *fault {
	return &fault{name: name, want: w, alone: true, play: func(x *cell) {
		x.onTheWay(kind, 0)
		t := x.task()
		p := x.start(t)
		if a := p.answer(); a.Class != "" {
			x.result.told = true
		} else {
			x.result.last = a
		}
		x.goesOn(p)
	}}
}

// goesOn asks until there is a token: in a new process, or, where the store lives in
// its process, in that one.
func (x *cell) goesOn(p *process) {
	x.t.Helper()
	if !x.column.alone {
		x.next()
		return
	}
	for range 100 {
		x.again(p)
		if !passes(x.result.last.Class) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
