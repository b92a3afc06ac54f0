package demo

import (
	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli"
)

// processCommand is the hidden command that the demo starts further processes of
// this program with.
const processCommand = "demo-process"

const long = `The whole story of a login, told by the code that you will use, against a fake
Zoho on this machine: two users log in and call CRM, tokens expire under load, a
process is killed in the middle of a refresh, Zoho fails and throttles, a login
is revoked. It takes less than a minute and needs no network and no account.

Everything that it prints was measured and checked in this run; if a check fails
it says what was expected and what was seen, and exits with 1.`

// Command returns the command "demo". It is a [cli.Command].
func Command(a *cli.App) *cobra.Command {
	o := Options{IO: a.IO}
	c := &cobra.Command{
		Use: "demo", Short: "Watch everything work, offline, in under a minute", Long: long,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.JSON, err = cmd.Flags().GetBool("json"); err != nil {
				return err
			}
			if o.Process, err = self(); err != nil {
				return err
			}
			return Run(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.Keep, "keep", false, "keep the temporary folder with the tokens of the fake")
	return c
}

// ProcessCommand returns the hidden command that is a further process of the
// demo; see [RunProcess]. It is a [cli.Command].
func ProcessCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: processCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return RunProcess(cmd.Context(), a.IO.In, a.IO.Out)
		},
	}
}
