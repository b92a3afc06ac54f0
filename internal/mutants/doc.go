// Package mutants checks the tests: it takes one protection away at a time, in a
// copy of the module, and sees the named test go red.
//
//	TOKENKEEP_MUTANTS=1 go test ./internal/mutants
//
// A protection that no test misses is either not needed or not tested; both are
// defects. The list is in protections_test.go.
package mutants
