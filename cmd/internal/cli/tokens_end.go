package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// shownEndings is how many logins the table of an ending shows; JSON has all.
const shownEndings = 1000

// An end is what tokens revoke and tokens reap have in common: many logins that are
// ended, or would be in a dry run.
type end struct {
	op       string
	dry, yes bool
	// one is set when a single login was named, which needs no question.
	one bool
	// strict counts logins that changed meanwhile as failures.
	strict bool
	// run ends them, or tells what it would do.
	run func(ctx context.Context, dry bool, each func(tokenkeep.Ending)) (tokenkeep.EndReport, error)
}

// An endingView is one login that was ended as JSON.
type endingView struct {
	ID       string `json:"id"`
	User     string `json:"user"`
	ClientID string `json:"client_id"`
	DC       string `json:"dc"`
	Cause    string `json:"cause"`
	Reason   string `json:"reason"`
	Revoke   bool   `json:"revoke"`
	Ended    bool   `json:"ended"`
	Error    string `json:"error,omitempty"`
}

// endLogins asks, ends the logins, and shows what became of them.
func (a *App) endLogins(ctx context.Context, e end) error {
	if !e.dry && !e.yes {
		if err := a.askToEnd(ctx, e); err != nil {
			return err
		}
	}
	views := []endingView{}
	stop := a.IO.Progress(e.op)
	report, err := e.run(ctx, e.dry, func(x tokenkeep.Ending) { views = append(views, viewOfEnding(x)) })
	stop()
	if errors.Is(err, tokenkeep.ErrGaveUp) {
		a.IO.Warn("%v", tokenkeep.ErrGaveUp)
	}
	a.forgetChoice(views, e.dry)
	if showErr := a.showEndings(e, views, report); showErr != nil {
		return showErr
	}
	return e.outcome(report, err)
}

// askToEnd asks before several logins are ended.
func (a *App) askToEnd(ctx context.Context, e end) error {
	if e.one {
		return nil
	}
	if !a.interactive() {
		return a.confirm(ctx, "") // says what is missing
	}
	revoked := 0
	report, err := e.run(ctx, true, func(x tokenkeep.Ending) {
		if x.Revoke {
			revoked++
		}
	})
	if n := report.Total(); err == nil && n > 1 {
		return a.confirm(ctx, fmt.Sprintf("End %s (%s)? %d of them are revoked at Zoho. Type yes: ", logins(n), byCause(report.Ended), revoked))
	}
	return nil // the run says what is wrong
}

func viewOfEnding(x tokenkeep.Ending) endingView {
	v := endingView{
		ID: x.TokenID, User: x.UserName, ClientID: x.ClientID, DC: x.DataCentre,
		Cause: string(x.Cause), Reason: x.Reason, Revoke: x.Revoke, Ended: x.Err == nil,
	}
	if x.Err != nil {
		v.Error = message(x.Err)
	}
	return v
}

func (a *App) showEndings(e end, views []endingView, r tokenkeep.EndReport) error {
	if a.cfg.JSON {
		return a.IO.JSON(map[string]any{
			"schema": "endings/v1", "dry_run": e.dry, "rows": r.Rows, "ended": r.Total(), "kept": r.Kept, "failed": r.Failed,
			"events_removed": r.Events, "logins": views,
		})
	}
	if len(views) > 0 {
		if err := endingTable(views, e.dry).Write(a.IO.Out); err != nil {
			return err
		}
	}
	if n := len(views) - shownEndings; n > 0 {
		a.IO.Note("and %d more; --json shows all", n)
	}
	a.tellEndings(e, r)
	return nil
}

func endingTable(views []endingView, dry bool) *ui.Table {
	table := ui.NewTable("ID", "USER", "CLIENT", "DC", "CAUSE", "REVOKE", "RESULT", "REASON")
	for _, v := range views[:min(len(views), shownEndings)] {
		result, revoke := "ended", "no"
		switch {
		case v.Error != "":
			result = "not ended: " + v.Error
		case dry:
			result = "would end"
		}
		if v.Revoke {
			revoke = "yes"
		}
		name := nameOrNone(&tokenkeep.Token{UserName: v.User})
		table.Add(ui.Text(v.ID, name, middle(v.ClientID), v.DC, v.Cause, revoke, result, v.Reason)...)
	}
	return table
}

func (a *App) tellEndings(e end, r tokenkeep.EndReport) {
	done := "ended"
	if e.dry {
		done = "dry run: would end"
	}
	text := done + " " + logins(r.Total())
	if r.Total() > 0 {
		text += " (" + byCause(r.Ended) + ")"
	}
	if r.Events > 0 {
		text += fmt.Sprintf("; %d old events of the history", r.Events)
	}
	switch {
	case r.Kept+r.Failed > 0:
		a.IO.Note("%s; %d changed meanwhile and are kept, %d failed", text, r.Kept, r.Failed)
	case e.dry:
		a.IO.Note("%s", text)
	default:
		a.IO.Done("%s", text)
	}
}

func logins(n int) string {
	if n == 1 {
		return "1 login"
	}
	return fmt.Sprintf("%d logins", n)
}

func byCause(ended map[tokenkeep.Cause]int) string {
	var parts []string
	for _, c := range slices.Sorted(maps.Keys(ended)) {
		parts = append(parts, fmt.Sprintf("%d %s", ended[c], strings.ReplaceAll(string(c), "_", " ")))
	}
	return strings.Join(parts, ", ")
}

// forgetChoice forgets the choice of tokenkeep switch if it was ended.
func (a *App) forgetChoice(views []endingView, dry bool) {
	id := a.current()
	ended := func(v endingView) bool { return v.Ended && v.ID == id }
	if dry || id == "" || !slices.ContainsFunc(views, ended) {
		return
	}
	if err := a.choose(""); err != nil {
		a.IO.Warn("the choice of tokenkeep switch was not forgotten: %v", err)
	}
}

// outcome is the error of a run that ended in err: that of the failures, if there are
// any.
func (e end) outcome(r tokenkeep.EndReport, err error) error {
	var errs []error
	for _, f := range r.Failures {
		if e.strict || !errors.Is(f.Err, tokenkeep.ErrConflict) {
			name := nameOf(&tokenkeep.Token{ID: f.TokenID, UserName: f.UserName})
			errs = append(errs, withHint(fmt.Errorf("token %s (%s): %w", f.TokenID, name, f.Err), "%s", hintFor(f.Err)))
		}
	}
	n := r.Failed
	if e.strict {
		n += r.Kept
	}
	switch {
	case n > 0 && e.one:
		return errs[0]
	case n > 0:
		return withHint(&partialError{total: n + r.Total(), errs: errs, rows: n}, "%s", hintFor(errs[0]))
	case err != nil:
		return storeError(e.op, err)
	}
	return nil
}

// keeperOfAny makes a Keeper for logins of any client: the configured one or, if none
// is, that of the first row.
func (a *App) keeperOfAny(ctx context.Context, s tokenkeep.TokenStore) (*tokenkeep.Keeper, error) {
	for row, err := range s.GetTokens(ctx) {
		if err != nil {
			return nil, storeError("list", err)
		}
		return a.keeper(ctx, s, row)
	}
	return nil, withHint(fmt.Errorf("%w: the store is empty", tokenkeep.ErrNotFound), "tokenkeep login adds a login")
}
