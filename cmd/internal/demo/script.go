package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// A chapter is one part of the story. It returns an error when it cannot go on.
type chapter struct {
	key, title string
	play       func(ctx context.Context, st *stage) error
}

// script lists the chapters in order. Each builds on those before.
func script() []chapter {
	return []chapter{
		{"login", "Two users log in, in two data centres", playLogin},
		{"crm", "Each calls Zoho CRM", playCRM},
		{"expiry", "An hour passes; 100 callers come at once", playExpiry},
		{"kill", "A process is killed (SIGKILL) in the middle of a refresh", playKill},
		{"processes", "Several processes share one expired token", playProcesses},
		{"restart", "Everything is closed and opened again", playRestart},
		{"outage", "Zoho's accounts servers are down", playOutage},
		{"throttle", "Zoho's limits on new access tokens", playThrottle},
		{"revoke", "An operator ends a login", playRevoke},
		{"sum", "The whole story, as Zoho saw it", playSum},
	}
}

// Options set a run of the demo up.
type Options struct {
	// IO is where the story goes: to standard output. Required.
	IO *ui.IO
	// JSON puts the report on standard output instead, as one JSON object, and the
	// story on standard error.
	JSON bool
	// Keep keeps the temporary folder and tells where it is.
	Keep bool
	// Process is the command that runs [RunProcess]. Required.
	Process []string
}

// Run plays the demo. The error says that checks failed, or is ctx's. The
// temporary folder is gone afterwards, unless it is kept, and so are all
// processes.
func Run(ctx context.Context, o Options) error {
	// A reader that leaves, such as head, must not keep the folder from being removed.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)
	return run(ctx, o, script(), nil)
}

// longest is when a demo that hangs ends. It takes a sixth of that.
const longest = 2 * time.Minute

var errHangs = fmt.Errorf("it took longer than %v", longest)

// run plays chapters on a stage that prepare, a test's, may change.
func run(ctx context.Context, o Options, chapters []chapter, prepare func(*stage)) (err error) {
	began := time.Now()
	n := o.narrator()
	st, err := newStage(ctx, n, o.Process)
	if err != nil {
		return failed(ctx, err)
	}
	defer func() { err = errors.Join(err, st.close(o.Keep)) }()
	if prepare != nil {
		prepare(st)
	}
	n.printf("tokenkeep demo: the product's own code against a fake Zoho on this machine; no account is needed.")
	timed, cancel := context.WithTimeoutCause(ctx, longest, errHangs)
	defer cancel()
	for _, c := range chapters {
		if !o.play(timed, st, c) {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n.finish(time.Since(began))
	return errors.Join(o.close(st), n.err())
}

func (o Options) narrator() *narrator {
	if o.JSON {
		w := o.IO.Err
		if o.IO.Quiet {
			w = io.Discard
		}
		same := func(s string) string { return s }
		return newNarrator(w, same, same)
	}
	return newNarrator(o.IO.Out, o.IO.Good, o.IO.Bad)
}

// play plays one chapter and reports whether the next one makes sense.
func (o Options) play(ctx context.Context, st *stage, c chapter) bool {
	st.begin(c.key, c.title)
	if !o.JSON {
		defer o.IO.Progress("still in chapter " + fmt.Sprint(st.number))()
	}
	err := c.play(ctx, st)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errHangs):
		st.broke(cause)
	case cause == nil && err != nil:
		st.broke(err)
	}
	return err == nil && ctx.Err() == nil && st.deaf == nil
}

// close prints the end.
func (o Options) close(st *stage) error {
	r := &st.report
	if o.Keep {
		r.Folder = st.dir
	}
	st.ending(o.Keep)
	if o.JSON {
		return o.IO.JSON(r)
	}
	return nil
}

// failed is the error of a demo that could not begin. It has no class: whatever
// went wrong, the demo failed.
func failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("demo: %v", err) //nolint:errorlint // on purpose, see above
}

// self returns the command that starts a further process of this program.
func self() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: this program's own file: %w", err)
	}
	return []string{exe, processCommand}, nil
}
