package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

func newStatus(a *App) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "status [USER]",
		Short: "Show who is logged in, and who has to log in again",
		Long: `Shows every login, or USER's. QUOTA is the limit of Zoho's that is nearest, or ok:
access tokens asked for in 10 minutes, access tokens alive, and refresh tokens of the
user, as far as this store tells. Without --check nothing is asked over the network.
The exit code is 4 when a login is needed, and 8 when some of several checks failed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			return a.status(ctx, args, check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask Zoho whether each login works; refreshes where that is due")
	return cmd
}

// A finding is what status knows about a login.
type finding struct {
	row   *tokenkeep.Token
	quota tokenkeep.Quota
	check string
	err   error
}

func (a *App) status(ctx context.Context, args []string, check bool) error {
	open := a.look
	if check {
		open = a.store
	}
	s, err := open(ctx)
	if err != nil {
		return err
	}
	list, err := a.selected(ctx, s, args)
	if err != nil {
		return err
	}
	found := make([]finding, len(list))
	for i, t := range list {
		found[i].row = t
		if check {
			found[i] = a.check(ctx, s, t)
		}
	}
	if err := a.addQuotas(ctx, s, found, len(args) > 0); err != nil {
		return err
	}
	if err := a.showStatus(found, check, len(args) > 0); err != nil {
		return err
	}
	if len(args) == 0 {
		a.noteSeal(ctx, s)
	}
	return a.verdict(found)
}

// selected returns the login that args names, or all.
func (a *App) selected(ctx context.Context, s tokenkeep.TokenStore, args []string) ([]*tokenkeep.Token, error) {
	if len(args) == 0 {
		return rows(ctx, s)
	}
	t, err := a.find(ctx, s, args[0])
	return []*tokenkeep.Token{t}, err
}

// check makes one API call with the login.
func (a *App) check(ctx context.Context, s tokenkeep.TokenStore, t *tokenkeep.Token) finding {
	stop := a.IO.Progress("asking Zoho about " + nameOf(t))
	defer stop()
	k, err := a.keeper(ctx, s, t)
	if err != nil {
		return finding{row: t, check: "not checked", err: err}
	}
	session, err := k.SessionByID(ctx, t.ID)
	if err != nil {
		return finding{row: t, check: "not checked", err: err}
	}
	word, err := probe(ctx, session)
	if row, rerr := session.Row(ctx); rerr == nil {
		t = row
	}
	return finding{row: t, check: word, err: err}
}

// probe asks the CRM who the user is. A missing scope or permission still shows
// that the token works.
func probe(ctx context.Context, session *tokenkeep.Session) (string, error) {
	if _, err := session.Token(ctx); err != nil {
		return "no token", err
	}
	resp, err := call(ctx, session, http.MethodGet, "/crm/v8/users?type=CurrentUser", nil, nil)
	switch {
	case needsLogin(tokenkeep.State{Class: tokenkeep.ClassOf(err)}):
		return "refused", err
	case err != nil:
		return "no answer", err
	}
	defer resp.Body.Close()
	aerr := apiErrorOf(resp)
	switch {
	case aerr == nil:
		return "works", nil
	case aerr.exitCode() == ExitPermission:
		return "works (" + aerr.code + ")", nil
	}
	return "refused", aerr
}

// showStatus shows a table, and the quota of one login in detail.
func (a *App) showStatus(found []finding, check, one bool) error {
	if a.cfg.JSON {
		return a.statusJSON(found)
	}
	if len(found) == 0 {
		return nil
	}
	header := []string{"", "USER", "DC", "STATE", "ACCESS", "REFRESHED", "QUOTA", "ID"}
	if check {
		header = append(header, "CHECK")
	}
	table, now := ui.NewTable(header...), a.now()
	for _, f := range found {
		t := f.row
		mark := " "
		if t.ID == a.current() {
			mark = "*"
		}
		cells := ui.Text(mark, nameOrNone(t), t.DataCentre)
		cells = append(cells, a.stateCell(a.standing(t)))
		cells = append(cells, ui.Text(accessCell(t, now), ago(t.UsedAt, now))...)
		cells = append(cells, a.quotaCell(f.quota), ui.Cell{Text: t.ID})
		if check {
			cells = append(cells, ui.Cell{Text: f.check})
		}
		table.Add(cells...)
	}
	if err := table.Write(a.IO.Out); err != nil {
		return err
	}
	return a.showQuotas(found, one)
}

func nameOrNone(t *tokenkeep.Token) string {
	if t.UserName == "" {
		return "(no name)"
	}
	return t.UserName
}

func (a *App) statusJSON(found []finding) error {
	views := make([]tokenView, len(found))
	for i, f := range found {
		views[i] = a.view(f.row)
		views[i].Check, views[i].Quota = f.check, viewQuota(f.quota)
	}
	return a.IO.JSON(map[string]any{"schema": "tokens/v1", "tokens": views})
}

// verdict turns the findings into the error that the exit code comes from.
func (a *App) verdict(found []finding) error {
	if len(found) == 0 {
		return withHint(&tokenkeep.Error{Class: tokenkeep.NeedsLogin, Reason: "nobody is logged in"}, "tokenkeep login")
	}
	var errs []error
	for _, f := range found {
		if st := a.standing(f.row); f.err == nil && needsLogin(st) {
			f.err = &tokenkeep.Error{Class: st.Class, Reason: st.Reason}
		}
		if f.err != nil {
			errs = append(errs, loginHint(fmt.Errorf("%s: %w", nameOf(f.row), f.err), f.row))
		}
	}
	return a.worst(errs, len(found))
}

// worst returns the error for a list of failed logins: a needed login before
// anything else, because a person has to act on it.
func (a *App) worst(errs []error, total int) error {
	var commands []string
	for _, err := range errs {
		if c := tokenkeep.ClassOf(err); c == tokenkeep.NeedsLogin || c == tokenkeep.InDoubt {
			commands = append(commands, hintFor(err))
		}
	}
	switch {
	case len(errs) == 1 && (total == 1 || len(commands) == 1):
		return errs[0]
	case len(commands) > 0:
		reason := fmt.Sprintf("%d of %d logins need you", len(commands), total)
		return withHint(&tokenkeep.Error{Class: tokenkeep.NeedsLogin, Reason: reason}, "%s", strings.Join(commands, "; "))
	}
	return partial(total, errs)
}
