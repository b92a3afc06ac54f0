package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// A process is a further process of the demo, seen from outside.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder

	elsewhere int64 // connections to other machines that it asked for
}

// startProcess runs command and gives it its task. The process ends with ctx at
// the latest, and when the demo ends in whatever way.
func startProcess(ctx context.Context, command []string, t task) (*process, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // this program itself
	cmd.Stderr = io.Discard                                     // it answers on standard output, failures too
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	p := &process{cmd: cmd, in: in, out: json.NewDecoder(out)}
	if _, err := p.ask(ctx, t); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// ask sends a task or an order and returns the reply.
func (p *process) ask(ctx context.Context, what any) (reply, error) {
	var r reply
	if err := json.NewEncoder(p.in).Encode(what); err != nil {
		return r, p.gone(ctx, err)
	}
	if err := p.out.Decode(&r); err != nil {
		return r, p.gone(ctx, err)
	}
	p.elsewhere = r.Elsewhere
	if r.Error != "" {
		return r, fmt.Errorf("process %d: %s", p.cmd.Process.Pid, r.Error)
	}
	return r, nil
}

func (p *process) gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("process %d does not answer: %w", p.cmd.Process.Pid, err)
}

// kill ends the process by SIGKILL, which it cannot notice, and waits for its
// end. It reports whether the process died of that. Calling it again is harmless.
func (p *process) kill() bool {
	if p.cmd.ProcessState != nil {
		return false
	}
	killErr := p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.in.Close()
	return killErr == nil && !p.cmd.ProcessState.Success() && !errors.Is(killErr, os.ErrProcessDone)
}
