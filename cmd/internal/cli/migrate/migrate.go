// Package migrate brings all tokens of one store into another one.
//
// A row is found in the other store by what it is, not by its id, which may
// differ there: by client and refresh token, else by what a save of it would
// update. So a migration that was killed is run again, and goes on where it
// stopped; what is there already is not copied a second time.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// Options of [Run].
type Options struct {
	// Move deletes each row from the source once it was copied and read back.
	// Without it two stores have each login.
	Move bool
	// DryRun changes nothing and says what would happen.
	DryRun bool
	// Owner names this run in the claims that Move takes; it must be unique.
	Owner string
	// Patience is how long a row that is being refreshed is waited for; defaults
	// to 30 s. One whose claim stands still for a third of that is not waited for
	// any longer.
	Patience time.Duration
	// Progress is called after each row with the number of rows so far; nil is not.
	Progress func(done int)
}

// OwnerPrefix begins the owners of all migrations: a claim that a killed one left
// behind is taken over by the next.
const OwnerPrefix = "store migrate "

// A Result says what became of the rows.
type Result struct {
	// Rows is how many the source had. Each is one of the four that follow.
	Rows int
	// Copied rows are new in the target, Updated ones were there and older, Present
	// ones were there. Failed ones were not copied and are untouched.
	Copied, Updated, Present, Failed int
	// Deleted rows are gone from the source: with Move, all but the failed.
	Deleted int
	// NeedsLogin is how many of the rows are of a login that a person must renew.
	NeedsLogin int
	// Events is how many events were added to the target's history, or would be.
	Events int
	// Total is how many rows the target has, and Digest stands for all of them;
	// both are of the last reading.
	Total  int
	Digest string
	// Changed is set when other programs changed rows of the target meanwhile,
	// and the logins in it are right nevertheless.
	Changed bool
	// Failures are the first of the rows that failed.
	Failures []Failure
}

// A Failure is a row that was not copied.
type Failure struct {
	ID, User string
	Err      error
	// Hint says what to do about it.
	Hint string
}

// maxFailures bounds what a Result keeps.
const maxFailures = 20

// ErrSame is wrapped when both stores are one.
var ErrSame = errors.New("both are the same store")

// Run copies the rows of from into to. It keeps a few rows in memory, however many
// there are. A row that cannot be copied is one of the result's failures; the
// error is for what ends the whole: a store that cannot be used, ctx, or a target
// that reads back different. What was done until then stays done: run it again.
//
// The history of from comes last, if both stores keep one. It stays in from too.
func Run(ctx context.Context, from, to tokenkeep.TokenStore, opt Options) (*Result, error) {
	if opt.Patience == 0 {
		opt.Patience = 30 * time.Second
	}
	m := &migration{from: from, to: to, opt: opt, res: &Result{}}
	if err := m.survey(ctx, &m.full, &m.logins); err != nil {
		return m.res, fmt.Errorf("read the target: %w", err)
	}
	if err := m.rows(ctx); err != nil {
		return m.res, err
	}
	if !opt.DryRun {
		if err := m.verify(ctx); err != nil {
			return m.res, err
		}
	}
	if err := m.history(ctx); err != nil {
		return m.res, fmt.Errorf("the tokens are there; the history: %w", err)
	}
	return m.res, nil
}

// A migration is one run.
type migration struct {
	from, to tokenkeep.TokenStore
	opt      Options
	res      *Result
	// What the target has to hold: all of each row, and who is logged in.
	full, logins sum
}

// rows goes through the source.
func (m *migration) rows(ctx context.Context) error {
	for t, err := range m.from.GetTokens(ctx) {
		if err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
		m.res.Rows++
		if t.State.Class == tokenkeep.NeedsLogin || t.State.Class == tokenkeep.InDoubt {
			m.res.NeedsLogin++
		}
		if err := m.row(ctx, t); err != nil {
			if ends(ctx, err) {
				return fmt.Errorf("token %s: %w", t.ID, err)
			}
			m.fail(t, err)
		}
		if m.opt.Progress != nil {
			m.opt.Progress(m.res.Rows)
		}
	}
	return nil
}

// ends reports whether err is of the stores and not of the row.
func ends(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, ErrSame) {
		return true
	}
	if _, ok := errors.AsType[*rowError](err); ok {
		return false
	}
	for _, ofRow := range []error{tokenkeep.ErrInvalid, tokenkeep.ErrAmbiguous, tokenkeep.ErrConflict, tokenkeep.ErrNotFound} {
		if errors.Is(err, ofRow) {
			return false
		}
	}
	return true
}

// A rowError is why one row is not copied.
type rowError struct{ reason, hint string }

func (e *rowError) Error() string { return e.reason }

func rowErrorf(hint, format string, args ...any) error {
	return &rowError{fmt.Sprintf(format, args...), hint}
}

func (m *migration) fail(t *tokenkeep.Token, err error) {
	m.res.Failed++
	if len(m.res.Failures) == maxFailures {
		return
	}
	f := Failure{ID: t.ID, User: t.UserName, Err: err}
	if e, ok := errors.AsType[*rowError](err); ok {
		f.Hint = e.hint
	}
	m.res.Failures = append(m.res.Failures, f)
}

// verify reads the whole target again.
func (m *migration) verify(ctx context.Context) error {
	var full, logins sum
	if err := m.survey(ctx, &full, &logins); err != nil {
		return fmt.Errorf("read the target again: %w", err)
	}
	m.res.Total, m.res.Digest = full.rows, full.String()
	if logins != m.logins {
		return &tokenkeep.Error{
			Class: tokenkeep.StoreUnavailable, Op: "verify",
			Reason: fmt.Sprintf("the target should have %d rows and has %d, or other ones: another program added or removed logins in it meanwhile, or it lost some", m.logins.rows, logins.rows),
			Hint:   "compare tokenkeep tokens list of both stores; stop other programs, and run it again",
		}
	}
	m.res.Changed = full != m.full
	return nil
}

// survey adds up the rows of the target.
func (m *migration) survey(ctx context.Context, full, logins *sum) error {
	for t, err := range m.to.GetTokens(ctx) {
		if err != nil {
			return err
		}
		full.add(contentDigest(t))
		logins.add(loginDigest(t))
	}
	return nil
}
