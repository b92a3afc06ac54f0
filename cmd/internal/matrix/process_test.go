//go:build unix

package matrix

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// patience is how long the parent waits for a line of a process.
const patience = 90 * time.Second

// A process is a process of a cell, seen from outside.
type process struct {
	cell    *cell
	cmd     *exec.Cmd
	in      io.WriteCloser
	reports chan report // closed at its end
	stderr  bytes.Buffer
}

// start starts a process with a task. It is killed with the cell at the latest.
func (x *cell) start(t task) *process {
	x.t.Helper()
	exe, err := os.Executable()
	x.must(err)
	p := &process{cell: x, reports: make(chan report, 16)}
	p.cmd = exec.CommandContext(context.WithoutCancel(x.t.Context()), exe)
	p.cmd.Env = append(os.Environ(), childEnv+"=1", "GOMAXPROCS=2")
	p.cmd.Stderr = &p.stderr
	p.in, err = p.cmd.StdinPipe()
	x.must(err)
	out, err := p.cmd.StdoutPipe()
	x.must(err)
	x.must(p.cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.read(out)
	}()
	x.onEnd(func() {
		_ = p.cmd.Process.Kill() // it may be stopped
		<-ended
	})
	x.must(json.NewEncoder(p.in).Encode(t))
	return p
}

// read passes the lines on until the process ends.
func (p *process) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r.Answer = &answer{Error: "not a report: " + lines.Text()}
		}
		p.reports <- r
	}
	close(p.reports)
	_ = p.cmd.Wait() // killed, as a rule
}

// hear returns the next line.
func (p *process) hear() report {
	p.cell.t.Helper()
	select {
	case r, ok := <-p.reports:
		if !ok {
			p.cell.fatalf("a process ended by itself: %s", &p.stderr)
		}
		return r
	case <-time.After(patience):
		p.cell.fatalf("a process says nothing for %v", patience)
	}
	return report{}
}

// at waits until the process has come to a place and waits there.
func (p *process) at(where string) {
	p.cell.t.Helper()
	if r := p.hear(); r.At != where {
		p.cell.fatalf("a process is not at %s but says %s", where, r)
	}
}

// answer waits for what a call for a token came to.
func (p *process) answer() *answer {
	p.cell.t.Helper()
	r := p.hear()
	if r.Answer == nil {
		p.cell.fatalf("a process gives no answer but says %s", r)
	}
	p.cell.heard(r.Answer)
	return r.Answer
}

func (r report) String() string {
	switch {
	case r.Answer == nil:
		return "that it is at " + r.At
	case r.Answer.Error != "":
		return "error: " + r.Answer.Error
	}
	return fmt.Sprintf("token of version %d, events %v", r.Answer.Version, r.Answer.Events)
}

// tell gives the process an order.
func (p *process) tell(order string) {
	p.cell.t.Helper()
	_, err := io.WriteString(p.in, order+"\n")
	p.cell.must(err)
}

// kill ends the process by SIGKILL and waits for its end.
func (p *process) kill() {
	p.cell.must(p.cmd.Process.Kill())
	for range p.reports { // until it is closed
	}
}

// stop stops the process by SIGSTOP; goOn lets it go on.
func (p *process) stop() { p.cell.must(p.cmd.Process.Signal(syscall.SIGSTOP)) }
func (p *process) goOn() { p.cell.must(p.cmd.Process.Signal(syscall.SIGCONT)) }
