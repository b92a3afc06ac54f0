package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// checkStore looks at the store, its files and its rows, and changes nothing.
func (a *App) checkStore(ctx context.Context) []checkup {
	l, err := a.place()
	if err != nil {
		return []checkup{broken(tokenkeep.Misconfigured, "store", cmp.Or(hintFor(err), "correct its URL"), "%v", err)}
	}
	s, err := a.openPlace(ctx, l, toLook)
	switch {
	case errors.Is(err, fs.ErrNotExist) && l.OnServer():
		return []checkup{good("store", "%s has no table yet; the first login makes it", l)}
	case errors.Is(err, fs.ErrNotExist):
		return []checkup{checkFolder(l)}
	case err != nil:
		return append([]checkup{a.storeBroken(l, err)}, checkFiles(l)...)
	}
	list := append([]checkup{a.ping(ctx, l, s)}, checkFiles(l)...)
	list = append(list, a.checkRedis(ctx, s)...)
	tokens, err := rows(ctx, s)
	if !isSealError(err) || a.keys != nil { // without a key nothing counts what is sealed
		list = append(list, a.checkSealing(ctx, l, s)...)
	}
	if err != nil && list[0].Status == checkBroken {
		return list // for the same reason
	}
	if err != nil {
		return append(list, a.storeBroken(l, err))
	}
	list = append(list, a.checkLogins(tokens)...)
	return append(list, a.checkIDs(ctx, l, tokens), checkTwice(tokens), checkHomes(tokens))
}

// checkFolder sees whether a store that is not there yet can be made.
func checkFolder(l stores.Location) checkup {
	const name = "store"
	dir := filepath.Dir(l.Path)
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return broken(tokenkeep.StoreUnavailable, name, "choose another path with --store", "%s is no folder", dir)
		}
		if err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return broken(tokenkeep.StoreUnavailable, name, "choose another path with --store", "%v", err)
	}
	probe, err := os.CreateTemp(dir, ".tokenkeep-doctor-*")
	if err != nil {
		return broken(tokenkeep.StoreUnavailable, name, "give this user write access to "+dir+", or choose another path with --store", "%s cannot be made: %v", l, err)
	}
	_ = probe.Close() // it is empty
	_ = os.Remove(probe.Name())
	return good(name, "%s is not there yet; the first login makes it", l)
}

func (a *App) ping(ctx context.Context, l stores.Location, s tokenkeep.TokenStore) checkup {
	if _, official := bare(s).(*stores.Official); official {
		return good("store", "%s can be read; it is a table of Zoho's SDKs, which the first write of tokenkeep takes over by adding columns (store migrate and tokens import leave it as it is)", l)
	}
	p, ok := s.(tokenkeep.Pinger)
	if !ok {
		return good("store", "%s can be read", l)
	}
	if err := p.Ping(ctx); err != nil {
		return a.storeBroken(l, err)
	}
	return good("store", "%s can be read and written; its schema is the one of this program", l)
}

func (a *App) storeBroken(l stores.Location, err error) checkup {
	fix := "check the path and its owner"
	switch {
	case isSealError(err), isKeyringError(err):
		fix = hintFor(a.hintSeal(err))
	case l.OnServer():
		fix = hintFor(err)
	case errors.Is(err, tokenkeep.ErrSchema):
		fix = "use the version of tokenkeep that wrote it, or a newer one"
	case errors.Is(err, tokenkeep.ErrCorrupt):
		fix = "restore it from a copy; the logins in it are not lost at Zoho, log in again where there is none"
	case errors.Is(err, tokenkeep.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		fix = "give this user write access to " + l.Path + " and its folder"
	}
	return broken(tokenkeep.StoreUnavailable, "store", fix, "%s", unprefixed(l, err))
}

// unprefixed is the message of err, after the store's URL.
func unprefixed(l stores.Location, err error) string {
	m := strings.TrimPrefix(message(err), "open ")
	if strings.HasPrefix(m, l.String()) {
		return m
	}
	return l.String() + ": " + m
}

// checkLogins tells which logins do not work.
func (a *App) checkLogins(tokens []*tokenkeep.Token) []checkup {
	const name = "logins"
	var list []checkup
	for _, t := range tokens {
		switch st := a.standing(t); {
		case needsLogin(st):
			list = append(list, broken(st.Class, name, "tokenkeep login "+quoted(t.UserName), "%s has to log in again: %s", nameOf(t), st.Reason))
		case st.Class == tokenkeep.Throttled:
			list = append(list, warn(name, "wait; something refreshes this login too often", "%s is throttled until %s", nameOf(t), clockTime(st.Until)))
		case st.Class == tokenkeep.Misconfigured:
			list = append(list, broken(st.Class, name, "tokenkeep status "+quoted(nameOf(t))+" --check, after the client was corrected", "%s: %s", nameOf(t), st.Reason))
		}
	}
	return append(list, good(name, "%d stored", len(tokens)))
}

// checkHomes finds rows that do not name their data centre.
func checkHomes(tokens []*tokenkeep.Token) checkup {
	var bare []string
	for _, t := range tokens {
		if t.APIDomain == "" && t.AccountsServer == "" {
			bare = append(bare, nameOf(t))
		}
	}
	if len(bare) > 0 {
		return warn("data centres", "set --dc to theirs, or log them in again", "%s: no API domain is stored, so the configured data centre is used", someOf(bare))
	}
	return good("data centres", "every login names its own")
}
