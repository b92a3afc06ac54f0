package mutants_test

// sealProtections are those of sealed stores, in the library and in the command line.
var sealProtections = []protection{
	{name: "a key that rows need is not retired", module: "store/sealedstore", file: "store/sealedstore/rotate.go", old: "if n := uses[keyID]; n > 0 {", new: "if n := uses[keyID]; n < 0 {", test: "TestRetireRefusesAKeyInUse"},
	{name: "a key that the journal needs is not retired", module: "store/sealedstore", file: "store/sealedstore/rotate.go", old: "if n := also[keyID]; n > 0 {", new: "if n := also[keyID]; n < 0 {", test: "TestRetireAsksWhatElseIsSealed"},
	{name: "a key comes back that a row needs meanwhile", module: "store/sealedstore", file: "store/sealedstore/rotate.go", old: "errors.Join(err, s.keys.bringBack(ctx, text))", new: `errors.Join(err, s.keys.bringBack(ctx, text[:0]))`, test: "TestRetireBringsAKeyBackThatComesIntoUse"},
	{name: "a seal is bound to the row", module: "store/sealedstore", file: "store/sealedstore/row.go", old: "{t.ID, t.UserName, t.ClientID,", new: "{t.UserName, t.ClientID,", test: "TestNamelessRowsAreBoundToTheirIDs"},
	{name: "a seal is bound to the user", module: "store/sealedstore", file: "store/sealedstore/row.go", old: "{t.ID, t.UserName, t.ClientID,", new: "{t.ID, t.ClientID,", test: "TestMovedCiphertextDoesNotOpen"},
	{name: "a program without a key reads no fingerprints", module: "store/sealedstore", file: "store/sealedstore/guard.go", old: `if err == nil && id != "" {`, new: "if false {", test: "TestGuardRefusesSealedRows"},
	{name: "a program without a key writes over nothing", module: "store/sealedstore", file: "store/sealedstore/guard.go", old: "if t.Version == 0 {", new: "if false {", test: "TestGuardRefusesSealedRows"},
	{name: "a record of the journal that was used stays gone", file: "internal/journal/journal.go", old: "return false, d.Remove(next)", new: "return false, nil", test: "TestSealJournalBringsNothingBack"},
	{name: "the journal is sealed anew before a key goes", module: "cmd", pkg: "internal/cli", file: "cmd/internal/cli/rotation.go", old: "for _, folder := range r.opt.journals {", new: "for _, folder := range r.opt.journals[:0] {", test: "TestRotationKeepsTheKeyOfTheJournal"},
	{name: "sealing cleans the file", module: "cmd", pkg: "internal/cli", file: "cmd/internal/cli/rotation.go", old: "if !r.opt.sealOnly && r.rows.Clear == 0 {", new: "if r.place.OnFile() {", test: "TestSealingLeavesNothingInClear"},
	{name: "a crash leaves no core", module: "cmd", pkg: "internal/cli", file: "cmd/internal/cli/core_linux.go", old: "unix.PR_SET_DUMPABLE, 0,", new: "unix.PR_SET_DUMPABLE, 1,", test: "TestCrashLeavesNoCore"},
}
