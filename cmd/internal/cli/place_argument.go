package cli

import (
	"fmt"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// argument reads a store URL that was given as the argument of this name.
func (a *App) argument(name, raw string) (stores.Location, error) {
	without, _ := config.SplitPassword(raw)
	if without != raw {
		return stores.Location{}, usagef("%s: %w", name, config.ErrPasswordArgument)
	}
	l, err := stores.Parse(raw, a.Getenv("HOME"))
	if err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// setPassword finds the password of a store that is an argument: that of the
// variables of its name, else the configured store's if l is on the same server,
// or if l is the only store on a server that the command speaks of.
func (a *App) setPassword(name string, l *stores.Location, only bool) (err error) {
	if !l.OnServer() {
		return nil
	}
	if p := a.Getenv("TOKENKEEP_" + name + "_PASSWORD"); p != "" {
		l.Server.Password = tokenkeep.NewSecret(p)
		return nil
	}
	if path := a.Getenv("TOKENKEEP_" + name + "_PASSWORD_FILE"); path != "" {
		if l.Server.Password, err = config.PasswordFile(path); err != nil {
			return usagef("$TOKENKEEP_%s_PASSWORD_FILE: %w", name, err)
		}
		return nil
	}
	own, err := a.location()
	switch {
	case err == nil && own.OnServer() && !sameAccount(own, *l):
		return nil // its password is not for another server
	case (err != nil || !own.OnServer()) && !only:
		return nil
	}
	l.Server.Password, err = a.cfg.StorePassword()
	return err
}

// sameAccount reports whether two stores are one user's at one server.
func sameAccount(a, b stores.Location) bool {
	return a.Scheme == b.Scheme && a.Server.Host == b.Server.Host && a.Server.Port == b.Server.Port && a.Server.User == b.Server.User
}
