package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootLong = `tokenkeep logs users in at Zoho once and keeps them logged in: it stores their
tokens, refreshes them before they expire, and hands them out.

Standard output is data; notes, questions and errors are on standard error.
A flag beats the environment, and the environment beats the configuration file
tokenkeep/config.toml in your configuration directory.

Environment: ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_CLIENT_SECRET_FILE, ZOHO_DC,
ZOHO_ACCOUNTS_SERVER, ZOHO_API_DOMAIN, TOKENKEEP_STORE, TOKENKEEP_STORE_PASSWORD,
TOKENKEEP_STORE_PASSWORD_FILE, TOKENKEEP_KEY_FILE, TOKENKEEP_KEY,
TOKENKEEP_KEY_COMMAND, TOKENKEEP_KEY_KEYRING, TOKENKEEP_REQUIRE_SEALED,
TOKENKEEP_ALLOW_CORE, TOKENKEEP_IDLE_TIMEOUT, TOKENKEEP_SESSION_LIFETIME,
TOKENKEEP_MAX_LOGINS, TOKENKEEP_REFUSE_LOGINS, BROWSER, NO_COLOR.

Stores: sqlite:PATH (default: in your data directory), file:PATH, memory:,
mysql://USER@HOST:PORT/DATABASE?table=NAME, postgres://… likewise, and
redis://USER@HOST:PORT/NUMBER?prefix=NAME (rediss:// over TLS). MySQL and PostgreSQL
on other machines are spoken to over TLS, unless the URL has tls=false. A password is
never an argument: it is in TOKENKEEP_STORE_PASSWORD, in the file that
TOKENKEEP_STORE_PASSWORD_FILE names, in the URL of TOKENKEEP_STORE, or in the
configuration file (store_password, store_password_file).

With a key the store is sealed: every token is encrypted when it is saved. The key is
never an argument. It is in the file of --key-file or TOKENKEEP_KEY_FILE, in
TOKENKEEP_KEY, on the standard output of TOKENKEEP_KEY_COMMAND (run without a
shell), or in the system's keyring under the SERVICE/ACCOUNT of
TOKENKEEP_KEY_KEYRING; or where key_file, key_command or key_keyring of the
configuration file say.

Exit codes: 0 ok, 1 failed, 2 usage, 3 no such token, 4 login needed, 5 scope or
permission missing, 6 Zoho API error, 7 store unreadable, locked or its key missing,
8 some of several failed, 75 throttled or temporarily out of order, 130 interrupted.`

// newRoot makes the whole tree of commands.
func newRoot(a *App, extra []Command) *cobra.Command {
	root := &cobra.Command{
		Use:               "tokenkeep",
		Short:             "Log in to Zoho once, stay logged in",
		Long:              rootLong,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.start,
	}
	globalFlags(root.PersistentFlags())
	shortHelp(root)
	for _, c := range append(commands(), extra...) {
		root.AddCommand(c(a))
	}
	quietCompletion(root)
	return root
}

// commands lists the commands of this package.
func commands() []Command {
	return []Command{
		newLogin, newStatus, newToken, newRefresh, newLogout, newSwitch,
		newTokens, newStore, newAPI, newExec, newFake, newDoctor, newWhy, newVersion,
	}
}

func globalFlags(f *pflag.FlagSet) {
	f.String("store", "", "store `URL`: sqlite:PATH, file:PATH, memory:, mysql://…, postgres://… or redis://…, without a password (default: sqlite in your data directory)")
	f.String("key-file", "", "`FILE` with the key that the store is sealed with (see tokenkeep store new-key)")
	f.Bool("require-sealed", false, "refuse tokens that are stored in clear")
	f.String("client-id", "", "OAuth client `ID` from Zoho's API console")
	f.String("client-secret-file", "", "`FILE` with the client secret, one per line; - is standard input")
	f.String("dc", "", "data centre `CODE` to log in at: us, eu, in, au, jp, cn, ca, sa, uk, ae, sg (default us)")
	f.String("accounts-server", "", "accounts server `URL` of a custom data centre; needs --api-domain")
	f.String("api-domain", "", "API domain `URL` of a custom data centre")
	f.String("idle-timeout", "", "end sessions that are not used for this `DURATION`, such as 30d (default: no limit)")
	f.String("session-lifetime", "", "end sessions this `DURATION` after the login, such as 90d (default: no limit)")
	f.String("max-logins", "", "let a user have this `NUMBER` of logins; one more ends the oldest (default: no limit)")
	f.Bool("json", false, "print JSON, errors too")
	f.Bool("no-input", false, "never ask a question")
	f.Bool("quiet", false, "no notes and no progress")
	f.Bool("verbose", false, "log what happens on standard error; never a secret")
	f.Duration("timeout", 0, "give up after this `DURATION`, such as 30s")
}

// rareFlags are shown by the help of tokenkeep alone, not by that of each command.
var rareFlags = []string{
	"accounts-server", "api-domain", "idle-timeout", "key-file", "max-logins", "require-sealed", "session-lifetime",
}

// shortHelp leaves the rare flags out of the help of commands, and wraps the rest.
func shortHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.NewReplacer(
		"Global Flags:", "Global Flags (tokenkeep --help has all):",
		".FlagUsages", ".FlagUsagesWrapped 80",
	).Replace(root.UsageTemplate()))
	show := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		for _, name := range rareFlags {
			root.PersistentFlags().Lookup(name).Hidden = cmd != root
		}
		show(cmd, args)
	})
}

// changedFlags returns the flags that were given on the command line.
func changedFlags(cmd *cobra.Command) []*pflag.Flag {
	var list []*pflag.Flag
	cmd.Flags().Visit(func(f *pflag.Flag) { list = append(list, f) })
	return list
}

// quietCompletion gives cobra's completion command and keeps it from needing
// settings.
func quietCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.PersistentPreRunE = func(*cobra.Command, []string) error { return nil }
			c.RunE = func(c *cobra.Command, _ []string) error {
				return usagef("completion needs a shell: %s", childNames(c))
			}
		}
	}
}

// group makes a command that has commands and does nothing itself.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("%s needs a command: %s", cmd.CommandPath(), childNames(cmd))
		},
	}
	c.AddCommand(children...)
	return c
}

func childNames(cmd *cobra.Command) string {
	var list []string
	for _, c := range cmd.Commands() {
		list = append(list, c.Name())
	}
	return strings.Join(list, ", ")
}

func newVersion(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.cfg.JSON {
				return a.IO.JSON(map[string]string{"version": a.Version})
			}
			_, err := fmt.Fprintln(a.IO.Out, "tokenkeep", a.Version)
			return err
		},
	}
}
