//go:build unix

package matrix

import (
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// aMinute is the one fault that is played with the times that users have: the store
// is down for 60 seconds after a redeemed refresh. All columns are played side by
// side.
func aMinute() *fault {
	return &fault{
		name: "for 60 s, with the usual times; then the process is killed", want: always("told, works, waits"), minute: true,
	}
}

// playMinute plays the fault on all stores.
func (r *recorder) playMinute(t *testing.T, policy tokenkeep.Rotation, f *fault, written sheet) {
	t.Helper()
	t.Run(f.title(), func(t *testing.T) {
		t.Parallel()
		var cells []*cell
		var victims []*process
		for _, c := range columns() {
			if f.missing(c) != "" {
				continue
			}
			x := newCell(t, policy, c, f)
			cells, victims = append(cells, x), append(victims, x.downAfterTheRefresh())
		}
		time.Sleep(time.Minute)
		for i, x := range cells {
			x.told(victims[i])
			victims[i].kill()
			x.broken(sound)
			x.next()
			r.judge(t, policy, x, written)
		}
	})
}

// downAfterTheRefresh starts a process with the usual times whose store goes down
// once it has its answer.
func (x *cell) downAfterTheRefresh() *process {
	x.t.Helper()
	t := x.task()
	t.Claim, t.Flight, t.Pause = 0, 0, []int{8}
	p := x.start(t).to(8)
	x.broken(down)
	p.tell(orderGo)
	return p
}
