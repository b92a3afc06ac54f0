package cli

import (
	"context"

	"github.com/spf13/cobra"
)

const rotateLong = `Makes a new key, seals every token and every record of the rescue journal with it, and
then removes the old key, unless something is sealed with it. Programs that use the
store go on meanwhile: no refresh fails, and none waits.

If it is cut off, run it again: it goes on where it was. Rows in clear are sealed too.
A key that is removed stays in its file as a comment, so that a store that was
forgotten, or a backup, can be opened; --forget leaves nothing of it.

Programs learn of the new key by themselves if they read it from the same file. What
comes from a command or the system's keyring they read again when they meet a row
that they cannot open. A program with the key in its environment has to be started
again, with the new key before the old one. Where the key cannot be changed from here,
put the new one first in its place yourself and keep the old one behind it; then this
command seals all with the first, and says which others can go.

One key may seal several stores: rotate with --keep-old, then for each of the others
tokenkeep store seal --store URL, and at last remove the old keys with --to ID, ID
being the new one. Rescue journals of other programs on this machine are looked at
too if --journal names their folders; those on other machines cannot be seen.

The exit code is 8 when rows could not be sealed or the old key is still in use, and
7 when the store or the key cannot be used.`

type rotateOptions struct {
	schema   string
	to       string
	journals []string
	keepOld  bool
	forget   bool
	dryRun   bool
	sealOnly bool // no new key
}

func newStoreRotateKey(a *App) *cobra.Command {
	o := rotateOptions{schema: "rotate-key/v1"}
	cmd := &cobra.Command{
		Use: "rotate-key", Short: "Seal the store with a new key, and remove the old one", Long: rotateLong,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rotate(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "`ID` of a key that is there already, instead of a new one")
	f.BoolVar(&o.keepOld, "keep-old", false, "remove no key: older ones go on opening what they sealed")
	f.BoolVar(&o.forget, "forget", false, "keep nothing of the keys that are removed")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would happen, and change nothing")
	journalFlag(cmd, &o)
	return cmd
}

func journalFlag(cmd *cobra.Command, o *rotateOptions) {
	cmd.Flags().StringArrayVar(&o.journals, "journal", nil, "`FOLDER` of a further rescue journal that is sealed with the key; may be repeated")
}

func newStoreSeal(a *App) *cobra.Command {
	o := rotateOptions{schema: "seal/v1", keepOld: true, sealOnly: true}
	cmd := &cobra.Command{
		Use: "seal", Short: "Seal what is in clear or sealed with an older key",
		Long: `Seals every token, and every record of the rescue journal, with the first of the
configured keys: those that are stored in clear, and those that another key sealed.
Programs that use the store go on meanwhile, if they have the key. Afterwards
require_sealed in the configuration file, or --require-sealed, refuses tokens in clear,
which somebody who can write to the store might put there.

A database may keep what it had for a while: SQLite's file is cleaned up at once, but
tables on servers, their logs and all backups still hold the tokens in clear. If others
may have read those, log in anew.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rotate(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would happen, and change nothing")
	journalFlag(cmd, &o)
	return cmd
}

func (a *App) rotate(ctx context.Context, o rotateOptions) error {
	ctx, cancel := a.withTimeout(ctx, 0)
	defer cancel()
	r, err := a.newRotation(ctx, o)
	if err != nil {
		return err
	}
	target, err := r.target()
	if err != nil {
		return err
	}
	if o.dryRun {
		return r.showDryRun(target)
	}
	if r.view.Resumed {
		a.IO.Note("an earlier rotation to the key %s was not finished; this one goes on with it", target)
	}
	return r.run(ctx, target)
}
