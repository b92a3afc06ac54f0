//go:build unix

package matrix

import (
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// long is more than any cell takes.
const long = 10 * time.Minute

// kills: the process that refreshes is killed. The next one asks.
func kills() []*fault {
	rows := []*fault{
		killedBefore(2, "joining the flight", always("works")),
		killedBefore(3, "reading the row", always("works")),
		killedBefore(4, "looking at the budget", always("works")),
		killedBefore(5, "the claim", always("works")),
		killedBefore(6, "the request", doubt("works, waits")),
		{
			name: "in the request, not processed yet", want: doubt("works, waits"),
			play: killedInRequest(zohotest.FaultSlowBefore, false),
		},
		{
			name: "in the request, processed and not answered", want: doubt("works +1, waits"),
			play: killedInRequest(zohotest.FaultSlowAfter, true),
		},
		killedBefore(7, "looking at the answer", doubt("works +1, waits")),
		killedBefore(8, "the save", doubt("works +1, waits")),
		{
			name: "in a save that hesitates, before it took effect", want: always("works, waits"),
			play: func(x *cell) { x.killedInSave(haltEarly); x.next() },
		},
		{
			name: "in a save, after it took effect", want: always("works"),
			play: func(x *cell) { x.killedInSave(haltLate); x.next() },
		},
		killedBefore(10, "the new token is published", always("works")),
		killedBefore(11, "the event is told", always("works")),
		killedBefore(12, "the name is looked up", always("works")),
	}
	return rows
}

func killedBefore(step int, what string, w want) *fault {
	return &fault{
		name: fmt.Sprintf("before %d, %s", step, what), want: w, nameless: step == 12,
		play: func(x *cell) {
			x.victim(step).kill()
			x.next()
		},
	}
}

// killedInRequest kills the process while the authorization server has its request.
func killedInRequest(kind zohotest.FaultKind, minted bool) func(x *cell) {
	return func(x *cell) {
		x.onTheWay(kind, long)
		p := x.victim()
		x.requested(minted)
		p.kill()
		x.next()
	}
}

// killedInSave kills the process while the store has its save.
func (x *cell) killedInSave(m mode) {
	x.t.Helper()
	p := x.victim(8)
	x.broken(m)
	p.tell(orderGo)
	p.at("save")
	if m == haltEarly {
		x.rescued()
	}
	p.kill()
	x.broken(sound)
}
