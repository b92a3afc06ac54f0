package storetest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A Config tells the suite how to reach the store under test.
type Config struct {
	// Open opens the store on dsn. It is called many times, in this process and
	// in child processes; for one dsn all of them must see the same tokens. If
	// the store implements io.Closer, the suite closes it. Required.
	Open func(ctx context.Context, dsn string) (tokenkeep.TokenStore, error)

	// NewDSN returns a fresh and empty place, such as a file in tb.TempDir() or a
	// new table. It must not be used before. It is called in the parent process
	// only. Required.
	NewDSN func(tb testing.TB) string

	// MemoryOnly says that processes do not share the store and that it does not
	// outlive its process. The checks that need either are skipped, and the
	// highest level is Versioned.
	MemoryOnly bool

	// Level is the highest level to check; the zero Level means all. Set it for a
	// store that does not claim more.
	Level Level

	// Unwritable lists the characters that the store may refuse to keep, with an
	// error that wraps tokenkeep.ErrInvalid. What it does not refuse must come
	// back unchanged. Empty: it keeps everything that Token.Validate lets pass.
	Unwritable string

	// MaxBytes is the size of the greatest token that the store keeps, as the sum
	// of the bytes of its text fields, for a store whose records are limited. A
	// greater one it may refuse, with an error that wraps tokenkeep.ErrInvalid.
	// Zero: it keeps everything that Token.Validate lets pass.
	MaxBytes int

	// Short makes the suite small (a few seconds). It is implied by the flag
	// -short of go test.
	Short bool

	// Long makes it kill 200 processes amid saves, and count higher. It is implied
	// by the environment variable STORETEST_LONG=1, and wins over Short.
	Long bool

	// Kills is how many processes are killed amid saves. Zero means 25; 4 when
	// Short, 200 when Long.
	Kills int

	// Limit is the time that one check may take; one that takes longer failed.
	// Zero means 90 seconds; 30 when Short, ten minutes when Long. Raise it for a
	// store far away.
	Limit time.Duration
}

// A Level says what may be trusted to a store. Each includes those before it.
type Level string

// The levels.
const (
	// None: the store breaks the contract of tokenkeep.TokenStore.
	None Level = "none"
	// Basic: the six operations work, for one process.
	Basic Level = "basic"
	// Versioned: compare-and-swap holds, so many processes may share the store
	// (many goroutines, for a memory-only one).
	Versioned Level = "versioned"
	// Durable: what a save acknowledged survives SIGKILL.
	Durable Level = "durable"
)

// levels is in ascending order.
func levels() []Level { return []Level{None, Basic, Versioned, Durable} }

// rank orders levels; an unknown one ranks highest, so that nothing is skipped.
func (l Level) rank() int {
	for i, known := range levels() {
		if l == known {
			return i
		}
	}
	return len(levels())
}

// sizes are the numbers that make the suite long or short.
type sizes struct {
	rows       int           // tokens saved to see ids and lists
	goroutines int           // writers in one process
	rounds     int           // compare-and-swap increments of each of them
	processes  int           // writers in processes of their own
	saves      int           // saves of each process
	pairSaves  int           // saves of each of two processes
	kills      int           // processes killed amid saves
	flights    int           // goroutines of each process that ask for one token
	claim      time.Duration // for which a dead process's claim holds
	limit      time.Duration // for one check, after which it failed
}

func (c *Config) sizes() sizes {
	s := sizes{
		rows: 1000, goroutines: 64, rounds: 4, processes: 8, saves: 25, pairSaves: 200,
		kills: 25, flights: 64, claim: 5 * time.Second, limit: 90 * time.Second,
	}
	switch {
	case c.Long || os.Getenv("STORETEST_LONG") == "1":
		s.kills, s.rounds, s.limit = 200, 16, 10*time.Minute
	case c.Short || testing.Short():
		s.rows, s.goroutines, s.rounds, s.processes, s.saves = 101, 16, 2, 3, 10
		s.pairSaves, s.kills, s.flights, s.claim = 30, 4, 16, time.Second
		s.limit = 30 * time.Second
	}
	if c.Kills > 0 {
		s.kills = c.Kills
	}
	if c.Limit > 0 {
		s.limit = c.Limit
	}
	return s
}
