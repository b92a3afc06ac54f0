//go:build unix

package matrix

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

// modeEnv asks for all cells; "write" writes them down.
const modeEnv = "TOKENKEEP_MATRIX"

// atOnce is how many cells run at once: they wait, most of the time.
const atOnce = "16"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(runChild(os.Stdin, os.Stdout))
	}
	if err := flag.Set("test.parallel", atOnce); err != nil { // the command line may say otherwise
		panic(err)
	}
	code := m.Run()
	run.end()
	os.Exit(code)
}

// A recorder collects the cells of a run.
type recorder struct {
	mu    sync.Mutex // guards cells
	cells sheet
}

func (r *recorder) note(k, words string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells[k] = words
}

// TestMatrix plays the cells. Each must end as its fault's want allows, and as
// docs/crash-matrix.md says.
func TestMatrix(t *testing.T) {
	all := os.Getenv(modeEnv) != ""
	document, err := os.ReadFile(documentPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	written := parse(string(document))
	r := &recorder{cells: sheet{}}
	for _, policy := range policies() {
		t.Run(string(policy), func(t *testing.T) {
			for i, f := range faults() {
				if f.minute && all {
					r.playMinute(t, policy, f, written)
				}
				for j, c := range columns() {
					if what := f.missing(c); what != "" {
						r.note(key(policy, f, c), what)
					} else if !f.minute && (all || sampled(i, j, f, c)) {
						r.play(t, policy, f, c, written)
					}
				}
			}
		})
	}
	if all {
		r.compare(t, string(document))
	}
}

// sampled picks a part of the cells: every fault on SQLite, and some on the others.
func sampled(i, j int, f *fault, c *column) bool {
	if f.server && c.name != "Redis" {
		return false // those servers take seconds to start
	}
	if testing.Short() || fewer {
		return (i+j)%11 == 0
	}
	return j == 0 || (i+5*j)%9 == 0
}

// play plays one cell in a test of its own.
func (r *recorder) play(t *testing.T, policy tokenkeep.Rotation, f *fault, c *column, written sheet) {
	t.Helper()
	t.Run(f.title()+"/"+c.name, func(t *testing.T) {
		t.Parallel()
		x := newCell(t, policy, c, f)
		f.play(x)
		r.judge(t, policy, x, written)
	})
}

// judge compares the end of a cell with what is allowed, and with the document.
func (r *recorder) judge(t *testing.T, policy tokenkeep.Rotation, x *cell, written sheet) {
	t.Helper()
	words, k := x.verdict(), key(policy, x.fault, x.column)
	r.note(k, words)
	t.Logf("%s: %s (the longest wait: %v)", x.column.name, words, x.result.longest)
	if allowed := x.fault.allowed(policy, x.column); !slices.Contains(allowed, words) {
		t.Errorf("%s: it ends in %q, allowed is %q", x.column.name, words, allowed)
	}
	if was, known := written[k]; known && was != words && os.Getenv(modeEnv) != "write" {
		t.Errorf("%s: it ends in %q, docs/crash-matrix.md says %q", x.column.name, words, was)
	}
}

// compare compares the document with all cells, or writes it.
func (r *recorder) compare(t *testing.T, document string) {
	t.Helper()
	for _, policy := range policies() {
		for _, f := range faults() {
			for _, c := range columns() {
				if r.cells[key(policy, f, c)] == "" {
					t.Skip("not all cells were played: there is nothing to compare with the document")
				}
			}
		}
	}
	text, err := r.cells.render()
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case os.Getenv(modeEnv) == "write":
		if t.Failed() {
			t.Fatal("nothing is written: cells are red")
		}
		if err := os.WriteFile(documentPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	case text != document:
		t.Error("docs/crash-matrix.md differs from this run: TOKENKEEP_MATRIX=write go test ./internal/matrix writes it")
	}
	t.Log(r.cells.totals())
}
