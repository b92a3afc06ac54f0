package filestore_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// Another program truncates the file and writes it a little later: nobody is
// told in between that a token does not exist.
func TestTornFileIsReadAgain(t *testing.T) {
	whole := headerLine + row("1") + "\n" + row("2") + "\n" + row("3")
	for name, torn := range map[string]string{
		"empty":            "",
		"header only":      headerLine,
		"after a row":      headerLine + row("1") + "\n",
		"in a row":         headerLine + row("1") + "\n" + row("2") + "\n" + row("3")[:20],
		"in the header":    headerLine[:20],
		"in the last word": whole[:len(whole)-4],
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, whole)
			s := open(t, path, nil)
			byID(t, s, "3")
			write(t, path, torn)
			done := make(chan error, 1)
			go func() {
				time.Sleep(10 * time.Millisecond)
				done <- os.WriteFile(path, []byte(whole), 0o600)
			}()
			checkFields(t, list(t, s), []fields{rowFields("1"), rowFields("2"), rowFields("3")})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			checkFields(t, list(t, s), []fields{rowFields("1"), rowFields("2"), rowFields("3")})
		})
	}
}

// A program that died between truncating and writing leaves an empty file. What
// was last read stands, and the next save writes it.
func TestEmptiedFileIsRestored(t *testing.T) {
	path := file(t, headerLine+row("1")+"\n"+row("2")+"\n")
	s := open(t, path, nil)
	write(t, path, "")
	checkFields(t, list(t, s), []fields{rowFields("1"), rowFields("2")})
	tok := login("ann")
	save(t, s, tok)
	checkFields(t, parseAll(t, []byte(read(t, path)))[:2], []fields{rowFields("1"), rowFields("2")})
	if n := len(list(t, open(t, path, nil))); n != 3 {
		t.Errorf("%d tokens", n)
	}
}

// A file that was replaced by something else is an error, and left alone.
func TestReplacedByGarbage(t *testing.T) {
	path := file(t, headerLine+row("1")+"\n")
	s := open(t, path, nil)
	for _, garbage := range []string{"\x00\x01binary", "SQLite format 3\x00..", "a,b\nc,d\n"} {
		write(t, path, garbage)
		if _, err := s.FindTokenByID(t.Context(), "1"); !errors.Is(err, tokenkeep.ErrCorrupt) {
			t.Errorf("find: %v", err)
		}
		if err := s.SaveToken(t.Context(), login("ann")); !errors.Is(err, tokenkeep.ErrCorrupt) {
			t.Errorf("save: %v", err)
		}
		if _, err := filestore.Open(path, nil); !errors.Is(err, tokenkeep.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("open: %v", err)
		}
		if read(t, path) != garbage {
			t.Error("the file was changed")
		}
	}
	write(t, path, headerLine+row("1")+"\n")
	byID(t, s, "1")
}

// A deleted file is an empty store; a save creates it again.
func TestRemovedFile(t *testing.T) {
	path := file(t, headerLine+row("1")+"\n")
	s := open(t, path, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	save(t, s, login("ann"))
	if n := len(parseAll(t, []byte(read(t, path)))); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// Two changes of one size in one tick of the clock are both seen.
func TestQuickChangesOfOneSize(t *testing.T) {
	path := file(t, headerLine+row("1")+"\n")
	s := open(t, path, nil)
	for i := range 50 {
		name := "userA"
		if i%2 == 1 {
			name = "userB"
		}
		write(t, path, headerLine+strings.Replace(row("1"), "user1", name, 1)+"\n")
		if got := byID(t, s, "1").UserName; got != name {
			t.Fatalf("change %d: got %s, want %s", i, got, name)
		}
	}
}
