package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/loopback"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// loginByBrowser opens the consent page and waits for the callback on the port of
// the redirect URI.
func (a *App) loginByBrowser(ctx context.Context, k *tokenkeep.Keeper, p *zoho.Provider, o *loginOptions) (*tokenkeep.Session, error) {
	auth, err := a.authorize(p, o)
	if err != nil {
		return nil, err
	}
	l, err := loopback.Listen(ctx, auth.RedirectURL)
	if err != nil {
		return nil, listenError(err)
	}
	defer func() { _ = l.Close() }() // the login stands, whatever becomes of the page
	a.showURL(ctx, auth.URL, o.noBrowser)
	var session *tokenkeep.Session
	var failure error
	err = l.Receive(ctx, func(query string) loopback.Page {
		session, failure = a.redeem(ctx, k, p, auth, "?"+query, o.force)
		return resultPage(failure)
	})
	return session, errors.Join(err, failure)
}

// authorize begins a login and says which redirect URI must be registered.
func (a *App) authorize(p *zoho.Provider, o *loginOptions) (zoho.Authorization, error) {
	auth, err := p.Authorize(zoho.AuthorizeOptions{UserName: o.user, PKCE: true})
	if err != nil {
		return auth, err
	}
	a.IO.Note("%s This exact redirect URI must be registered in the API console: %s", "-", auth.RedirectURL)
	return auth, nil
}

func listenError(err error) error {
	if errors.Is(err, loopback.ErrNotLoopback) {
		return withHint(usageError(err), "tokenkeep login --paste, or register %s and use that", "http://localhost:8765/callback")
	}
	return withHint(err, "stop the program that has the port, choose another port with --redirect-url and register it, or use tokenkeep login --paste")
}

// showURL opens the browser, or asks the user to.
func (a *App) showURL(ctx context.Context, url string, noBrowser bool) {
	if !noBrowser {
		err := a.OpenBrowser(ctx, url)
		if err == nil {
			a.IO.Note("- Opening your browser… (no browser here? Stop with Ctrl-C and use --paste or --device)")
			a.IO.Note("  If it does not open: %s", url)
			return
		}
		a.IO.Warn("no browser could be started")
	}
	a.IO.Say("Open this address in a browser on this machine:\n%s", url)
}

// redeem turns a callback into a saved login.
func (a *App) redeem(ctx context.Context, k *tokenkeep.Keeper, p *zoho.Provider, auth zoho.Authorization, callback string, force bool) (*tokenkeep.Session, error) {
	g, err := p.Callback(auth, callback)
	if err != nil {
		return nil, err
	}
	g.Force = force
	defer a.IO.Progress("redeeming the code")()
	return k.Login(ctx, g)
}

// resultPage is what the browser shows.
func resultPage(err error) loopback.Page {
	if err == nil {
		return loopback.Page{Title: "Logged in", Text: "You can close this window and go back to the terminal."}
	}
	return loopback.Page{Status: 400, Title: "The login failed", Text: ui.Plain(message(err)), Next: ui.Plain(hintFor(err))}
}

// loginByPaste shows the address and takes back the one that the browser ended
// on.
func (a *App) loginByPaste(ctx context.Context, k *tokenkeep.Keeper, p *zoho.Provider, o *loginOptions) (*tokenkeep.Session, error) {
	if a.cfg.SecretPath() == "-" {
		return nil, usagef("standard input cannot be both the client secret and the address")
	}
	auth, err := a.authorize(p, o)
	if err != nil {
		return nil, err
	}
	a.IO.Say("Open this address in any browser and log in:\n%s", auth.URL)
	a.IO.Say("The browser then ends on a page that may not load. Copy its whole address and paste it here.")
	callback, err := a.pasted(ctx)
	if err != nil {
		return nil, err
	}
	return a.redeem(ctx, k, p, auth, callback, o.force)
}

func (a *App) pasted(ctx context.Context) (string, error) {
	if a.cfg.NoInput && a.IO.InIsTerminal() {
		return "", usagef("--paste needs an answer, and --no-input forbids the question")
	}
	line, err := a.IO.Line(ctx, "Address: ")
	if errors.Is(err, ui.ErrNoAnswer) || (err == nil && strings.TrimSpace(line) == "") {
		return "", usagef("no address was given on standard input")
	}
	return line, err
}
