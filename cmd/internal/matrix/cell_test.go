//go:build unix

package matrix

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// Times of the cells, scaled down from 5 and 60 seconds.
const (
	claimTime  = patienceFactor * 600 * time.Millisecond
	flightTime = 10 * claimTime
)

// A cell is one fault on one store under one policy.
type cell struct {
	t         *testing.T
	authority *authority
	column    *column
	fault     *fault
	folder    string
	journal   string
	place     place
	disk      *disk // of a fault that needs one
	host      *host // of a store on a server
	login     *seed
	claim     time.Duration

	store  tokenkeep.TokenStore // the parent's own look at the store
	sealer tokenkeep.Sealer
	id     string
	ends   []func()
	result result
}

// newCell sets a cell up: its store holds one login whose access token has expired.
func newCell(t *testing.T, policy tokenkeep.Rotation, c *column, f *fault) *cell {
	t.Helper()
	a := newAuthority(t, policy)
	x := &cell{t: t, authority: a, column: c, fault: f, folder: t.TempDir(), login: a.login(), claim: claimTime}
	t.Cleanup(x.end)
	if f.claim > 0 {
		x.claim = f.claim
	}
	x.journal = filepath.Join(x.folder, "journal")
	if f.disk && c.file {
		x.disk = x.mount()
	}
	c.provide(x)
	if c.alone {
		return x
	}
	store, closeStore, sealer, err := x.place.openStore(t.Context())
	x.must(err)
	x.onEnd(func() { _ = closeStore() })
	x.store, x.sealer = store, sealer
	row := x.login.row(a.server())
	if f.nameless {
		row.UserName = ""
	}
	x.must(store.SaveToken(t.Context(), row))
	x.id = row.ID
	return x
}

// files returns the folder of the cell's files: on its own disk, if it has one.
func (x *cell) files() string {
	if x.disk != nil {
		return x.disk.path
	}
	return x.folder
}

// onEnd does something when the cell ends; the last first.
func (x *cell) onEnd(f func()) { x.ends = append(x.ends, f) }

func (x *cell) end() {
	for _, f := range slices.Backward(x.ends) {
		f()
	}
}

func (x *cell) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *cell) fatalf(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf(format, args...)
}

// task is that of a process that asks once.
func (x *cell) task() task {
	t := task{
		Place: x.place, Policy: x.authority.policy, Server: x.authority.server(),
		Folder: x.folder, Journal: x.journal, ID: x.id, Claim: x.claim, Flight: cmp.Or(x.fault.flight, max(flightTime, 2*x.claim)),
	}
	if x.column.alone {
		t.Seed = x.login
	}
	return t
}

// victim starts the process that is to be hit, and waits until it is before the
// last of the steps.
func (x *cell) victim(steps ...int) *process {
	x.t.Helper()
	t := x.task()
	t.Pause = steps
	p := x.start(t)
	return p.to(steps...)
}

// to waits until the process is before the last of the steps.
func (p *process) to(steps ...int) *process {
	p.cell.t.Helper()
	for i, n := range steps {
		if i > 0 {
			p.tell(orderGo)
		}
		p.at(stepName(n))
	}
	return p
}

// broken sets what is wrong with the store.
func (x *cell) broken(m mode) {
	x.t.Helper()
	x.must(setMode(x.folder, m))
}

// requested waits until the authorization server has the request of the victim,
// and minted if it has processed it.
func (x *cell) requested(minted bool) {
	x.t.Helper()
	x.eventually("a request", func() bool {
		c := x.authority.counts()
		return c.requests > 0 && (!minted || c.mints > 0)
	})
}

// rescued waits until a record is in the rescue journal.
func (x *cell) rescued() {
	x.t.Helper()
	x.eventually("a record in the rescue journal", func() bool { return len(x.records("*.rec")) > 0 })
}

func (x *cell) records(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(x.journal, pattern))
	x.must(err)
	return names
}

func (x *cell) eventually(what string, is func() bool) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			x.fatalf("%s did not come", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// onTheWay makes the next request of the login fail.
func (x *cell) onTheWay(kind zohotest.FaultKind, delay time.Duration) {
	x.onEnd(x.authority.disturb(zohotest.Fault{Kind: kind, Delay: delay}))
}
