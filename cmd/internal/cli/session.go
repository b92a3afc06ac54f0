package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// networkTimeout bounds commands that ask Zoho, unless --timeout does.
const networkTimeout = 2 * time.Minute

// provider makes the Provider for row's client, or for the configured one.
func (a *App) provider(row *tokenkeep.Token) (*zoho.Provider, error) {
	secrets, err := a.clientSecrets()
	if err != nil {
		return nil, err
	}
	id := a.cfg.ClientID
	if id == "" && row != nil {
		id = row.ClientID
	}
	if id == "" {
		return nil, errNoClient()
	}
	c := zoho.Config{
		ClientID: id, ClientSecrets: secrets,
		RedirectURL: a.cfg.RedirectURL, Scopes: a.scopes(), Logger: a.log,
	}
	if c.DataCentre, err = a.dataCentre(); err != nil {
		return nil, err
	}
	return zoho.New(c)
}

// clientSecrets reads the client secrets, once: they may come from standard input.
func (a *App) clientSecrets() ([]tokenkeep.Secret, error) {
	if a.secrets != nil {
		return a.secrets, nil
	}
	list, err := a.cfg.ClientSecrets(a.IO.In)
	a.secrets = list
	return list, err
}

func errNoClient() error {
	return withHint(&tokenkeep.Error{Class: tokenkeep.Misconfigured, Reason: "there is no client id"},
		"create a client at https://api-console.zoho.com with the redirect URI %s, then set ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET_FILE, or client_id and client_secret_file in the configuration file",
		config.DefaultRedirectURL)
}

// dataCentre is where logins start.
func (a *App) dataCentre() (zoho.DataCentre, error) {
	c := a.cfg
	switch {
	case c.AccountsServer != "" && c.APIDomain != "":
		dc, err := zoho.Custom(c.DC, c.AccountsServer, c.APIDomain)
		return dc, settingError(c.Origin("accounts_server"), "accounts_server", err)
	case c.AccountsServer != "":
		dc, err := zoho.ByAccountsServer(c.AccountsServer)
		if err != nil {
			err = withHint(errors.New("unknown accounts server"), "an accounts server of your own needs its --api-domain too")
		}
		return dc, settingError(c.Origin("accounts_server"), "accounts_server", err)
	case c.DC != "":
		dc, err := zoho.ByCode(c.DC)
		return dc, settingError(c.Origin("dc"), "dc", err)
	}
	return zoho.ByCode("us")
}

// settingError makes err one of usage; nil stays nil.
func settingError(origin, key string, err error) error {
	if err == nil {
		return nil
	}
	return &config.Error{Origin: origin, Key: key, Err: err}
}

// defaultScopes let CRM records be read and written, and the user be named.
var defaultScopes = []string{"ZohoCRM.modules.ALL", "ZohoCRM.settings.READ", "ZohoCRM.users.READ", "ZohoCRM.org.READ"} //nolint:gochecknoglobals // a constant list

func (a *App) scopes() []string {
	if len(a.cfg.Scopes) > 0 {
		return a.cfg.Scopes
	}
	return slices.Clone(defaultScopes)
}

// keeper makes the Keeper for row's client; the App closes it.
func (a *App) keeper(ctx context.Context, s tokenkeep.TokenStore, row *tokenkeep.Token) (*tokenkeep.Keeper, error) {
	p, err := a.provider(row)
	if err != nil {
		return nil, err
	}
	return a.keeperOver(ctx, s, p), nil
}

func (a *App) keeperOver(ctx context.Context, s tokenkeep.TokenStore, p tokenkeep.Provider) *tokenkeep.Keeper {
	k := a.newKeeper(s, p)
	a.recover(ctx, k)
	return k
}

func (a *App) newKeeper(s tokenkeep.TokenStore, p tokenkeep.Provider) *tokenkeep.Keeper {
	k := tokenkeep.New(s, p, &tokenkeep.Options{Logger: a.log, Journal: a.journal(), Sealer: a.sealer(), Policy: a.cfg.Policy})
	a.onClose(k)
	return k
}

// A login is an open session and the row it began with.
type login struct {
	*tokenkeep.Session
	row *tokenkeep.Token
}

// openLogin opens the session of the login that user names.
func (a *App) openLogin(ctx context.Context, user string) (*login, error) {
	s, err := a.store(ctx)
	if err != nil {
		return nil, err
	}
	row, err := a.find(ctx, s, user)
	if err != nil {
		return nil, err
	}
	k, err := a.keeper(ctx, s, row)
	if err != nil {
		return nil, err
	}
	session, err := k.SessionByID(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	return &login{session, row}, nil
}

// loginHint names the command that logs the user in again, for errors that need
// it.
func loginHint(err error, t *tokenkeep.Token) error {
	switch tokenkeep.ClassOf(err) {
	case tokenkeep.NeedsLogin, tokenkeep.InDoubt:
		return withHint(err, "tokenkeep login %s", quoted(t.UserName))
	}
	return err
}

// quoted returns s as a word for a POSIX shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
