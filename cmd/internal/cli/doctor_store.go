package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// checkStore looks at the store, its files and its rows.
func (a *App) checkStore(ctx context.Context) []checkup {
	const name = "store"
	l, err := a.location()
	if err != nil {
		return []checkup{broken(tokenkeep.Misconfigured, name, "write sqlite:PATH, file:PATH or memory:", "%v", err)}
	}
	if l.Path != "" {
		if _, err := os.Stat(l.Path); errors.Is(err, fs.ErrNotExist) {
			return []checkup{checkFolder(l)}
		}
	}
	s, err := a.store(ctx)
	if err != nil {
		return append([]checkup{storeBroken(l, err)}, checkModes(l)...)
	}
	list := []checkup{a.ping(ctx, l, s)}
	list = append(list, checkModes(l)...)
	tokens, err := rows(ctx, s)
	if err != nil {
		return append(list, storeBroken(l, err))
	}
	list = append(list, a.checkLogins(tokens)...)
	return append(list, checkIDs(tokens), checkHomes(tokens))
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
	p, ok := s.(tokenkeep.Pinger)
	if !ok {
		return good("store", "%s can be read", l)
	}
	if err := p.Ping(ctx); err != nil {
		return storeBroken(l, err)
	}
	return good("store", "%s can be read and written; its schema is the one of this program", l)
}

func storeBroken(l stores.Location, err error) checkup {
	fix := "check the path and its owner"
	switch {
	case errors.Is(err, tokenkeep.ErrSchema):
		fix = "use the version of tokenkeep that wrote it, or a newer one"
	case errors.Is(err, tokenkeep.ErrCorrupt):
		fix = "restore it from a copy; the logins in it are not lost at Zoho, log in again where there is none"
	case errors.Is(err, tokenkeep.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		fix = "give this user write access to " + l.Path + " and its folder"
	}
	return broken(tokenkeep.StoreUnavailable, "store", fix, "%s: %v", l, err)
}

// checkModes sees whether other users of the machine can read the store's files.
func checkModes(l stores.Location) []checkup {
	const name = "file modes"
	if l.Path == "" || l.Path == ":memory:" || runtime.GOOS == "windows" {
		return nil
	}
	paths, err := filepath.Glob(globQuote(l.Path) + "*")
	if err != nil {
		paths = []string{l.Path}
	}
	var list []checkup
	for _, p := range paths {
		if wide, mode := openToOthers(p); wide && !strings.HasSuffix(p, ".lock") && !strings.HasSuffix(p, ".lock.next") {
			list = append(list, broken("", name, "chmod 600 "+quoted(p)+"; then treat its tokens as leaked if others use this machine", "other users can read %s (mode %04o)", p, mode))
		}
	}
	if len(list) == 0 {
		list = []checkup{good(name, "the store's files are readable by their owner alone")}
	}
	return list
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// openToOthers reports whether somebody but the owner can read or write path.
func openToOthers(path string) (bool, fs.FileMode) {
	if path == "" || runtime.GOOS == "windows" {
		return false, 0
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, 0
	}
	return info.Mode().Perm()&0o066 != 0, info.Mode().Perm()
}

// checkLogins tells which logins do not work.
func (a *App) checkLogins(tokens []*tokenkeep.Token) []checkup {
	const name = "logins"
	var list []checkup
	for _, t := range tokens {
		switch st := standing(t, a.now()); {
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

// checkIDs finds ids with which Zoho's own SDKs lose tokens when they share the
// store: they take the largest id as text, so that the eleventh token of a table
// gets the id of the tenth.
func checkIDs(tokens []*tokenkeep.Token) checkup {
	const name = "ids"
	var short, odd []string
	for _, t := range tokens {
		switch {
		case !isNumber(t.ID):
			odd = append(odd, t.ID)
		case len(t.ID) != 10:
			short = append(short, t.ID)
		}
	}
	fix := "import the tokens into a store of their own (tokenkeep tokens import), or let the ids be numbers of ten digits"
	switch {
	case len(odd) > 0:
		return broken("", name, fix, "ids that are no numbers make every save of Zoho's SDKs fail: %s", someOf(odd))
	case len(short) > 0:
		return warn(name, fix+"; in MySQL: ALTER TABLE oauthtoken MODIFY id BIGINT NOT NULL", "ids of other than ten digits (%s): Zoho's SDKs lose the eleventh token of such a table", someOf(short))
	}
	return good(name, "all are numbers of ten digits")
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

// someOf lists up to five.
func someOf(list []string) string {
	if len(list) > 5 {
		return strings.Join(list[:5], ", ") + fmt.Sprintf(" and %d more", len(list)-5)
	}
	return strings.Join(list, ", ")
}
