package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// deleteUnreadable deletes rows that cannot be opened, by their ids.
func (a *App) deleteUnreadable(ctx context.Context, s tokenkeep.TokenStore, ids []string) error {
	if a.keys == nil {
		return withHint(usagef("no key is configured: with it the rows may open"), "name it with --key-file, TOKENKEEP_KEY_FILE, or key_file in the configuration file")
	}
	var errs []error
	deleted := []string{}
	for _, id := range ids {
		if err := deleteIfUnreadable(ctx, s, id); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
			continue
		}
		deleted = append(deleted, id)
		a.IO.Done("deleted token %s, which could not be opened; Zoho may still accept it", id)
	}
	if a.cfg.JSON {
		if err := a.IO.JSON(map[string]any{"deleted": deleted}); err != nil {
			return err
		}
	}
	return partial(len(ids), errs)
}

func deleteIfUnreadable(ctx context.Context, s tokenkeep.TokenStore, id string) error {
	if !isID(id) {
		return withHint(usagef("rows that cannot be opened are named by their ids"), "tokenkeep store check names one")
	}
	_, err := s.FindTokenByID(ctx, id)
	switch {
	case err == nil:
		return withHint(usagef("it can be opened"), "leave --unreadable out")
	case errors.Is(err, tokenkeep.ErrNotFound), !isSealError(err):
		return storeError("find", err)
	}
	return storeError("delete", s.DeleteToken(ctx, id))
}
