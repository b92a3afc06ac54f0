package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
)

func newLogout(a *App) *cobra.Command {
	var keepRemote bool
	cmd := &cobra.Command{
		Use:   "logout [USER]",
		Short: "Revoke a login at Zoho and delete it",
		Long: `Revokes the refresh token at Zoho, which ends its access tokens too, and then
deletes the login from the store. If Zoho cannot be asked, nothing is deleted.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			return a.logout(ctx, first(args), keepRemote)
		},
	}
	cmd.Flags().BoolVar(&keepRemote, "keep-remote", false, "delete it from the store only; Zoho still accepts the tokens")
	return cmd
}

func (a *App) logout(ctx context.Context, user string, keepRemote bool) error {
	s, err := a.store(ctx)
	if err != nil {
		return err
	}
	row, err := a.find(ctx, s, user)
	if err != nil {
		return err
	}
	remove := a.revokeAndDelete
	if keepRemote {
		remove = a.deleteOnly
	}
	if err := remove(ctx, s, row); err != nil {
		return err
	}
	if row.ID == a.current() {
		if err := a.choose(""); err != nil {
			a.IO.Warn("the choice of tokenkeep switch was not forgotten: %v", err)
		}
	}
	if keepRemote {
		a.IO.Done("deleted %s from the store; Zoho still accepts its tokens", nameOf(row))
	} else {
		a.IO.Done("logged out %s: revoked at Zoho and deleted", nameOf(row))
	}
	if a.cfg.JSON {
		return a.IO.JSON(map[string]any{"id": row.ID, "user": row.UserName, "revoked": !keepRemote, "deleted": true})
	}
	return nil
}

func (a *App) revokeAndDelete(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) error {
	k, err := a.keeper(ctx, s, row)
	if err != nil {
		return err
	}
	defer a.IO.Progress("revoking " + nameOf(row))()
	if err := k.Logout(ctx, row.ID); err != nil {
		return withHint(err, "run it again, or delete it here alone: tokenkeep logout %s --keep-remote", quoted(nameOf(row)))
	}
	return nil
}

// deleteOnly deletes a login here and asks Zoho nothing, so it needs no client.
func (a *App) deleteOnly(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) error {
	return storeError("delete", a.newKeeper(s, noProvider{}).Delete(ctx, row.ID))
}

// noProvider is that of a Keeper that is asked for nothing a provider does.
type noProvider struct{ tokenkeep.Provider }
