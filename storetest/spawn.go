package storetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A child is the parent's side of a task.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // what the child says, without the prefix; closed at its end
	ended  chan struct{}
	err    error // of the process; read it after ended
	stderr *head
}

// spawn starts a child and waits until it is ready. It is killed at the end of
// the check at the latest.
func (x *trial) spawn(t task) *child {
	t.Test = x.suite.name
	c := &child{lines: make(chan string, 1024), ended: make(chan struct{}), stderr: &head{}}
	x.must(c.start(t, x.tb.TempDir()), "start a child process")
	x.mu.Lock()
	x.children = append(x.children, c)
	x.mu.Unlock()
	x.onEnd(func() {
		c.kill()
		<-c.ended
	})
	if line := c.hear(x.ctx); line != "ready" {
		x.fatalf("a child process did not get ready: %s", c.why(line))
	}
	return c
}

// start runs the test binary for the one test that called the suite. What the
// child leaves in temporary folders goes to tmp.
func (c *child) start(t task, tmp string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	env, err := json.Marshal(t)
	if err != nil {
		return err
	}
	c.cmd = exec.Command(exe, "-test.run="+exactly(t.Test), "-test.count=1", fmt.Sprintf("-test.short=%t", testing.Short())) //nolint:gosec,noctx // our own binary; killed by hand, at a chosen moment
	c.cmd.Env = append(os.Environ(), taskEnv+"="+string(env), "TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp)
	c.cmd.Stderr = c.stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go c.read(out)
	return nil
}

// exactly returns the -test.run pattern of one test or subtest.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// read passes the child's lines on until it ends.
func (c *child) read(out io.Reader) {
	defer close(c.ended)
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		// A test that prints without a final newline may stand before the prefix.
		if _, line, ok := strings.Cut(in.Text(), linePrefix); ok {
			c.lines <- line
		}
	}
	close(c.lines)
	c.err = c.cmd.Wait()
}

// hear returns the child's next line, or "" at its end or that of ctx.
func (c *child) hear(ctx context.Context) string {
	select {
	case line := <-c.lines:
		return line
	case <-ctx.Done():
		return ""
	}
}

// tell sends the child a command.
func (c *child) tell(command string) {
	_, _ = io.WriteString(c.stdin, command+"\n") // a child that is gone is noticed by its silence
}

// kill ends the child by SIGKILL and drains its lines, so that its reader comes
// to its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	go func() {
		for range c.lines {
		}
	}()
}

// why describes the end of a child that said line last.
func (c *child) why(line string) string {
	select {
	case <-c.ended:
		return fmt.Sprintf("it said %q and ended with %v; %s", line, c.err, c.stderr)
	default:
		return fmt.Sprintf("it said %q", line)
	}
}

// finish lets the child run to its end and returns what it said before "done".
// Anything else is a problem.
func (x *trial) finish(c *child) []string {
	var said []string
	for {
		line := c.hear(x.ctx)
		switch {
		case line == "done":
			return said
		case line == "" || strings.HasPrefix(line, "error "):
			x.errorf("a child process failed: %s", c.why(line))
			return said
		}
		said = append(said, line)
	}
}

// together starts a child for each task, lets them begin at once, and returns
// what each said.
func (x *trial) together(tasks []task) [][]string {
	children := make([]*child, len(tasks))
	for i, t := range tasks {
		t.Index = i
		children[i] = x.spawn(t)
	}
	for _, c := range children {
		c.tell("go")
	}
	said := make([][]string, len(tasks))
	for i, c := range children {
		said[i] = x.finish(c)
	}
	return said
}

// repeat returns n copies of a task.
func repeat(n int, t task) []task {
	tasks := make([]task, n)
	for i := range tasks {
		tasks[i] = t
	}
	return tasks
}

// A head keeps the first 2 KB that are written to it.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(p[:min(len(p), max(0, 2048-h.buf.Len()))])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(h.buf.String())
}
