package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/internal/journal"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A sealView is what is known of the seal of a store, as JSON. It is nil when no key
// is configured.
type sealView struct {
	// Key is the id of the key that seals, Source where it comes from.
	Key    string `json:"key"`
	Source string `json:"source"`
	// Keys are the ids of all keys, that one first.
	Keys     []string `json:"keys"`
	Required bool     `json:"required"`
	// Rows counts the rows that are sealed with each key, Clear those in clear.
	Rows  map[string]int `json:"rows"`
	Clear int            `json:"clear"`
}

// sealing counts the rows by their keys. Nothing is opened.
func (a *App) sealing(ctx context.Context, s tokenkeep.TokenStore) (*sealView, error) {
	st, ok := s.(*sealedstore.Store)
	if !ok {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	uses, err := st.KeysInUse(ctx)
	if uses == nil {
		return nil, err
	}
	v := &sealView{
		Key: st.Keys().Primary(), Source: a.cfg.KeySource().String(), Keys: st.Keys().IDs(),
		Required: a.cfg.RequireSealed, Rows: uses, Clear: uses[""],
	}
	delete(uses, "")
	return v, err
}

// String says it in a line.
func (v *sealView) String() string {
	if v == nil {
		return "no; tokens are stored in clear"
	}
	parts := []string{fmt.Sprintf("%s with the key %s", rowCount(v.Rows[v.Key]), v.Key)}
	for _, id := range slices.Sorted(maps.Keys(v.Rows)) {
		if id != v.Key {
			parts = append(parts, fmt.Sprintf("%d with %s", v.Rows[id], id))
		}
	}
	if v.Clear > 0 {
		parts = append(parts, fmt.Sprintf("%d in clear", v.Clear))
	}
	return strings.Join(parts, ", ")
}

func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// journalKeys counts the records of rescue journals by the keys that they are sealed
// with; "" counts those in clear. Damaged ones, which nobody can read, are left out.
func journalKeys(folders []string) (map[string]int, error) {
	uses := map[string]int{}
	for _, folder := range folders {
		d := journal.New(folder)
		names, err := d.Names()
		if err != nil {
			return nil, fmt.Errorf("rescue journal: %w", err)
		}
		for _, name := range names {
			payload, sealed, err := d.Read(name)
			if errors.Is(err, journal.ErrDamaged) {
				continue
			}
			id := ""
			if err == nil && sealed {
				id, err = sealedstore.KeyOf(payload)
			}
			if err != nil {
				return nil, fmt.Errorf("rescue journal: record %s: %w", name, err)
			}
			uses[id]++
		}
	}
	return uses, nil
}

// checkSealing tells doctor whether the store is sealed, and what is not.
func (a *App) checkSealing(ctx context.Context, l stores.Location, s tokenkeep.TokenStore) []checkup {
	const name = "seal"
	v, err := a.sealing(ctx, s)
	switch {
	case err != nil:
		return []checkup{broken(tokenkeep.StoreUnavailable, name, hintFor(a.hintSeal(err)), "%s", message(err))}
	case v == nil:
		return []checkup{good(name, "off: tokens are in clear, for those who may read the store; tokenkeep store new-key makes a key to seal them with")}
	}
	list := []checkup{good(name, "%s, from %s", v, v.Source)}
	if v.Clear > 0 {
		list[0] = warn(name, "tokenkeep store seal", "%s", v)
	}
	if key := a.cfg.KeyFile(); key != "" && l.OnFile() && filepath.Dir(key) == filepath.Dir(l.Path) {
		list = append(list, warn("key", "move it to another folder, and change key_file or TOKENKEEP_KEY_FILE", "%s is beside the store: who copies the folder has both", key))
	}
	for _, id := range v.Keys[1:] {
		if v.Rows[id] == 0 {
			list = append(list, good("key", "%s opens older rows, and no row here needs it; tokenkeep store rotate-key --to %s removes it", id, v.Key))
		}
	}
	return list
}

// noteSeal says on standard error how far the store is sealed.
func (a *App) noteSeal(ctx context.Context, s tokenkeep.TokenStore) {
	if v, err := a.sealing(ctx, s); v != nil && err == nil {
		a.IO.Note("sealed: %s", v)
	}
}
