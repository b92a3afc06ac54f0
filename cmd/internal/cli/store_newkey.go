package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

func newStoreNewKey(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "new-key [FILE]", Short: "Make a key to seal the store with",
		Long: `Makes a new random key in FILE, readable by you alone, or where --key-file,
TOKENKEEP_KEY_FILE, key_file or key_keyring of the configuration say. What is there
already is never written over. The key itself is not shown.

Name the file with TOKENKEEP_KEY_FILE, or key_file in the configuration file, and
every token that is saved from then on is sealed; tokenkeep store seal seals those
that are stored already. Keep a copy of the key, apart from the copies of the store:
without it the tokens cannot be opened by anybody, and their users have to log in
again.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.newKey(cmd.Context(), first(args))
		},
	}
}

func (a *App) newKey(ctx context.Context, path string) error {
	where := "the key file " + path
	var id string
	var err error
	switch source := a.cfg.KeySource(); {
	case path != "":
		id, err = sealedstore.GenerateKey(path)
	case a.cfg.KeyFile() != "":
		where = source.String()
		id, err = sealedstore.GenerateKey(a.cfg.KeyFile())
	case source == nil:
		return withHint(usagef("no place for the key is named"), "tokenkeep store new-key FILE")
	default:
		where = source.String()
		id, err = fillSource(ctx, source)
	}
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("new key: %s is there already, and was left as it is", where), "choose another file; to replace a key that is in use: tokenkeep store rotate-key")
	}
	if err != nil {
		return withHint(fmt.Errorf("new key: %w", err), "check the folder and its mode")
	}
	a.IO.Done("made %s with the key %s; keep a copy, apart from the copies of the store", where, id)
	if a.cfg.KeySource() == nil {
		a.IO.Note("the store is sealed once this is set: key_file in the configuration file, or TOKENKEEP_KEY_FILE")
	}
	if a.cfg.JSON {
		return a.IO.JSON(map[string]string{"schema": "new-key/v1", "key": id, "place": where})
	}
	return nil
}

// fillSource puts a new key into a source that is no file, if it is empty.
func fillSource(ctx context.Context, source sealedstore.Source) (id string, err error) {
	u, ok := source.(sealedstore.Updater)
	if !ok {
		return "", fmt.Errorf("%s cannot be written from here; make the key in a file, and bring it there yourself", source)
	}
	text := sealedstore.NewKey()
	err = u.Update(ctx, func(old string) (string, error) {
		if strings.TrimSpace(old) != "" {
			return "", fs.ErrExist
		}
		return text.Reveal() + "\n", nil
	})
	if err != nil {
		return "", err
	}
	keys, err := sealedstore.OpenKeyring(ctx, source)
	if err != nil {
		return "", err
	}
	return keys.Primary(), nil
}
