package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// keyring opens the configured keys, once. It is nil when none are configured.
func (a *App) keyring(ctx context.Context) (*sealedstore.Keyring, error) {
	source := a.cfg.KeySource()
	if source == nil || a.keys != nil {
		return a.keys, nil
	}
	defer a.IO.Progress("reading " + source.String())()
	keys, err := sealedstore.OpenKeyring(ctx, source)
	if err != nil {
		return nil, keyringError(source, err)
	}
	a.keys = keys
	return keys, nil
}

// openKeys is the operation of a [keyringError].
const openKeys = "key"

// isKeyringError reports whether err is one of keyringError.
func isKeyringError(err error) bool {
	e, ok := errors.AsType[*tokenkeep.Error](err)
	return ok && e.Op == openKeys
}

// keyringError says what to do about keys that cannot be read. It does not wrap their
// error: a key file that is missing is no store that is missing.
func keyringError(source sealedstore.Source, err error) error {
	reason := message(err)
	if errors.Is(err, fs.ErrNotExist) {
		reason = source.String() + " is not there"
	}
	return &tokenkeep.Error{
		Class: tokenkeep.StoreUnavailable, Op: openKeys, Reason: reason,
		Hint: "bring the key back, or correct where it is looked for; if nothing was ever sealed, tokenkeep store new-key makes one; nothing was changed",
	}
}

// seal returns the view of an open store that commands use: sealed with keys, or, if
// they are nil, guarded against what others sealed.
func (a *App) seal(s tokenkeep.TokenStore, keys *sealedstore.Keyring) (tokenkeep.TokenStore, error) {
	if keys == nil {
		return sealedstore.Guard(s), nil
	}
	return sealedstore.New(s, keys, &sealedstore.Options{RequireSealed: a.cfg.RequireSealed, Logger: a.log})
}

// sealer seals the records of the rescue journal, once the store was opened; nil when
// there is no key.
func (a *App) sealer() tokenkeep.Sealer {
	if a.keys == nil {
		return nil
	}
	return a.keys
}

// bare returns the store below the seal or the guard.
func bare(s tokenkeep.TokenStore) tokenkeep.TokenStore {
	if outer, ok := s.(interface{ Inner() tokenkeep.TokenStore }); ok {
		return outer.Inner()
	}
	return s
}

// isSealError reports whether err is about a row or a record that does not open.
func isSealError(err error) bool {
	e, ok := errors.AsType[*tokenkeep.Error](err)
	return ok && strings.HasPrefix(e.Op, "sealed: ")
}

// hintSeal adds to the error of a row that does not open what brings it back here.
func (a *App) hintSeal(err error) error {
	switch {
	case !isSealError(err):
	case errors.Is(err, sealedstore.ErrKeyMissing) && a.cfg.KeySource() == nil:
		return withHint(err, "the store is sealed; name the key with --key-file, TOKENKEEP_KEY_FILE, or key_file in the configuration file; nothing was changed")
	case errors.Is(err, sealedstore.ErrKeyMissing):
		return withHint(err, "bring that key back, as a further one in %s; nothing was changed", a.cfg.KeySource())
	case errors.Is(err, sealedstore.ErrNotSealed):
		return withHint(err, "tokenkeep store seal seals what is in clear; nothing was changed")
	case errors.Is(err, tokenkeep.ErrCorrupt):
		return withHint(err, "restore the row from a backup, or delete it and log in again: tokenkeep tokens delete --unreadable ID; nothing was changed")
	}
	return err
}
