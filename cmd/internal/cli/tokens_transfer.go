package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/transfer"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/store/filestore"
	"github.com/tokenkeep/tokenkeep/zoho"
)

func newTokensImport(a *App) *cobra.Command {
	var dryRun, replace bool
	cmd := &cobra.Command{
		Use:   "import FILE|URL",
		Short: "Take tokens from a file or database of Zoho's SDKs, or from an export",
		Long: `Takes the tokens of FILE into the store. FILE is recognised by its content: the token
file of any of Zoho's SDKs (sdk_tokens.txt), a SQLite file with Zoho's table
oauthtoken, or what "tokens export --format json --include-secrets" wrote. URL is
the database of Zoho's SDKs, such as mysql://root@localhost/zohooauth, with
?table=NAME if the table is not oauthtoken; its password is taken from
TOKENKEEP_FROM_PASSWORD or TOKENKEEP_FROM_PASSWORD_FILE. Neither is changed, and no
column is added. All rows are checked before the first is saved.

Afterwards two programs have each login: stop the one that was imported from, or
let both use one table (see docs/migrating.md). A store of tokenkeep's own is moved
by "store migrate".`,
		Example: "  tokenkeep tokens import sdk_tokens.txt\n  tokenkeep tokens import mysql://root@localhost/zohooauth --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importTokens(cmd.Context(), args[0], replace, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would happen, and save nothing")
	cmd.Flags().BoolVar(&replace, "replace", false, "let the file's logins replace others of the same users")
	return cmd
}

func (a *App) importTokens(ctx context.Context, path string, replace, dryRun bool) error {
	src, err := a.importSource(ctx, path)
	if err != nil {
		return err
	}
	s, err := a.store(ctx)
	if err != nil {
		return err
	}
	defer a.IO.Progress(fmt.Sprintf("importing %d rows", len(src.Tokens)))()
	items, err := transfer.Plan(ctx, s, src.Tokens, transfer.Options{Locate: a.locate, Replace: replace})
	if err == nil && !dryRun {
		err = transfer.Apply(ctx, s, items)
	}
	if err != nil {
		return storeError("import: nothing was taken", err)
	}
	for _, w := range src.Warnings {
		a.IO.Warn("%s", ui.Plain(w))
	}
	return a.showImport(src.Kind, items, dryRun)
}

// importSource reads the tokens of a file or of a database.
func (a *App) importSource(ctx context.Context, path string) (*transfer.Source, error) {
	if !stores.IsServer(path) {
		src, err := transfer.Open(ctx, path, a.IO.In)
		return src, importError(err)
	}
	l, err := a.argument("FROM", path)
	if err != nil {
		return nil, err
	}
	own, err := a.location()
	if err == nil && stores.Same(own, l) {
		return nil, withHint(usagef("it is the store itself"), "name another store with --store, which the tokens are to go to")
	}
	if err := a.setPassword("FROM", &l, err == nil && !own.OnServer()); err != nil {
		return nil, err
	}
	s, err := a.openSource(ctx, l, false)
	if err != nil {
		return nil, err
	}
	list, err := rows(ctx, s)
	return &transfer.Source{Kind: l.Scheme, Tokens: list}, err
}

func importError(err error) error {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, transfer.ErrDump):
		return withHint(fmt.Errorf("import: %w", err), "load it into a MySQL or MariaDB (mysql DATABASE < FILE), then: tokenkeep tokens import mysql://USER@HOST/DATABASE")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return withHint(fmt.Errorf("import: %w", err), "check the path and its mode")
	case errors.Is(err, transfer.ErrUnknown):
		return withHint(fmt.Errorf("import: %w", err), "name the file that the other program keeps its tokens in")
	}
	return withHint(fmt.Errorf("import: %w", err), "nothing was taken; correct the file and run it again")
}

// locate finds the data centre of an API domain: the configured one, or Zoho's.
func (a *App) locate(apiDomain string) (code, accounts string, err error) {
	if own, err := a.dataCentre(); err == nil && own.API == strings.TrimSuffix(apiDomain, "/") {
		return own.Code, own.Accounts, nil
	}
	dc, err := zoho.ByAPIDomain(apiDomain)
	return dc.Code, dc.Accounts, err
}

// An importView is a row of an import as JSON.
type importView struct {
	Row    int             `json:"row"`
	From   string          `json:"from_id,omitempty"`
	ID     string          `json:"id,omitempty"`
	User   string          `json:"user"`
	DC     string          `json:"dc"`
	Action transfer.Action `json:"action"`
	Reason string          `json:"reason,omitempty"`
}

func (a *App) showImport(kind string, items []*transfer.Item, dryRun bool) error {
	count := map[transfer.Action]int{}
	views := make([]importView, len(items))
	table := ui.NewTable("ROW", "ACTION", "USER", "DC", "REFRESH TOKEN", "ID", "NOTE")
	for i, it := range items {
		t := it.Token
		count[it.Action]++
		views[i] = importView{it.Row, it.From, t.ID, t.UserName, t.DataCentre, it.Action, it.Reason}
		table.Add(ui.Text(fmt.Sprint(it.Row), string(it.Action), nameOrNone(t), t.DataCentre, t.RefreshToken.Masked(), t.ID, it.Reason)...)
	}
	taken := count[transfer.Add] + count[transfer.Update]
	if dryRun {
		a.IO.Note("dry run: nothing was saved")
	}
	a.IO.Done("%s: %d rows taken (%d new, %d updated), %d skipped", kind, taken, count[transfer.Add], count[transfer.Update], count[transfer.Skip])
	if a.cfg.JSON {
		return a.IO.JSON(map[string]any{
			"schema": "import/v1", "kind": kind, "dry_run": dryRun, "taken": taken, "skipped": count[transfer.Skip], "rows": views,
		})
	}
	if len(items) == 0 {
		return nil
	}
	return table.Write(a.IO.Out)
}

func newTokensExport(a *App) *cobra.Command {
	var format, output string
	var secrets, force bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the stored tokens as JSON or as a file of Zoho's SDKs",
		Long: `Writes all tokens. Without --include-secrets they are masked, and such an export
cannot be imported. The form zoho-file is what Zoho's SDKs read, and is of no
use without secrets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.export(cmd.Context(), format, output, secrets, force)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "json", "`FORMAT`: json or zoho-file")
	f.StringVarP(&output, "output", "o", "-", "`FILE` to write, with mode 0600; - is standard output")
	f.BoolVar(&secrets, "include-secrets", false, "write the secrets in clear")
	f.BoolVar(&force, "force", false, "write over an existing file")
	return cmd
}

func (a *App) export(ctx context.Context, format, output string, secrets, force bool) error {
	if format != transfer.KindJSON && format != transfer.KindZohoFile {
		return usagef("--format %q: there are json and zoho-file", format)
	}
	if format == transfer.KindZohoFile && !secrets {
		return withHint(usagef("a zoho-file without its secrets is of no use to Zoho's SDKs"), "add --include-secrets, or use --format json")
	}
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	list, err := rows(ctx, s)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := a.encode(&b, format, list, secrets); err != nil {
		return withHint(fmt.Errorf("export: %w", err), "export with --format json, or change the value")
	}
	return a.writeExport(b.Bytes(), output, len(list), secrets, force)
}

func (a *App) encode(b *bytes.Buffer, format string, list []*tokenkeep.Token, secrets bool) error {
	if format == transfer.KindJSON {
		return transfer.WriteJSON(b, list, secrets)
	}
	return filestore.Write(b, list)
}

func (a *App) writeExport(data []byte, output string, n int, secrets, force bool) error {
	if output == "-" {
		if secrets && a.IO.OutIsTerminal() {
			a.IO.Warn("these are secrets; whoever reads them can act as the users")
		}
		_, err := a.IO.Out.Write(data)
		return err
	}
	err := transfer.WriteFile(output, data, force)
	if errors.Is(err, transfer.ErrExists) {
		return withHint(fmt.Errorf("export: %w", err), "choose another file, or add --force")
	}
	if err != nil {
		return withHint(fmt.Errorf("export: %w", err), "check the folder and the disk")
	}
	word := "masked"
	if secrets {
		word = "with their secrets in clear"
	}
	a.IO.Done("wrote %d tokens to %s, %s", n, output, word)
	return nil
}
