package cli

import (
	"fmt"
	"io"
)

// protectMemory keeps the tokens and keys in this process's memory out of core files,
// unless $TOKENKEEP_ALLOW_CORE is set, for those who look for a bug. A system that
// refuses is told of and does not keep the program from working.
func protectMemory(getenv func(string) string, warnings io.Writer) {
	if getenv("TOKENKEEP_ALLOW_CORE") != "" {
		return
	}
	if err := forbidCore(); err != nil {
		fmt.Fprintf(warnings, "tokenkeep: core files cannot be forbidden (%v): after a crash one may hold tokens; run it under ulimit -c 0\n", err)
	}
}
