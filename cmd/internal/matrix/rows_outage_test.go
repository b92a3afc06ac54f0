//go:build unix

package matrix

import (
	"os"
	"path/filepath"

	"github.com/tokenkeep/tokenkeep"
)

// outages: the refresh token was redeemed, the store is down, the process is
// killed, and the store comes back.
func outages() []*fault {
	return []*fault{
		{
			name: "the process is killed before 9, the record", want: doubt("works +1, waits"),
			play: func(x *cell) {
				x.down().to(9).kill()
				x.broken(sound)
				x.next()
			},
		},
		{
			name: "the process is killed while it tries again", want: always("works, waits"),
			play: func(x *cell) { x.killedWhileDown(); x.next() },
		},
		{
			name: "it is killed, and the journal could not be written", want: doubt("told, works +1, waits"),
			play: killedWithoutJournal,
		},
		{
			name: "it is killed; three processes start at once", want: always("works"),
			play: func(x *cell) { x.killedWhileDown(); x.threeAtOnce() },
		},
		{
			name: "it is killed, and the next one in its merge, before the save", want: always("works, waits"),
			play: func(x *cell) { x.killedWhileDown(); x.killedInMerge(haltEarly); x.next() },
		},
		{
			name: "it is killed, and the next one in its merge, after the save", want: always("works"),
			play: func(x *cell) { x.killedWhileDown(); x.killedInMerge(haltLate); x.next() },
		},
		aMinute(),
		{
			name: "it is killed; another host is first", want: want{"works +1, waits", "works +1, waits", "in_doubt, works"},
			play: func(x *cell) {
				x.killedWhileDown()
				t := x.task()
				t.Journal, t.Patient = "", true
				x.ask(t)
				t = x.task()
				t.Patient, t.Recover = true, true
				x.ask(t)
			},
		},
	}
}

// down starts a process whose store goes down before the save, which waits before
// the record is written.
func (x *cell) down() *process {
	x.t.Helper()
	t := x.task()
	t.Pause = []int{8, 9}
	p := x.start(t).to(8)
	x.broken(down)
	p.tell(orderGo)
	return p
}

// killedWhileDown leaves a record and a store that is back.
func (x *cell) killedWhileDown() {
	x.t.Helper()
	p := x.down().to(9)
	p.tell(orderGo)
	x.rescued()
	p.kill()
	x.broken(sound)
}

func killedWithoutJournal(x *cell) {
	t := x.task()
	t.Pause, t.Journal = []int{8}, filepath.Join(x.folder, "in the way", "journal")
	p := x.start(t).to(8)
	x.must(os.WriteFile(filepath.Dir(t.Journal), nil, 0o600)) // a file: there can be no folder
	x.broken(down)
	p.tell(orderGo)
	x.told(p)
	p.kill()
	x.broken(sound)
	x.next()
}

// threeAtOnce starts three processes that merge the journal and ask. One of them
// merges the record.
func (x *cell) threeAtOnce() {
	x.t.Helper()
	t := x.task()
	t.Patient, t.Recover = true, true
	ps := []*process{x.start(t), x.start(t), x.start(t)}
	rescued := 0
	for _, p := range ps {
		x.result.last = p.answer()
		rescued += x.result.last.Events[tokenkeep.Rescued]
		x.result.waited = x.result.waited || x.result.last.Events[tokenkeep.TakenOver] > 0
	}
	if rescued != 1 {
		x.never("the record was merged %d times", rescued)
	}
}

// killedInMerge kills the next process while it saves the record.
func (x *cell) killedInMerge(m mode) {
	x.t.Helper()
	p := x.victim(8)
	x.broken(m)
	p.tell(orderGo)
	p.at("save")
	p.kill()
	x.broken(sound)
}
