package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// loginTimeout is how long a login waits for a person.
const loginTimeout = 10 * time.Minute

// loginOptions are the flags of login.
type loginOptions struct {
	user             string
	paste, device    bool
	selfClient       bool
	withRefreshToken string
	noBrowser        bool
	force            bool
}

const loginLong = `Logs a user in at Zoho and keeps the tokens. USER is the name to keep the login
under; without one it is looked up ("email:organisation").

Ways to log in:
  (default)               opens the browser on this machine and waits for Zoho
  --paste                 prints the address; paste back the one the browser ends on
  --device                prints a code to enter in a browser on any machine
  --self-client           asks for a code that you make in Zoho's API console
  --with-refresh-token -  takes a refresh token that you have from standard input`

func newLogin(a *App) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use: "login [USER]", Short: "Log a user in and keep the tokens",
		Long: loginLong,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = first(args)
			ctx, cancel := a.withTimeout(cmd.Context(), loginTimeout)
			defer cancel()
			return a.loginCommand(ctx, &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.paste, "paste", false, "paste the address that the browser ends on")
	f.BoolVar(&o.device, "device", false, "log in with a code on another machine (the client's type must allow it)")
	f.BoolVar(&o.selfClient, "self-client", false, "use a code from the API console; it is read from standard input")
	f.StringVar(&o.withRefreshToken, "with-refresh-token", "", "keep a refresh token from standard input; write `-`")
	f.BoolVar(&o.noBrowser, "no-browser", false, "print the address instead of opening a browser")
	f.BoolVar(&o.force, "force", false, "log in although Zoho then ends the user's oldest refresh token, whoever uses it")
	f.String("scopes", "", "`LIST` of scopes, separated by commas (default: "+strings.Join(defaultScopes, ",")+")")
	f.String("redirect-url", "", "redirect `URI` as it is registered (default http://localhost:8765/callback)")
	return cmd
}

func (a *App) loginCommand(ctx context.Context, o *loginOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := a.store(ctx)
	if err != nil {
		return err
	}
	p, err := a.loginProvider()
	if err != nil {
		return err
	}
	if err := a.roomFor(ctx, s, o); err != nil {
		return err
	}
	k := a.keeperOver(ctx, s, p)
	session, err := a.loginBy(ctx, o)(ctx, k, p, o)
	if err != nil {
		return a.loginFailed(ctx, err)
	}
	return a.loggedIn(ctx, s, session)
}

// check finds flags that do not go together.
func (o *loginOptions) check() error {
	if o.withRefreshToken != "" && o.withRefreshToken != "-" {
		return usagef("--with-refresh-token takes - alone, and reads the token from standard input")
	}
	ways := 0
	for _, chosen := range []bool{o.paste, o.device, o.selfClient, o.withRefreshToken != ""} {
		if chosen {
			ways++
		}
	}
	if ways > 1 {
		return usagef("choose one of --paste, --device, --self-client and --with-refresh-token")
	}
	return nil
}

// loginProvider makes the Provider, and sees that there is a client secret before
// a person is asked for anything.
func (a *App) loginProvider() (*zoho.Provider, error) {
	p, err := a.provider(nil)
	if err != nil {
		return nil, err
	}
	if len(a.secrets) == 0 {
		return nil, withHint(&tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: "login", Reason: "there is no client secret"},
			"put the client's secret into a file and name it with --client-secret-file, ZOHO_CLIENT_SECRET_FILE or client_secret_file in the configuration file")
	}
	return p, nil
}

// A loginWay gets a grant or a token and saves the login.
type loginWay func(context.Context, *tokenkeep.Keeper, *zoho.Provider, *loginOptions) (*tokenkeep.Session, error)

func (a *App) loginBy(_ context.Context, o *loginOptions) loginWay {
	switch {
	case o.paste:
		return a.loginByPaste
	case o.device:
		return a.loginByDevice
	case o.selfClient:
		return a.loginBySelfClient
	case o.withRefreshToken != "":
		return a.loginByRefreshToken
	}
	return a.loginByBrowser
}

// loginFailed names the way out of a failed login.
func (a *App) loginFailed(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) {
		return withHint(&tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: "login", Reason: "nobody logged in in time"},
			"run it again, with a longer --timeout if need be")
	}
	return err
}

// loggedIn tells of the login. The first one becomes the current one.
func (a *App) loggedIn(ctx context.Context, s tokenkeep.TokenStore, session *tokenkeep.Session) error {
	row, err := session.Row(ctx)
	if err != nil {
		return err
	}
	if a.current() == "" {
		if err := a.choose(row.ID); err != nil {
			a.IO.Warn("the login was not made the current one: %v", err)
		}
	}
	name := nameOf(row)
	if row.UserName == "" {
		name = "id " + row.ID + " (the user's name could not be looked up)"
	}
	l, _ := a.location() // it was opened
	a.IO.Done("logged in as %s, data centre %s", name, strings.ToUpper(row.DataCentre))
	a.IO.Done("kept in %s; the access token is good for %s", l, accessCell(row, a.now()))
	a.warnOfQuota(ctx, s, row)
	if a.cfg.JSON {
		return a.IO.JSON(a.view(row))
	}
	return nil
}
