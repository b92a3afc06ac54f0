package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
)

// defaultMinTTL leaves a script a minute to use the token.
const defaultMinTTL = time.Minute

func newToken(a *App) *cobra.Command {
	var format string
	var minTTL time.Duration
	cmd := &cobra.Command{
		Use:   "token [USER]",
		Short: "Print a valid access token",
		Long: `Prints an access token that is good for at least --min-ttl, and refreshes it
first if it is not. It is a secret: pipe it, do not paste it.`,
		Example: `  curl -H "$(tokenkeep token --format header)" https://www.zohoapis.eu/crm/v8/org
  eval "$(tokenkeep token --format env)"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.cfg.JSON && !cmd.Flags().Changed("format") {
				format = "json"
			}
			return a.token(cmd.Context(), first(args), format, minTTL)
		},
	}
	cmd.Flags().StringVar(&format, "format", "raw", "`FORMAT`: raw, header, json or env (for a POSIX shell)")
	cmd.Flags().DurationVar(&minTTL, "min-ttl", defaultMinTTL, "how long the token must still be good; at most 55m")
	return cmd
}

// first returns the first argument, or "".
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *App) token(ctx context.Context, user, format string, minTTL time.Duration) error {
	show, err := formatOf(format)
	if err != nil {
		return err
	}
	tok, err := a.accessToken(ctx, user, minTTL)
	if err != nil {
		return err
	}
	if a.IO.OutIsTerminal() {
		a.IO.Warn("this is a secret; whoever reads it can act as the user until %s", clockTime(tok.Expiry))
	}
	return show(a, tok)
}

// accessToken returns an access token of user that is good for minTTL.
func (a *App) accessToken(ctx context.Context, user string, minTTL time.Duration) (tokenkeep.AccessToken, error) {
	var none tokenkeep.AccessToken
	if minTTL < 0 || minTTL > 55*time.Minute {
		return none, usagef("--min-ttl %v: give a duration from 0 to 55m", minTTL)
	}
	ctx, cancel := a.withTimeout(ctx, networkTimeout)
	defer cancel()
	l, err := a.openLogin(ctx, user)
	if err != nil {
		return none, err
	}
	defer a.IO.Progress("getting an access token for " + nameOf(l.row))()
	tok, err := l.TokenFor(ctx, minTTL)
	if err != nil {
		return none, loginHint(err, l.row)
	}
	return tok, nil
}

// formatOf returns what prints a token in the format.
func formatOf(name string) (func(*App, tokenkeep.AccessToken) error, error) {
	switch name {
	case "raw":
		return func(a *App, t tokenkeep.AccessToken) error { return a.println(t.Reveal()) }, nil
	case "header":
		return func(a *App, t tokenkeep.AccessToken) error { return a.println("Authorization: " + t.Header()) }, nil
	case "json":
		return func(a *App, t tokenkeep.AccessToken) error { return a.IO.JSON(accessView(t)) }, nil
	case "env":
		return func(a *App, t tokenkeep.AccessToken) error {
			return a.println("export ZOHO_ACCESS_TOKEN=" + quoted(t.Reveal()) + "\nexport ZOHO_API_DOMAIN=" + quoted(t.APIDomain))
		}, nil
	}
	return nil, usagef("--format %q: there are raw, header, json and env", name)
}

func (a *App) println(s string) error {
	if _, err := fmt.Fprintln(a.IO.Out, s); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// accessView is an access token as JSON, in clear.
func accessView(t tokenkeep.AccessToken) any {
	return struct {
		Schema    string    `json:"schema"`
		Token     string    `json:"access_token"`
		Type      string    `json:"token_type"`
		ExpiresAt time.Time `json:"expires_at,omitzero"`
		APIDomain string    `json:"api_domain"`
	}{"access-token/v1", t.Reveal(), "Zoho-oauthtoken", utc(t.Expiry), t.APIDomain}
}

func newRefresh(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh [USER]",
		Short: "Get a new access token now",
		Long: `Mints a new access token, whatever is left of the current one. Zoho allows ten in
ten minutes for a login. Nothing needs this command in daily life: tokens are
refreshed when they are used.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			return a.refresh(ctx, first(args))
		},
	}
}

func (a *App) refresh(ctx context.Context, user string) error {
	l, err := a.openLogin(ctx, user)
	if err != nil {
		return err
	}
	stop := a.IO.Progress("refreshing " + nameOf(l.row))
	tok, err := l.Refresh(ctx)
	stop()
	if err != nil {
		return loginHint(err, l.row)
	}
	a.IO.Done("refreshed %s; the access token is good until %s", nameOf(l.row), clockTime(tok.Expiry))
	if !a.cfg.JSON {
		return nil
	}
	row, err := l.Row(ctx)
	if err != nil {
		return err
	}
	return a.IO.JSON(a.view(row))
}
