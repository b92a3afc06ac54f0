package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// A hinted error knows the command or the step that fixes it.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// withHint adds what to do next to err; nil stays nil.
func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// report shows err on standard error: what happened, and what to do next.
func (a *App) report(err error) {
	_, child := errors.AsType[*childError](err)
	_, told := errors.AsType[*toldError](err)
	if err == nil || child || told && !errors.Is(err, errInterrupted) {
		return // the child, or the command, has spoken for itself
	}
	if a.wantsJSON() {
		_ = a.IO.ErrJSON(map[string]any{"error": a.errorView(err)}) // nobody is left to tell
		return
	}
	if errors.Is(err, errInterrupted) {
		a.IO.Fail("interrupted")
		return
	}
	a.IO.Fail("%s", ui.Plain(message(err)))
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(a.IO.Err, "  next: %s\n", ui.Plain(hint))
	}
}

// An errorView is an error as JSON.
type errorView struct {
	Message  string    `json:"message"`
	Class    string    `json:"class"`
	Code     string    `json:"code,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	ExitCode int       `json:"exit_code"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
	// RetryAfter is RetryAt in seconds from now.
	RetryAfter int64 `json:"retry_after,omitempty"`
}

func (a *App) errorView(err error) errorView {
	v := errorView{Message: message(err), Class: className(err), Hint: hintFor(err), ExitCode: ExitCode(err)}
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok {
		v.Code = e.Code
		v.RetryAt = e.Until.UTC()
		if e.Until.IsZero() {
			v.RetryAt = time.Time{}
		}
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		v.Code = e.code
	}
	if wait := v.RetryAt.Sub(a.now()); wait > 0 && !v.RetryAt.IsZero() {
		v.RetryAfter = int64(math.Ceil(wait.Seconds()))
	}
	return v
}

// className is the class of err for programs: those of package tokenkeep, and a
// few of the command line's own.
func className(err error) string {
	switch code := ExitCode(err); {
	case code == ExitInterrupted:
		return "interrupted"
	case code == ExitPartial:
		return "partial"
	case isUsage(err):
		return "usage"
	case errors.Is(err, tokenkeep.ErrNotFound):
		return "not_found"
	case errors.Is(err, tokenkeep.ErrAmbiguous):
		return "ambiguous"
	}
	if c := tokenkeep.ClassOf(err); c != "" {
		return string(c)
	}
	if _, ok := errors.AsType[*apiError](err); ok {
		return "api"
	}
	if timedOut(err) {
		return string(tokenkeep.RetryLater)
	}
	return "failed"
}

// message is err without the hint that follows it.
func message(err error) string {
	m := err.Error()
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok && e.Hint != "" {
		m = strings.Replace(m, "; "+e.Hint, "", 1)
	}
	return m
}

// hintFor says what to do about err.
func hintFor(err error) string {
	if h, ok := errors.AsType[*hinted](err); ok {
		return h.hint
	}
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok {
		return classHint(e)
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.hint()
	}
	if e, ok := errors.AsType[*config.Error](err); ok && e.InFile() {
		return "correct " + e.Origin
	}
	switch {
	case errors.Is(err, config.ErrPasswordArgument):
		return "leave the password out of the argument and set TOKENKEEP_STORE_PASSWORD_FILE to a file that holds it; then choose a new password, because this one was seen"
	case isUsage(err):
		return "tokenkeep --help, or tokenkeep COMMAND --help"
	case errors.Is(err, tokenkeep.ErrNotFound):
		return "tokenkeep tokens list shows what there is; tokenkeep login adds one"
	case errors.Is(err, tokenkeep.ErrAmbiguous):
		return "name the id that tokenkeep tokens list shows"
	case errors.Is(err, tokenkeep.ErrConflict):
		return "another program changed the token at the same moment; run the command again"
	case errors.Is(err, context.DeadlineExceeded):
		return "run it again with a longer --timeout"
	}
	return ""
}

func classHint(e *tokenkeep.Error) string {
	switch {
	case e.Hint != "":
		return e.Hint
	case e.Class == tokenkeep.NeedsLogin, e.Class == tokenkeep.InDoubt:
		return "tokenkeep login"
	case !e.Until.IsZero():
		return "run it again after " + e.Until.Local().Format("15:04:05")
	case e.Class == tokenkeep.RetryLater:
		return "run it again in a minute"
	}
	return "tokenkeep doctor"
}
