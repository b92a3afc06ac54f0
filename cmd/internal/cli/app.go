package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A Command makes a command for one run of the program. Packages outside of this
// one add theirs through [Main].
type Command func(a *App) *cobra.Command

// An App is one run of the program. It is used by one goroutine.
type App struct {
	// IO are the streams.
	IO *ui.IO
	// Getenv reads the environment.
	Getenv func(string) string
	// OpenBrowser shows a URL to the user.
	OpenBrowser func(ctx context.Context, url string) error
	// Version is the program's version.
	Version string

	args    []string
	by      string // who runs it, for the history of the store
	started bool   // a command runs: what fails now is no mistake of usage
	cfg     *config.Config
	log     *slog.Logger
	now     func() time.Time
	closers []io.Closer
	secrets []tokenkeep.Secret   // of the client, once they were read
	keys    *sealedstore.Keyring // that the store is sealed with, once they were read
}

// Main runs the program with the process's streams and environment and returns
// its exit code. An interrupt or SIGTERM ends the command; the second one ends
// the process.
func Main(args []string, extra ...Command) int {
	getenv := environment()
	protectMemory(getenv, os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	a := &App{IO: ui.System(getenv), Getenv: getenv, Version: version()}
	a.OpenBrowser = func(ctx context.Context, url string) error { return openBrowser(ctx, os.Getenv("BROWSER"), url) }
	return a.Run(ctx, args, extra...)
}

// Run runs one command and returns its exit code.
func (a *App) Run(ctx context.Context, args []string, extra ...Command) int {
	a.args, a.now = args, time.Now
	a.log = slog.New(slog.DiscardHandler)
	err := a.execute(ctx, args, extra)
	if cerr := a.close(); err == nil {
		err = cerr
	}
	if ctx.Err() != nil && err != nil {
		err = errors.Join(errInterrupted, err)
	}
	err = a.hintSeal(err)
	a.report(err)
	return ExitCode(err)
}

func (a *App) execute(ctx context.Context, args []string, extra []Command) error {
	if err := screenArgs(args); err != nil {
		return err
	}
	root := newRoot(a, extra)
	root.SetArgs(args)
	root.SetOut(a.IO.Out)
	root.SetErr(a.IO.Err)
	root.SetIn(a.IO.In)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		return usageError(err)
	}
	return err
}

// start loads the settings before a command runs.
func (a *App) start(cmd *cobra.Command, _ []string) error {
	flags := map[string]string{}
	for _, f := range changedFlags(cmd) {
		flags[f.Name] = f.Value.String()
	}
	cfg, err := config.Load(config.Sources{Flags: flags, Getenv: a.Getenv})
	if cfg != nil {
		a.cfg = cfg
	}
	if err != nil {
		return err
	}
	a.started = true
	a.by = a.actor(cmd)
	cmd.SetContext(tokenkeep.WithActor(cmd.Context(), a.by))
	a.IO.Quiet = cfg.Quiet
	if cfg.Verbose {
		a.log = slog.New(slog.NewTextHandler(a.IO.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return nil
}

// withTimeout bounds ctx by --timeout, else by otherwise; zero means no bound.
func (a *App) withTimeout(ctx context.Context, otherwise time.Duration) (context.Context, context.CancelFunc) {
	d := a.cfg.Timeout
	if d == 0 {
		d = otherwise
	}
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// onClose closes c at the end of the run.
func (a *App) onClose(c io.Closer) { a.closers = append(a.closers, c) }

func (a *App) close() error {
	var errs []error
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c.Close())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// wantsJSON reports whether errors are to be JSON, also before there are settings.
func (a *App) wantsJSON() bool {
	if a.cfg != nil {
		return a.cfg.JSON
	}
	return slices.Contains(ownArgs(a.args), "--json")
}

// ownArgs leaves out what follows "--": the arguments of another program.
func ownArgs(args []string) []string {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i]
	}
	return args
}

// interactive reports whether a question can be asked.
func (a *App) interactive() bool { return !a.cfg.NoInput && a.IO.InIsTerminal() }

// version returns the version that the module was built at.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return strings.Trim(info.Main.Version, "()")
}

// storeError gives an error of the store its class, unless it answers the
// caller's question.
func storeError(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, answer := range []error{
		stores.ErrURL, tokenkeep.ErrNotFound, tokenkeep.ErrAmbiguous, tokenkeep.ErrNoKey, tokenkeep.ErrConflict,
		tokenkeep.ErrInvalid, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, answer) {
			return err
		}
	}
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok && e.Hint != "" {
		return &unusableStoreError{err}
	}
	if tokenkeep.ClassOf(err) != "" {
		return &unusableStoreError{withHint(err, "tokenkeep doctor")}
	}
	return &tokenkeep.Error{
		Class: tokenkeep.StoreUnavailable, Op: op, Reason: "the store cannot be used", Err: err,
		Hint: "tokenkeep doctor",
	}
}
