package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func newExec(a *App) *cobra.Command {
	var minTTL time.Duration
	cmd := &cobra.Command{
		Use:   "exec [USER] -- COMMAND [ARG...]",
		Short: "Run a command with an access token in its environment",
		Long: `Runs COMMAND with ZOHO_ACCESS_TOKEN and ZOHO_API_DOMAIN in its environment. The exit
code is the command's. The token is not renewed while the command runs.`,
		Example: `  tokenkeep exec ann@example.com -- python3 report.py`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash < 0 || dash > 1 || dash == len(args) {
				return usagef("write: tokenkeep exec [USER] -- COMMAND [ARG...]")
			}
			return a.exec(cmd.Context(), first(args[:dash]), args[dash:], minTTL)
		},
	}
	cmd.Flags().DurationVar(&minTTL, "min-ttl", defaultMinTTL, "how long the token must still be good; at most 55m")
	return cmd
}

func (a *App) exec(ctx context.Context, user string, argv []string, minTTL time.Duration) error {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return withHint(fmt.Errorf("exec: %w", err), "check the command's name and PATH")
	}
	tok, err := a.accessToken(ctx, user, minTTL)
	if err != nil {
		return err
	}
	if err := a.close(); err != nil { // the child may run for long: hold nothing
		return err
	}
	child := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // running what the user names is the purpose; signals are passed on below
	child.Stdin, child.Stdout, child.Stderr = a.IO.In, a.IO.Out, a.IO.Err
	// The last of two variables of one name counts.
	child.Env = append(os.Environ(), "ZOHO_ACCESS_TOKEN="+tok.Reveal(), "ZOHO_API_DOMAIN="+tok.APIDomain)
	return run(child)
}

// run runs the child to its end and passes signals on to it. An interrupt from
// the keyboard reaches the child by itself: it must not end this process first.
func run(child *exec.Cmd) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return withHint(fmt.Errorf("exec: %w", err), "check the command's name and mode")
	}
	done := make(chan error, 1)
	go func() { done <- child.Wait() }()
	for {
		select {
		case s := <-signals:
			if s != os.Interrupt {
				_ = child.Process.Signal(s) // it may have ended meanwhile
			}
		case err := <-done:
			return childResult(err)
		}
	}
}

// childResult turns how the child ended into an exit code, 128 and the signal's
// number for one that was killed, as shells do.
func childResult(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return &childError{128 + int(ws.Signal())}
	}
	return &childError{exit.ExitCode()}
}
