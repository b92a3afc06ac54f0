package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

// TestMain is also the further processes of the demo.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != processCommand {
		os.Exit(m.Run())
	}
	if err := RunProcess(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A rehearsal is a run of the demo, or of some of its chapters, in a temporary
// folder of its own.
type rehearsal struct {
	Options
	tmp      string
	out, err bytes.Buffer
	stage    *stage
}

func rehearse(t *testing.T) *rehearsal {
	t.Helper()
	r := &rehearsal{tmp: t.TempDir()}
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, r.tmp)
	}
	process, err := self()
	if err != nil {
		t.Fatal(err)
	}
	r.Options = Options{IO: &ui.IO{In: strings.NewReader(""), Out: &r.out, Err: &r.err}, Process: process}
	return r
}

// play plays chapters; prepare may be nil.
func (r *rehearsal) play(ctx context.Context, chapters []chapter, prepare func(*stage)) error {
	return run(ctx, r.Options, chapters, func(st *stage) {
		r.stage = st
		if prepare != nil {
			prepare(st)
		}
	})
}

// only returns the chapters with the keys.
func only(t *testing.T, keys ...string) []chapter {
	t.Helper()
	var list []chapter
	for _, c := range script() {
		for _, k := range keys {
			if c.key == k {
				list = append(list, c)
			}
		}
	}
	if len(list) != len(keys) {
		t.Fatalf("chapters %v: found %d", keys, len(list))
	}
	return list
}

// wantEmpty checks that nothing is left behind.
func (r *rehearsal) wantEmpty(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(r.tmp)
	if err != nil || len(left) != 0 {
		t.Errorf("the temporary folder holds %v, %v", left, err)
	}
}
