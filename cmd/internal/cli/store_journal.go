package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// journal is the folder of the rescue journal of the configured store, or "" when
// it has none: a store in memory, or no folder to keep it in. Each store has its
// own, because ids of one mean nothing in another.
func (a *App) journal() string {
	l, err := a.location()
	if err != nil || l.Transient() {
		return ""
	}
	state, err := config.StatePath(a.Getenv)
	if err != nil {
		return ""
	}
	name := sha256.Sum256([]byte(a.storeKey()))
	return filepath.Join(filepath.Dir(state), "journal", hex.EncodeToString(name[:8]))
}

// recover saves what an earlier process could not, if anything waits. Its failure
// is no failure of the command that begins with it.
func (a *App) recover(ctx context.Context, k *tokenkeep.Keeper) {
	if _, err := os.Stat(a.journal()); err != nil {
		return
	}
	r, err := k.Recover(ctx)
	if r.Merged > 0 {
		a.IO.Note("%d tokens that waited in the rescue journal are in the store now", r.Merged)
	}
	if err != nil {
		a.IO.Note("the rescue journal could not be emptied: %v; see tokenkeep store journal", err)
	}
}

func newStoreJournal(a *App) *cobra.Command {
	var merge bool
	cmd := &cobra.Command{
		Use: "journal", Short: "List what the store did not take, and save it",
		Long: `Lists the rescue journal of the configured store: tokens that Zoho gave and the store
did not take, because it was down, full or read-only. They are saved by the next
command that needs them, and all of them by --recover. No secret is shown.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), networkTimeout)
			defer cancel()
			if merge {
				return a.recoverJournal(ctx)
			}
			return a.listJournal(ctx)
		},
	}
	cmd.Flags().BoolVar(&merge, "recover", false, "save what waits, where it is still the newest")
	return cmd
}

// A journalView is one record as JSON.
type journalView struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Token string `json:"token_id,omitempty"`
	User  string `json:"user,omitempty"`
	Time  string `json:"time,omitempty"`
	Owner string `json:"owner,omitempty"`
	Why   string `json:"why,omitempty"`
	Error string `json:"error,omitempty"`
}

func (a *App) listJournal(ctx context.Context) error {
	views := []journalView{}
	if _, err := a.keyring(ctx); err != nil {
		return err
	}
	k := tokenkeep.New(nil, nil, &tokenkeep.Options{Journal: a.journal(), Logger: a.log, Sealer: a.sealer()})
	for e, err := range k.Journal(ctx) {
		v := journalView{Name: e.Name, Kind: string(e.Kind), Token: e.TokenID, User: e.UserName, Time: dateTime(e.Time), Owner: e.Owner, Why: e.Why}
		if err != nil {
			v.Error = err.Error()
		}
		views = append(views, v)
	}
	if a.cfg.JSON {
		return a.IO.JSON(map[string]any{"schema": "journal/v1", "folder": a.journal(), "records": views})
	}
	if len(views) == 0 {
		a.IO.Note("the rescue journal is empty: the store took everything")
		return nil
	}
	table := ui.NewTable("TIME", "KIND", "TOKEN", "USER", "BY", "WHY")
	for _, v := range views {
		table.Add(ui.Text(v.Time, v.Kind, v.Token, v.User, v.Owner, v.Why+v.Error)...)
	}
	a.IO.Note("tokenkeep store journal --recover saves them")
	return table.Write(a.IO.Out)
}

func (a *App) recoverJournal(ctx context.Context) error {
	s, err := a.store(ctx)
	if err != nil {
		return err
	}
	p, err := a.provider(nil)
	if err != nil {
		return err
	}
	r, err := a.newKeeper(s, p).Recover(ctx)
	a.IO.Note("%d saved, %d dropped because the store has something newer, %d left, %d damaged", r.Merged, r.Dropped, r.Left, r.Damaged)
	if err != nil {
		return storeError("recover", err)
	}
	if r.Left > 0 {
		return withHint(&tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Op: "recover", Reason: "some records wait on"}, "tokenkeep store journal says why")
	}
	return nil
}
