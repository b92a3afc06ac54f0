// Tokenkeep logs users in at Zoho once and keeps them logged in. Run
// "tokenkeep --help" for its commands.
package main

import (
	"os"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli"
	"github.com/tokenkeep/tokenkeep/cmd/internal/demo"
)

func main() { os.Exit(cli.Main(os.Args[1:], demo.Command, demo.ProcessCommand)) }
