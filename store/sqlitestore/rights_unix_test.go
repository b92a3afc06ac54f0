//go:build unix

package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// nobody is the user that a child of root becomes, because nothing is forbidden
// to root.
const nobody = 65534

// playUnprivileged opens a store as a user with few rights and prints what it may
// do: the id that a lookup found, and the errors of the opening and of a save.
func playUnprivileged(ctx context.Context, path string) error {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return err
		}
	}
	s, err := sqlitestore.Open(ctx, path, nil)
	fmt.Println("open", verdict(err))
	if err != nil {
		return nil //nolint:nilerr // it was told
	}
	tok, err := s.FindToken(ctx, &tokenkeep.Token{UserName: fullToken("a").UserName})
	fmt.Println("find", verdict(err))
	if err == nil {
		fmt.Println("save", verdict(s.SaveToken(ctx, tok)))
	}
	fmt.Println("save new", verdict(s.SaveToken(ctx, fullToken("b"))))
	fmt.Println("ping", verdict(s.Ping(ctx)))
	return s.Close()
}

// verdict is the class of an error in one word.
func verdict(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, tokenkeep.ErrReadOnly):
		return "read-only"
	case tokenkeep.ClassOf(err) == tokenkeep.StoreUnavailable:
		return "unavailable"
	case errors.Is(err, fs.ErrPermission):
		return "permission"
	}
	return err.Error()
}

func TestRights(t *testing.T) {
	const reads = "open ok, find ok, save read-only, save new read-only, ping read-only"
	for name, c := range map[string]struct {
		content      content
		file, folder fs.FileMode
		want         string
	}{
		"file and folder":        {oneToken, 0o666, 0o777, "open ok, find ok, save ok, save new ok, ping ok"},
		"read-only file":         {oneToken, 0o444, 0o777, reads},
		"read-only folder":       {oneToken, 0o666, 0o555, reads},
		"read-only both":         {oneToken, 0o444, 0o555, reads},
		"read-only, in use":      {inUse, 0o444, 0o555, reads},
		"unreadable file":        {oneToken, 0o000, 0o555, "open unavailable"},
		"unreadable folder":      {oneToken, 0o666, 0o000, "open permission"},
		"legacy, file read-only": {legacy, 0o444, 0o777, "open read-only"},
		"legacy, both read-only": {legacy, 0o444, 0o555, "open read-only"},
		"no file, no folder":     {noFile, 0, 0o555, "open read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store", "tokens.db")
			prepareRights(t, path, c.content)
			setRights(t, path, c.file, c.folder)
			child := startChild(t, "unprivileged "+path+" x", nil)
			child.begin(t)
			var got []string
			for line := child.line(t); line != ""; line = child.line(t) {
				got = append(got, line)
			}
			child.wait(t, strings.Join(got, "\n"))
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, ", "), c.want)
			}
		})
	}
}

// A content is what a database of TestRights holds.
type content int

const (
	noFile content = iota
	oneToken
	inUse // one token, and another process has it open
	legacy
)

// prepareRights makes a database in a folder that everybody can come to.
func prepareRights(t *testing.T, path string, c content) {
	t.Helper()
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(folder); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if c == legacy {
		copySample(t, path)
	}
	if c == oneToken || c == inUse {
		makeOne(t, path)
	}
	if c == inUse {
		keepInUse(t, path)
	}
}

func copySample(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile("testdata/zohooauth.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeOne makes a database with one token, and leaves no lock files: they would
// belong to another user than the child.
func makeOne(t *testing.T, path string) {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SaveToken(t.Context(), fullToken("a")), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{".lock", ".queue"} {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
}

// keepInUse keeps the database open, with files that everybody can read.
func keepInUse(t *testing.T, path string) {
	t.Helper()
	s := mustOpen(t, path, nil)
	if err := s.SaveToken(t.Context(), fullToken("c")); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o444); err != nil {
			t.Fatal(err)
		}
	}
}

// setRights sets the modes for the test, and gives them back for the cleaning up.
func setRights(t *testing.T, path string, file, folder fs.FileMode) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		if err := os.Chmod(path, file); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(path), folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
			t.Error(err)
		}
	})
}
