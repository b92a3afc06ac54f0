// Package matrix is the crash matrix: real processes that share a store are
// killed, stopped and cut off at each step of a refresh, on every store and for
// every rotation policy, and what the next process finds is compared with what is
// allowed and with docs/crash-matrix.md, which it writes.
//
//	go test ./internal/matrix                              a part: SQLite with all faults, the other stores with some
//	TOKENKEEP_MATRIX=1 go test -v ./internal/matrix        all cells, compared with docs/crash-matrix.md
//	TOKENKEEP_MATRIX=write go test -v ./internal/matrix    all cells, written to docs/crash-matrix.md
//
// It has tests alone. The rows and what they may end in are in rows_*_test.go; how
// a cell is judged is in judge_test.go.
package matrix
