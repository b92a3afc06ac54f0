package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
)

const revokeLong = `Revokes logins at Zoho, which ends their access tokens too, and deletes them. A login
that cannot be revoked stays, and the exit code is 8; run it again to end the rest.
A user who logs in at that moment keeps the new login, which is reported.

Name logins, or select them: --user takes an email address or a whole user name and
means the logins at all data centres and of all clients; with --client, those of one
client. It asks before it ends logins that were selected; --dry-run shows them.`

type revokeOptions struct {
	user, client     string
	all, dryRun, yes bool
}

func newTokensRevoke(a *App) *cobra.Command {
	var o revokeOptions
	cmd := &cobra.Command{
		Use: "revoke [USER|ID...]", Short: "Revoke logins at Zoho and delete them", Long: revokeLong,
		Example: "  tokenkeep tokens revoke --user ann@example.com --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), 0)
			defer cancel()
			return a.revokeTokens(ctx, args, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.user, "user", "", "all logins of this `USER`, of all clients and data centres")
	f.StringVar(&o.client, "client", "", "all logins of this client `ID`")
	f.BoolVar(&o.all, "all", false, "all logins of the store")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be ended, and change nothing")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (a *App) revokeTokens(ctx context.Context, names []string, o revokeOptions) error {
	selected := o.user != "" || o.client != ""
	switch {
	case len(names) == 0 && !selected && !o.all:
		return withHint(usagef("revoke what?"), "name logins, or add --user, --client or --all")
	case len(names) > 0 && (selected || o.all), o.all && selected:
		return usagef("name logins, or select them with --user and --client, or take --all")
	}
	s, err := a.storeOrLook(ctx, o.dryRun)
	if err != nil {
		return err
	}
	queries := []tokenkeep.RevokeQuery{{UserName: o.user, ClientID: o.client, All: o.all}}
	if len(names) > 0 {
		if queries, err = a.queriesFor(ctx, s, names); err != nil {
			return err
		}
	}
	k, err := a.keeperOfAny(ctx, s)
	if err != nil {
		return err
	}
	return a.endLogins(ctx, end{
		op: "revoke", dry: o.dryRun, yes: o.yes, one: len(names) == 1, strict: true,
		run: func(ctx context.Context, dry bool, each func(tokenkeep.Ending)) (tokenkeep.EndReport, error) {
			return revokeAll(ctx, k, queries, dry, each)
		},
	})
}

// queriesFor finds the logins that names mean, before anything is ended.
func (a *App) queriesFor(ctx context.Context, s tokenkeep.TokenStore, names []string) (list []tokenkeep.RevokeQuery, err error) {
	for _, name := range names {
		row, err := a.find(ctx, s, name)
		if err != nil {
			return nil, err
		}
		list = append(list, tokenkeep.RevokeQuery{TokenID: row.ID})
	}
	return list, nil
}

// revokeAll runs queries one after the other and adds their reports up.
func revokeAll(ctx context.Context, k *tokenkeep.Keeper, queries []tokenkeep.RevokeQuery, dry bool, each func(tokenkeep.Ending)) (sum tokenkeep.EndReport, err error) {
	sum.Ended = map[tokenkeep.Cause]int{}
	for _, q := range queries {
		q.DryRun, q.Each = dry, each
		r, queryErr := k.Revoke(ctx, q)
		sum.Rows += r.Rows
		sum.Kept += r.Kept
		sum.Failed += r.Failed
		sum.Failures = append(sum.Failures, r.Failures...)
		for cause, n := range r.Ended {
			sum.Ended[cause] += n
		}
		if queryErr != nil {
			err = queryErr
		}
		if ctx.Err() != nil {
			return sum, err
		}
	}
	return sum, err
}
