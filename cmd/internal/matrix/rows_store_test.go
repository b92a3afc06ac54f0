//go:build unix

package matrix

import (
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// fill leaves no space for the store: on the disk of its files, if there is one.
// What room a store has in its own files the claims of another login use up.
func (x *cell) fill() {
	x.t.Helper()
	if x.disk == nil {
		x.broken(full)
		return
	}
	other := &tokenkeep.Token{UserName: "other", RefreshToken: tokenkeep.NewSecret("other")}
	x.must(x.store.SaveToken(x.t.Context(), other))
	x.disk.fill()
	for range 10000 {
		other.Claim = tokenkeep.Claim{Owner: "x", Since: time.Now()}
		if x.store.SaveToken(x.t.Context(), other) != nil {
			return
		}
	}
	x.fatalf("the disk does not run full")
}

// space undoes fill.
func (x *cell) space() {
	x.t.Helper()
	if x.disk == nil {
		x.broken(sound)
		return
	}
	x.must(x.disk.empty())
}

// refusals: the store takes no writes, for a while.
func refusals() []*fault {
	return []*fault{
		{
			name: "the disk is full at the claim", want: always("told, works"), disk: true, alone: true,
			play: func(x *cell) { x.refused(5, (*cell).fill, (*cell).space) },
		},
		{
			name: "read-only at the claim", want: always("told, works"), alone: true,
			play: func(x *cell) { x.refused(5, x.set(readOnly), x.set(sound)) },
		},
		{
			name: "down at the claim", want: always("told, works"), alone: true,
			play: func(x *cell) { x.refused(5, x.set(down), x.set(sound)) },
		},
		{
			name: "refuses after the request, for less than the claim's time", want: always("works"), alone: true,
			play: refusedBriefly,
		},
		{
			name: "the disk is full at the save; the process lives", want: always("told, works"), disk: true, alone: true,
			play: func(x *cell) { x.refused(8, (*cell).fill, (*cell).space) },
		},
		{
			name: "read-only at the save; the process lives", want: always("told, works"), alone: true,
			play: func(x *cell) { x.refused(8, x.set(readOnly), x.set(sound)) },
		},
		{
			name: "the disk is full at the save; the process is killed", want: always("told, works, waits"), disk: true,
			play: func(x *cell) { x.refusedAndKilled((*cell).fill, (*cell).space) },
		},
		{
			name: "read-only at the save; the process is killed", want: always("told, works, waits"),
			play: func(x *cell) { x.refusedAndKilled(x.set(readOnly), x.set(sound)) },
		},
	}
}

// set returns what sets a mode.
func (x *cell) set(m mode) func(x *cell) {
	return func(x *cell) {
		x.t.Helper()
		x.broken(m)
	}
}

// refused breaks the store before a step of a process that lives on, mends it, and
// asks again: in that process, which may hold what was minted, then in a new one.
func (x *cell) refused(step int, breakIt, mendIt func(x *cell)) {
	x.t.Helper()
	p := x.victim(step)
	breakIt(x)
	p.tell(orderGo)
	told := x.told(p)
	// A disk may be too full for the token and have room for the claim.
	claimed := x.disk != nil && strings.HasPrefix(told.Error, "refresh: save:")
	if n := x.authority.counts().requests; step == 5 && n > 0 && !claimed {
		x.never("%d requests though the store cannot be written", n)
	}
	mendIt(x)
	x.again(p)
	if !x.column.alone {
		x.next()
	}
}

func refusedBriefly(x *cell) {
	p := x.victim(8)
	x.broken(down)
	p.tell(orderGo)
	time.Sleep(x.claim / 4)
	x.broken(sound)
	if a := p.answer(); a.Class != "" {
		x.never("the caller got: %s", a.Error)
	} else {
		x.result.last = a
	}
	if !x.column.alone {
		x.next()
	}
}

func (x *cell) refusedAndKilled(breakIt, mendIt func(x *cell)) {
	x.t.Helper()
	p := x.victim(8)
	breakIt(x)
	p.tell(orderGo)
	x.told(p)
	p.kill()
	mendIt(x)
	x.next()
}

// slowness: each write takes longer than a claim may stand still.
func slowness() []*fault {
	return []*fault{
		{
			name: "each write takes longer than the claim's time", want: always("told, works"), flight: 4 * claimTime,
			play: func(x *cell) { x.slowly(slow) },
		},
		{
			name: "each answer to a write does", want: always("told, works"), flight: 4 * claimTime,
			play: func(x *cell) { x.slowly(late) },
		},
		{
			name: "each write does, from the save on", want: always("told, works, waits"),
			play: func(x *cell) { x.slowlyFrom8(slow) },
		},
		{
			name: "each answer does, from the save on", want: always("works|told, works"),
			play: func(x *cell) { x.slowlyFrom8(late) },
		},
	}
}

func (x *cell) slowly(m mode) {
	x.t.Helper()
	x.broken(m)
	p := x.victim()
	x.told(p)
	p.kill()
	x.broken(sound)
	x.next()
}

func (x *cell) slowlyFrom8(m mode) {
	x.t.Helper()
	p := x.victim(8)
	x.broken(m)
	p.tell(orderGo)
	if a := p.answer(); a.Class != "" {
		x.result.told = true
	}
	p.kill()
	x.broken(sound)
	x.next()
}

// crashes: the store's own server is killed and comes back.
func crashes() []*fault {
	return []*fault{
		{
			name: "at the claim", want: always("told, works"), server: true,
			play: func(x *cell) { x.refused(5, (*cell).crash, (*cell).revive) },
		},
		{
			name: "at the save, and is back within the claim's time", want: always("works"), server: true, claim: 20 * time.Second,
			play: func(x *cell) {
				p := x.victim(8)
				x.crash()
				p.tell(orderGo)
				time.Sleep(300 * time.Millisecond)
				x.revive()
				if a := p.answer(); a.Class != "" {
					x.never("the caller got: %s", a.Error)
				}
				x.next()
			},
		},
		{
			name: "at the save; the process is killed too", want: always("told, works, waits"), server: true,
			play: func(x *cell) { x.refusedAndKilled((*cell).crash, (*cell).revive) },
		},
	}
}

func (x *cell) crash()  { x.host.down() }
func (x *cell) revive() { x.host.up(x.t) }
