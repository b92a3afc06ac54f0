package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep/internal/durable"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	for _, want := range []string{"one", "two"} {
		if err := durable.WriteFile(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("an existing file's mode became %v, %v", info.Mode(), err)
	}
}

func TestCloseWithoutCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	f, err := durable.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestRemoveTemps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, p := range []string{path, path, path + ".b"} {
		f, err := durable.Create(p) // never closed: its process was killed
		if err != nil {
			t.Fatal(err)
		}
		if err := f.File.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, keep := range []string{"a", ".a.notes.tmp", ".a.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, keep), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := durable.RemoveTemps(path); n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("left %v, %v", entries, err)
	}
}
