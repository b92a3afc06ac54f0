//go:build unix

package matrix

import (
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A task is what a process of a cell does. It comes on standard input, so that no
// secret is in an argument or in the environment.
type task struct {
	Place  place
	Policy tokenkeep.Rotation
	Server server
	Folder string // of the cell: the fault that the store has, and the journal
	// Journal is the folder of the rescue journal; empty: none.
	Journal string
	ID      string // of the row
	Seed    *seed  // the row, for a store that lives in the process
	Claim   time.Duration
	Flight  time.Duration
	// Pause lists the steps before which the process says so and waits.
	Pause []int
	// Patient asks again until there is a token or no hope.
	Patient bool
	// Recover merges the rescue journal first.
	Recover bool
}

// A server is where the authorization server of a cell listens.
type server struct{ Accounts, API, ClientSecret string }

// A seed is a login.
type seed struct{ User, Refresh, Access string }

// The orders of the parent, one a line.
const (
	orderGo    = "go"    // on with a step at which the process waits
	orderAgain = "again" // ask for a token once more
)

// A report is a line of a process on its standard output.
type report struct {
	At     string  // where it waits: the number of a step, or "save"
	Answer *answer // or what a call for a token came to
}

// An answer is what a call for a token came to.
type answer struct {
	Token    string
	Version  int64
	Class    tokenkeep.Class // of the error, if there is no token
	Error    string
	Events   map[tokenkeep.EventKind]int // since the process began
	Refused  []tokenkeep.Class           // the errors before the last, of a patient caller
	Took     time.Duration
	Recovery tokenkeep.RecoverReport
}
