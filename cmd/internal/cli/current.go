package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/transfer"
)

// current returns the id that switch chose for the configured store, or "". What
// cannot be read counts as no choice: it is a convenience.
func (a *App) current() string {
	all, _ := a.readCurrent()
	return all[a.storeKey()]
}

// storeKey names the configured store in the file of choices.
func (a *App) storeKey() string {
	l, err := a.location()
	if err != nil {
		return ""
	}
	if abs, err := filepath.Abs(l.Path); err == nil && l.Path != "" {
		l.Path = abs
	}
	return l.String()
}

func (a *App) readCurrent() (map[string]string, error) {
	path, err := config.StatePath(a.Getenv)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// choose remembers id for the configured store; "" forgets the choice.
func (a *App) choose(id string) error {
	all, err := a.readCurrent()
	if err != nil {
		all = map[string]string{} // a damaged file is written anew
	}
	if all[a.storeKey()] == id {
		return nil
	}
	all[a.storeKey()] = id
	if id == "" {
		delete(all, a.storeKey())
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	path, err := config.StatePath(a.Getenv)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	return transfer.WriteFile(path, append(data, '\n'), true)
}

func newSwitch(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "switch USER",
		Short: "Choose the login that commands use when none is named",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.store(cmd.Context())
			if err != nil {
				return err
			}
			t, err := a.find(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			if err := a.choose(t.ID); err != nil {
				return err
			}
			a.IO.Done("commands now use %s", nameOf(t))
			if a.cfg.JSON {
				return a.IO.JSON(a.view(t))
			}
			return nil
		},
	}
}
