package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

func newTokens(a *App) *cobra.Command {
	return group("tokens", "List, show, end, delete, import and export stored tokens",
		newTokensList(a), newTokensShow(a), newTokensDelete(a), newTokensDeleteAll(a),
		newTokensImport(a), newTokensExport(a), newTokensRevoke(a), newTokensReap(a))
}

func newTokensList(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the stored tokens, masked",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			list, err := rows(cmd.Context(), s)
			if err != nil {
				return err
			}
			return a.listTokens(list)
		},
	}
}

func (a *App) listTokens(list []*tokenkeep.Token) error {
	if a.cfg.JSON {
		views := make([]tokenView, len(list))
		for i, t := range list {
			views[i] = a.view(t)
		}
		return a.IO.JSON(map[string]any{"schema": "tokens/v1", "tokens": views})
	}
	if len(list) == 0 {
		a.IO.Note("the store is empty; tokenkeep login adds a login, tokenkeep tokens import takes them from a file")
		return nil
	}
	table := ui.NewTable("ID", "USER", "CLIENT", "DC", "STATE", "REFRESH TOKEN", "ACCESS TOKEN", "EXPIRES")
	for _, t := range list {
		cells := ui.Text(t.ID, nameOrNone(t), t.ClientID, t.DataCentre)
		cells = append(cells, a.stateCell(a.standing(t)))
		cells = append(cells, ui.Text(t.RefreshToken.Masked(), t.AccessToken.Masked(), dateTime(t.Expiry))...)
		table.Add(cells...)
	}
	return table.Write(a.IO.Out)
}

func dateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func newTokensShow(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show [USER|ID]", Short: "Show one stored token, masked",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			t, err := a.find(cmd.Context(), s, first(args))
			if err != nil {
				return err
			}
			if a.cfg.JSON {
				return a.IO.JSON(a.view(t))
			}
			return showToken(a.IO.Out, a, t)
		},
	}
}

func showToken(w io.Writer, a *App, t *tokenkeep.Token) error {
	st := a.standing(t)
	for _, line := range [][2]string{
		{"id", t.ID},
		{"user", t.UserName},
		{"state", a.stateCell(st).Text},
		{"reason", st.Reason},
		{"data centre", t.DataCentre},
		{"accounts server", t.AccountsServer},
		{"API domain", t.APIDomain},
		{"client id", t.ClientID},
		{"client secret", t.ClientSecret.Masked()},
		{"redirect URI", t.RedirectURL},
		{"scopes", strings.Join(t.Scopes, ",")},
		{"refresh token", t.RefreshToken.Masked()},
		{"access token", t.AccessToken.Masked()},
		{"good for", accessCell(t, a.now())},
		{"grant token", t.GrantToken.Masked()},
		{"version", fmt.Sprint(t.Version)},
		{"created", dateTime(t.CreatedAt)},
		{"updated", dateTime(t.UpdatedAt)},
		{"last refresh", dateTime(t.UsedAt)},
	} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-16s %s\n", line[0]+":", ui.Plain(line[1])); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

func newTokensDelete(a *App) *cobra.Command {
	var unreadable bool
	cmd := &cobra.Command{
		Use: "delete USER|ID...", Short: "Delete stored tokens, without revoking them at Zoho",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.store(cmd.Context())
			if err != nil {
				return err
			}
			if unreadable {
				return a.deleteUnreadable(cmd.Context(), s, args)
			}
			return a.deleteTokens(cmd.Context(), s, args)
		},
	}
	cmd.Flags().BoolVar(&unreadable, "unreadable", false, "delete rows by their ids that no key opens; those that open are left alone")
	return cmd
}

func (a *App) deleteTokens(ctx context.Context, s tokenkeep.TokenStore, users []string) error {
	var errs []error
	deleted := []string{}
	for _, user := range users {
		t, err := a.find(ctx, s, user)
		if err == nil {
			err = a.deleteOnly(ctx, s, t)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", user, err))
			continue
		}
		deleted = append(deleted, t.ID)
		a.IO.Done("deleted %s (token %s); Zoho still accepts it: tokenkeep logout would have revoked it", nameOf(t), t.ID)
	}
	if a.cfg.JSON {
		if err := a.IO.JSON(map[string]any{"deleted": deleted}); err != nil {
			return err
		}
	}
	return partial(len(users), errs)
}

func newTokensDeleteAll(a *App) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete-all", Short: "Delete all stored tokens, without revoking them at Zoho",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.store(cmd.Context())
			if err != nil {
				return err
			}
			return a.deleteAll(cmd.Context(), s, yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *App) deleteAll(ctx context.Context, s tokenkeep.TokenStore, yes bool) error {
	list, err := rows(ctx, s)
	if err != nil {
		return err
	}
	if !yes {
		if err := a.confirm(ctx, fmt.Sprintf("Delete all %d tokens of %s? Type yes: ", len(list), a.cfg.Store)); err != nil {
			return err
		}
	}
	if err := s.DeleteTokens(ctx); err != nil {
		return storeError("delete all", err)
	}
	a.recordDeleted(ctx, s, list)
	a.IO.Done("deleted %d tokens; Zoho still accepts them", len(list))
	if a.cfg.JSON {
		return a.IO.JSON(map[string]any{"deleted": len(list)})
	}
	return nil
}

// confirm returns nil when the user types yes.
func (a *App) confirm(ctx context.Context, question string) error {
	if !a.interactive() {
		return withHint(usagef("this deletes data and nobody can be asked"), "add --yes")
	}
	answer, err := a.IO.Line(ctx, question)
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "yes") {
		return withHint(usagef("nothing was deleted"), "answer yes, or add --yes")
	}
	return nil
}
