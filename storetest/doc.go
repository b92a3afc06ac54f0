// Package storetest checks a [tokenkeep.TokenStore]: that it does what the
// interface promises, and how much may be trusted to it. It is what tokenkeep's
// own stores are tested with, and needs nothing but the standard library.
//
// A store author writes one test:
//
//	func TestMyStore(t *testing.T) {
//		storetest.Run(t, storetest.Config{
//			Open: func(ctx context.Context, dsn string) (tokenkeep.TokenStore, error) {
//				return mystore.Open(ctx, dsn)
//			},
//			NewDSN: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens") },
//		})
//	}
//
// # Levels
//
// A store reaches the highest [Level] at which, and below which, no check fails:
//
//   - basic: the six operations work, keep every field whatever it holds, and
//     find exactly the row that was meant. Enough for one process.
//   - versioned: SaveToken with a version is compare-and-swap, so goroutines and
//     processes that share the store lose no save, and a token that many of them
//     need is refreshed once. A memory-only store shows it with goroutines.
//   - durable: what SaveToken acknowledged is there after SIGKILL, whole; and a
//     process that dies in the middle of a refresh costs nobody a login.
//
// SIGKILL takes the process, not the machine: the suite does not show that data
// was flushed to the disk before a power cut.
//
// # Phases
//
// The name of a check is its phase and what it looks at:
//
//   - functional/: each operation, alone.
//   - versioned/: compare-and-swap, by many goroutines.
//   - processes/: many processes that open, save and count at once.
//   - durable/: processes that are killed amid saves.
//   - keeper/: the refresh transaction of tokenkeep over the store, with
//     processes that are killed or stopped at each of its steps.
//   - history/: what a store does that is a [tokenkeep.Historian], and skipped for
//     others. These checks do not count for the level.
//
// Choose with go test's -run, such as -run 'TestMyStore/durable'.
//
// # Child processes
//
// The suite starts the test binary again, with -test.run set to the calling test
// and a task in its environment; [Run] finds the task, does it, and ends the
// process. A test needs no TestMain for that, but what it does before Run is done
// in the children too: keep it short, or skip it when [IsChild] says so. Children
// are killed when their check ends, and end by themselves when the parent dies.
//
// # How long it takes
//
// Under a minute on two cores for a store on a local disk; a few seconds with
// -short, which does the same with smaller numbers. STORETEST_LONG=1 kills 200
// processes in the middle of saves where 25 is the usual number.
package storetest
