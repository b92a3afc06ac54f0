package cli

import (
	"context"
	"io"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// loginByRefreshToken keeps a refresh token from elsewhere, after one refresh has
// shown that it works.
func (a *App) loginByRefreshToken(ctx context.Context, k *tokenkeep.Keeper, _ *zoho.Provider, o *loginOptions) (*tokenkeep.Session, error) {
	if a.cfg.SecretPath() == "-" {
		return nil, usagef("standard input cannot be both the client secret and the refresh token")
	}
	token, err := a.readSecret(ctx, "Refresh token: ")
	if err != nil {
		return nil, err
	}
	dc, err := a.dataCentre()
	if err != nil {
		return nil, err
	}
	defer a.IO.Progress("asking " + dc.Accounts + " whether the refresh token works")()
	return k.Login(ctx, &tokenkeep.Grant{
		RefreshToken: token, UserName: o.user, AccountsServer: dc.Accounts, Location: dc.Code,
	})
}

// readSecret reads one line of standard input, asking for it on a terminal.
func (a *App) readSecret(ctx context.Context, question string) (tokenkeep.Secret, error) {
	if !a.IO.InIsTerminal() {
		question = ""
	} else if a.cfg.NoInput {
		return tokenkeep.Secret{}, usagef("--no-input: give it on standard input, from a file or a pipe")
	}
	secret, err := a.IO.Secret(ctx, question)
	if err == nil && secret.IsZero() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && ctx.Err() == nil {
		return secret, usagef("standard input holds no line")
	}
	return secret, err
}

// loginBySelfClient redeems a code that the user makes in the API console.
func (a *App) loginBySelfClient(ctx context.Context, k *tokenkeep.Keeper, p *zoho.Provider, o *loginOptions) (*tokenkeep.Session, error) {
	if a.cfg.SecretPath() == "-" {
		return nil, usagef("standard input cannot be both the client secret and the code")
	}
	a.IO.Note("1. Open %s, choose your Self Client, tab \"Generate Code\".", consoleOf(a.cfg.DC))
	a.IO.Note("2. Scope: %s", strings.Join(a.scopes(), ","))
	a.IO.Note("3. Choose a time of 10 minutes, create the code, and enter it here at once: it works once.")
	code, err := a.readSecret(ctx, "Code: ")
	if err != nil {
		return nil, err
	}
	g := p.SelfClientGrant(code.Reveal())
	g.UserName, g.Force = o.user, o.force
	defer a.IO.Progress("redeeming the code")()
	return k.Login(ctx, g)
}

// consoleOf is the API console of a data centre.
func consoleOf(code string) string {
	dc, err := zoho.ByCode(code)
	if err != nil {
		dc, _ = zoho.ByCode("us") // built in
	}
	return strings.Replace(dc.Accounts, "://accounts.", "://api-console.", 1)
}

// loginByDevice shows a code and waits until the user has entered it elsewhere.
func (a *App) loginByDevice(ctx context.Context, k *tokenkeep.Keeper, p *zoho.Provider, o *loginOptions) (*tokenkeep.Session, error) {
	d, err := p.StartDevice(ctx, a.scopes())
	if err != nil {
		return nil, err
	}
	a.IO.Say("Open %s on any machine and enter this code: %s", d.VerificationURL, d.UserCode)
	if d.VerificationURLComplete != "" {
		a.IO.Say("or open %s", d.VerificationURLComplete)
	}
	stop := a.IO.Progress("waiting until the code is entered; it ends at " + clockTime(d.Expires))
	t, err := d.Wait(ctx)
	stop()
	if err != nil {
		return nil, err
	}
	t.UserName = o.user
	return k.Adopt(ctx, t)
}
