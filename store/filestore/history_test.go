package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// event returns the nth event of a history, at its own second.
func event(n int) tokenkeep.Event {
	return tokenkeep.Event{
		Kind: tokenkeep.Refreshed, TokenID: "1000000000", UserName: "ann", Version: int64(n) + 1,
		Time: time.Unix(1767225600+int64(n), 0).UTC(), Reason: "two\nlines",
	}
}

func appendEvents(tb testing.TB, s *filestore.Store, from, to int) {
	tb.Helper()
	var events []tokenkeep.Event
	for n := from; n < to; n++ {
		events = append(events, event(n))
	}
	if err := s.AppendEvents(tb.Context(), events); err != nil {
		tb.Fatal(err)
	}
}

// numbers returns which events the history has, by their versions.
func numbers(tb testing.TB, s *filestore.Store) (all []int) {
	tb.Helper()
	for e, err := range s.Events(tb.Context(), tokenkeep.EventQuery{}) {
		if err != nil {
			tb.Fatal(err)
		}
		n := int(e.Version) - 1
		if e != event(n) {
			tb.Errorf("event %d came back as %+v", n, e)
		}
		all = append(all, n)
	}
	return all
}

func wantNumbers(tb testing.TB, s *filestore.Store, want ...int) {
	tb.Helper()
	if got := numbers(tb, s); fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("events %v, want %v", got, want)
	}
}

// A line that a process did not finish, or a power failure spoiled, takes no other
// with it, neither before the next append nor after it.
func TestHistoryWithDamagedLines(t *testing.T) {
	for name, tail := range map[string]string{
		"torn": `{"kind":"refreshed","ti`, "one byte": "{", "zeros": strings.Repeat("\x00", 300), "another line": "x\n", "of nothing": "{}\n",
		"two": "\n\x00\n" + `{"kind":"refr`,
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "")
			s := open(t, path, nil)
			appendEvents(t, s, 0, 2)
			write(t, path+".history", read(t, path+".history")+tail)
			wantNumbers(t, s, 0, 1)
			appendEvents(t, s, 2, 4)
			wantNumbers(t, s, 0, 1, 2, 3)
			n, err := s.PruneEvents(t.Context(), event(1).Time)
			if err != nil || n != 1 {
				t.Errorf("pruned %d, %v", n, err)
			}
			wantNumbers(t, s, 1, 2, 3)
			if text := read(t, path+".history"); strings.Count(text, "\n") != 3 || strings.Contains(text, "\x00") {
				t.Errorf("the pruned history is %q", text)
			}
		})
	}
}

// The history does not grow without bound: what goes is the oldest.
func TestHistoryIsBounded(t *testing.T) {
	const limit = 8 << 10
	path := file(t, "")
	s := open(t, path, &filestore.Options{HistoryBytes: limit})
	for n := range 500 {
		appendEvents(t, s, n, n+1)
		if size := len(read(t, path+".history")); size > limit {
			t.Fatalf("%d bytes after %d events", size, n+1)
		}
	}
	kept := numbers(t, s)
	for i, n := range kept {
		if n != 500-len(kept)+i {
			t.Fatalf("of 500 events %v are left", kept)
		}
	}
	if len(kept) < 20 {
		t.Errorf("only %d events are left", len(kept))
	}
	if temps := leftovers(t, path); len(temps) > 0 {
		t.Errorf("left behind: %q", temps)
	}
}

// Who writes the history for long keeps nobody from a token.
func TestTokensDoNotWaitForTheHistory(t *testing.T) {
	path := file(t, "")
	s := open(t, path, &filestore.Options{LockWait: 50 * time.Millisecond})
	appendEvents(t, s, 0, 1)
	other := flock.New(path + ".history.lock")
	if ok, err := other.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	tok := login("ann")
	save(t, s, tok)
	save(t, s, tok)
	byID(t, s, tok.ID)
	wantNumbers(t, s, 0) // nor does a reader wait
	err := s.AppendEvents(t.Context(), []tokenkeep.Event{event(1)})
	if tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable {
		t.Errorf("append beside one that hangs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PruneEvents(ctx, event(1).Time); !errors.Is(err, context.Canceled) {
		t.Errorf("prune with a cancelled context: %v", err)
	}
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}
	appendEvents(t, s, 1, 2)
	wantNumbers(t, s, 0, 1)
}

// The reader sees the history as it was or as it is, while old events go.
func TestPruneBesideAReader(t *testing.T) {
	s := open(t, file(t, ""), nil)
	appendEvents(t, s, 0, 1000)
	var seen int
	for e, err := range s.Events(t.Context(), tokenkeep.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen == 0 {
			if n, err := s.PruneEvents(t.Context(), event(900).Time); err != nil || n != 900 {
				t.Fatalf("pruned %d, %v", n, err)
			}
		}
		if int(e.Version) != seen+1 {
			t.Fatalf("event %d at place %d", e.Version-1, seen)
		}
		seen++
	}
	if left := len(numbers(t, s)); seen != 1000 || left != 100 {
		t.Errorf("%d seen, %d left", seen, left)
	}
}

// What a process that died in a prune left is removed by the next.
func TestKilledPruneIsCleanedUp(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	appendEvents(t, s, 0, 2)
	temp := filepath.Join(dirOf(path), "."+filepath.Base(path)+".history.ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp")
	write(t, temp, "half")
	wantNumbers(t, s, 0, 1)
	if _, err := s.PruneEvents(t.Context(), event(1).Time); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, s, 1)
	if temps := leftovers(t, path); len(temps) > 0 {
		t.Errorf("left behind: %q", temps)
	}
}

func TestHistoryModes(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o660} {
		path := file(t, "")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		s := open(t, path, nil)
		appendEvents(t, s, 0, 2)
		if _, err := s.PruneEvents(t.Context(), event(1).Time); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path + ".history", path + ".history.lock"} {
			if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s beside a token file of mode %v: %v, %v", filepath.Base(p), mode, info.Mode(), err)
			}
		}
	}
}

// A store that may not be written can be asked, and says that it keeps nothing.
func TestHistoryNotWritten(t *testing.T) {
	path := file(t, "")
	appendEvents(t, open(t, path, nil), 0, 1)
	closed, err := filestore.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		s    *filestore.Store
		want error
	}{
		"read-only":  {open(t, path, &filestore.Options{ReadOnly: true}), tokenkeep.ErrReadOnly},
		"no history": {open(t, path, &filestore.Options{HistoryBytes: -1}), tokenkeep.ErrNoHistory},
		"closed":     {closed, tokenkeep.ErrClosed},
	} {
		before := read(t, path+".history")
		if err := c.s.AppendEvents(t.Context(), []tokenkeep.Event{event(1)}); !errors.Is(err, c.want) {
			t.Errorf("%s: append: %v", name, err)
		}
		if _, err := c.s.PruneEvents(t.Context(), event(9).Time); !errors.Is(err, c.want) {
			t.Errorf("%s: prune: %v", name, err)
		}
		if read(t, path+".history") != before {
			t.Errorf("%s: the history was changed", name)
		}
		var last error
		for _, err := range c.s.Events(t.Context(), tokenkeep.EventQuery{}) {
			last = err
		}
		if name == "read-only" && last != nil || name != "read-only" && !errors.Is(last, c.want) {
			t.Errorf("%s: read: %v", name, last)
		}
	}
}
