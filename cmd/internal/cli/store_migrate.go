package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/migrate"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

const migrateLong = `Copies every token of the store FROM into the store TO, both given by URL. Each row is
saved, read back and compared; at the end all of TO is read once more. Ids may
differ in TO. What TO has already is not copied again, so a migration that was
interrupted or killed is simply run again.

Two programs that refresh one login from two stores do not know of each other:
each refresh of one counts against the other's (Zoho gives 10 access tokens for a
refresh token in 10 minutes, and keeps 15 alive: the oldest dies), and a logout or
a new login in one leaves the other with a dead token. So say which it is to be:

  --move         each row is deleted from FROM after it was copied and read back
  --keep-source  FROM keeps its rows, and you see to it that nothing uses it

A row that is being refreshed is waited for. A login that TO has another refresh
token for is left where it is and reported. Point the programs at TO afterwards.

Passwords are no arguments. That of FROM is taken from TOKENKEEP_FROM_PASSWORD or
TOKENKEEP_FROM_PASSWORD_FILE, that of TO from TOKENKEEP_TO_PASSWORD or
TOKENKEEP_TO_PASSWORD_FILE; else TOKENKEEP_STORE_PASSWORD counts for the configured
store, or for the only one of the two that is on a server.

With a key configured the rows are sealed in TO, also those that are in clear in FROM;
rows that are sealed in FROM are opened with the same key, or with another one of the
same file. --clear writes them in clear, for a table that Zoho's SDKs read too, say.

The exit code is 8 when some rows were not copied, and 7 when a store failed.`

type migrateOptions struct{ move, keep, dryRun, clear bool }

func newStoreMigrate(a *App) *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use: "migrate FROM TO", Short: "Bring all tokens of one store into another one", Long: migrateLong,
		Example: "  tokenkeep store migrate file:sdk_tokens.txt mysql://app@db.example.com/zohooauth --move",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.withTimeout(cmd.Context(), 0)
			defer cancel()
			return a.storeMigrate(ctx, args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVar(&o.move, "move", false, "delete each row from FROM once it was copied and read back")
	cmd.Flags().BoolVar(&o.keep, "keep-source", false, "leave the rows in FROM, which nothing may use any more")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would happen, and change nothing")
	cmd.Flags().BoolVar(&o.clear, "clear", false, "write the rows in clear, though there is a key to seal them with")
	return cmd
}

func (a *App) storeMigrate(ctx context.Context, fromURL, toURL string, o migrateOptions) error {
	ends, err := a.endsOf(fromURL, toURL)
	if err != nil {
		return err
	}
	if o.move && o.keep {
		return usagef("--move and --keep-source exclude each other")
	}
	if !o.move && !o.keep && !o.dryRun {
		return withHint(usagef("both stores would have every login: programs that use the one and the other would each refresh it, use up Zoho's limits for both (10 access tokens in 10 minutes, 15 alive) and end each other's tokens; nothing was copied"),
			"add --move to delete each row from FROM once it is safe in TO, or --keep-source if nothing uses FROM any more")
	}
	from, to, err := a.openEnds(ctx, ends, o)
	if err != nil {
		return err
	}
	total, err := a.countRows(ctx, from)
	if err != nil {
		return storeError("read "+ends.from.String(), err)
	}
	meter := a.IO.Meter("migrating", total)
	defer meter.Stop()
	res, err := migrate.Run(ctx, from, to, migrate.Options{
		Move: o.move, DryRun: o.dryRun, Owner: migrate.OwnerPrefix + rand.Text(), Progress: meter.Set,
	})
	meter.Stop()
	return a.showMigration(ends, o, res, err)
}

// A pair is the two ends of a migration.
type pair struct{ from, to stores.Location }

// endsOf reads the two URLs and finds their passwords.
func (a *App) endsOf(fromURL, toURL string) (p pair, err error) {
	if p.from, err = a.argument("FROM", fromURL); err != nil {
		return p, err
	}
	if p.to, err = a.argument("TO", toURL); err != nil {
		return p, err
	}
	switch {
	case stores.Same(p.from, p.to):
		return p, withHint(usagef("FROM and TO are the same store"), "name two stores")
	case p.from.Transient(), p.to.Transient():
		return p, withHint(usagef("a store in memory ends with this command"), "name a store that lasts")
	}
	if err := a.setPassword("FROM", &p.from, !p.to.OnServer()); err != nil {
		return p, err
	}
	return p, a.setPassword("TO", &p.to, !p.from.OnServer())
}

// openEnds opens both stores. What is only read is only looked at.
func (a *App) openEnds(ctx context.Context, p pair, o migrateOptions) (from, to tokenkeep.TokenStore, err error) {
	if from, err = a.openSource(ctx, p.from, o.move && !o.dryRun); err != nil {
		return nil, nil, err
	}
	open := toUse
	if o.dryRun {
		open = toLook
	}
	to, err = a.openTarget(ctx, p.to, open, o.clear)
	if o.dryRun && errors.Is(err, fs.ErrNotExist) {
		return from, tokenkeep.NewMemoryStore(), nil // it would be made
	}
	return from, to, err
}

// openTarget opens the store to write to: sealed if there is a key, unless it is to be
// in clear.
func (a *App) openTarget(ctx context.Context, l stores.Location, open opener, clear bool) (tokenkeep.TokenStore, error) {
	if !clear {
		return a.openPlace(ctx, l, open)
	}
	s, err := a.openBare(ctx, l, open)
	if err != nil {
		return nil, err
	}
	return sealedstore.Guard(s), nil
}

// openSource opens a store that has to be there.
func (a *App) openSource(ctx context.Context, l stores.Location, write bool) (tokenkeep.TokenStore, error) {
	s, err := a.openPlace(ctx, l, toLook)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(&tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Op: "open " + l.String(), Reason: "there is no such store"},
			"check the path, or the names of the database and the table")
	}
	if _, official := bare(s).(*stores.Official); err == nil && official && write {
		return a.openPlace(ctx, l, toUse)
	}
	return s, err
}

func (a *App) countRows(ctx context.Context, s tokenkeep.TokenStore) (n int, err error) {
	defer a.IO.Progress("counting")()
	for _, err := range s.GetTokens(ctx) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A migrationView is the outcome as JSON.
type migrationView struct {
	Schema     string        `json:"schema"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	DryRun     bool          `json:"dry_run"`
	Moved      bool          `json:"move"`
	Rows       int           `json:"rows"`
	Copied     int           `json:"copied"`
	Updated    int           `json:"updated"`
	Present    int           `json:"present"`
	Failed     int           `json:"failed"`
	Deleted    int           `json:"deleted_from_source"`
	NeedsLogin int           `json:"needs_login"`
	Events     int           `json:"history_events"`
	Total      int           `json:"rows_in_target"`
	Digest     string        `json:"digest_of_target,omitempty"`
	Verified   bool          `json:"verified"`
	Sealed     bool          `json:"sealed"`
	Failures   []failureView `json:"failures"`
}

type failureView struct {
	ID     string `json:"id"`
	User   string `json:"user"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// showMigration reports what was done, also when it ended early.
func (a *App) showMigration(p pair, o migrateOptions, res *migrate.Result, err error) error {
	v := migrationView{
		Schema: "migration/v1", From: p.from.String(), To: p.to.String(), DryRun: o.dryRun, Moved: o.move,
		Rows: res.Rows, Copied: res.Copied, Updated: res.Updated, Present: res.Present, Failed: res.Failed,
		Deleted: res.Deleted, NeedsLogin: res.NeedsLogin, Events: res.Events, Total: res.Total, Digest: res.Digest,
		Verified: err == nil && !o.dryRun, Sealed: a.keys != nil && !o.clear, Failures: []failureView{},
	}
	var errs []error
	for _, f := range res.Failures {
		v.Failures = append(v.Failures, failureView{f.ID, f.User, f.Err.Error(), f.Hint})
		errs = append(errs, withHint(fmt.Errorf("%s: %w", nameOf(&tokenkeep.Token{ID: f.ID, UserName: f.User}), f.Err), "%s", f.Hint))
	}
	if a.cfg.JSON {
		if err := a.IO.JSON(v); err != nil {
			return err
		}
	} else {
		a.tellMigration(&v, res.Changed)
	}
	if err != nil {
		return migrationError(err)
	}
	if res.Failed == 0 {
		return nil
	}
	return withHint(&partialError{total: res.Rows, errs: errs, rows: res.Failed}, "%s", hintFor(errs[0]))
}

func (a *App) tellMigration(v *migrationView, changed bool) {
	if v.DryRun {
		a.IO.Note("dry run: nothing was changed")
	}
	for _, f := range v.Failures {
		a.IO.Warn("not copied: %s: %s", ui.Plain(nameOf(&tokenkeep.Token{ID: f.ID, UserName: f.User})), ui.Plain(f.Reason))
	}
	a.IO.Note("%d rows: %d copied, %d updated, %d there already, %d failed; %d deleted from %s", v.Rows, v.Copied, v.Updated, v.Present, v.Failed, v.Deleted, v.From)
	if v.NeedsLogin > 0 {
		a.IO.Note("%d of them need a login, in %s as before", v.NeedsLogin, v.To)
	}
	if v.Verified {
		a.IO.Done("%s was read again: all %d rows are right (digest %s)", v.To, v.Total, v.Digest[:16])
	}
	if v.Events > 0 {
		a.IO.Note("%d events of the history: they stay in %s too", v.Events, v.From)
	}
	if v.Sealed {
		a.IO.Note("the rows are sealed in %s, which other programs than tokenkeep cannot read; --clear writes them in clear", v.To)
	} else if a.keys != nil {
		a.IO.Warn("the rows are in clear in %s", v.To)
	}
	if changed {
		a.IO.Note("other programs refreshed logins in it meanwhile")
	}
}

// migrationError gives what ended a migration its class and its next step.
func migrationError(err error) error {
	if errors.Is(err, migrate.ErrSame) {
		return withHint(usagef("%w; nothing was deleted", err), "name two stores")
	}
	return withHint(storeError("migrate", err), "what was copied stays; when the cause is gone, run it again: %s", hintFor(storeError("migrate", err)))
}
