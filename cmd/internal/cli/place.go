package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// location is the configured store, without its password.
func (a *App) location() (stores.Location, error) {
	if a.cfg.NoStore != nil {
		return stores.Location{}, withHint(usagef("no store: %w", a.cfg.NoStore), "name one with --store, or set HOME")
	}
	l, err := stores.Parse(a.cfg.Store, a.Getenv("HOME"))
	if err != nil {
		return l, &config.Error{Origin: a.cfg.Origin("store"), Key: "store", Err: err}
	}
	return l, nil
}

// place is the configured store, with its password.
func (a *App) place() (stores.Location, error) {
	l, err := a.location()
	if err == nil && l.OnServer() {
		l.Server.Password, err = a.cfg.StorePassword()
	}
	return l, err
}

// An opener is [stores.Open] or [stores.Look].
type opener func(ctx context.Context, l stores.Location, a *App) (tokenkeep.TokenStore, io.Closer, error)

func toUse(ctx context.Context, l stores.Location, a *App) (tokenkeep.TokenStore, io.Closer, error) {
	return stores.Open(ctx, l, a.log)
}

func toLook(ctx context.Context, l stores.Location, a *App) (tokenkeep.TokenStore, io.Closer, error) {
	return stores.Look(ctx, l, a.log)
}

// openPlace opens the store at l, sealed if there is a key; the App closes it.
func (a *App) openPlace(ctx context.Context, l stores.Location, open opener) (tokenkeep.TokenStore, error) {
	keys, err := a.keyring(ctx)
	if err != nil {
		return nil, err
	}
	s, err := a.openBare(ctx, l, open)
	if err != nil {
		return nil, err
	}
	return a.seal(s, keys)
}

// openBare opens the store at l as it is; the App closes it.
func (a *App) openBare(ctx context.Context, l stores.Location, open opener) (tokenkeep.TokenStore, error) {
	stop := a.IO.Progress("opening " + l.String())
	s, c, err := open(ctx, l, a)
	stop()
	if err != nil {
		return nil, a.openError(l, err)
	}
	a.onClose(c)
	return s, nil
}

// openError says what a store that cannot be opened needs.
func (a *App) openError(l stores.Location, err error) error {
	err = storeError("open "+l.String(), err)
	if l.OnServer() && l.Server.Password.IsZero() && tokenkeep.ClassOf(err) == tokenkeep.Misconfigured {
		return withHint(err, "%s; no password was given: TOKENKEEP_STORE_PASSWORD, TOKENKEEP_STORE_PASSWORD_FILE or store_password in the configuration file is one", hintFor(err))
	}
	return err
}

// store opens the configured store; the App closes it.
func (a *App) store(ctx context.Context) (tokenkeep.TokenStore, error) {
	l, err := a.place()
	if err != nil {
		return nil, err
	}
	return a.openPlace(ctx, l, toUse)
}

// look opens the configured store for reading: a table that tokenkeep has not
// taken over stays as it is. What is not there yet is empty.
func (a *App) look(ctx context.Context) (tokenkeep.TokenStore, error) {
	l, err := a.place()
	if err != nil {
		return nil, err
	}
	s, err := a.openPlace(ctx, l, toLook)
	if errors.Is(err, fs.ErrNotExist) {
		return tokenkeep.NewMemoryStore(), nil
	}
	return s, err
}

// storeOrLook is look for a dry run, and else store.
func (a *App) storeOrLook(ctx context.Context, dry bool) (tokenkeep.TokenStore, error) {
	if dry {
		return a.look(ctx)
	}
	return a.store(ctx)
}
