package journal_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/internal/journal"
)

func TestAddReadRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "journal")
	d := journal.New(dir)
	if names, err := d.Names(); len(names) != 0 || err != nil {
		t.Errorf("a missing folder has %v, %v", names, err)
	}
	name := journal.Name("refresh", "1000000000", "host/../\x00:7:ABC")
	if name != filepath.Base(name) || strings.ContainsAny(name, "\x00:") {
		t.Errorf("name %q", name)
	}
	if err := d.Add(name, []byte("payload\nof two lines"), true); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, filepath.Join(dir, name): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	if got, sealed, err := d.Read(name); string(got) != "payload\nof two lines" || !sealed || err != nil {
		t.Errorf("read %q, %t, %v", got, sealed, err)
	}
	if names, _ := d.Of("refresh", "1000000001"); len(names) != 0 {
		t.Errorf("another key has %v", names)
	}
	if names, _ := d.Of("refresh", "1000000000"); len(names) != 1 {
		t.Errorf("the key has %v", names)
	}
	for range 2 {
		if err := d.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := d.Read(name); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestEveryTornRecordIsDamaged(t *testing.T) {
	whole := journal.Encode([]byte(`{"token":"x"}`), false)
	for n := range whole {
		if _, _, err := journal.Decode(whole[:n]); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		if _, _, err := journal.Decode(flipped); err == nil {
			t.Errorf("bit %d flipped and not noticed", i)
		}
	}
	if _, _, err := journal.Decode([]byte("tokenkeep-journal/2 what ever\n")); !errors.Is(err, journal.ErrNewer) {
		t.Error(err)
	}
}

func TestSetAside(t *testing.T) {
	d := journal.New(t.TempDir())
	name := journal.Name("login", "", "o")
	if err := os.WriteFile(filepath.Join(d.Path(), name), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Read(name); !errors.Is(err, journal.ErrDamaged) {
		t.Error(err)
	}
	if _, err := d.SetAside(name); err != nil {
		t.Fatal(err)
	}
	names, _ := d.Names()
	bad, _ := d.Bad()
	if len(names) != 0 || len(bad) != 1 {
		t.Errorf("records %v, set aside %v", names, bad)
	}
}

func TestFolderOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	d := journal.New(dir)
	if err := d.Add(journal.Name("login", "", "o"), nil, false); err == nil {
		t.Error("a record was written where others may write")
	}
	if _, err := d.Names(); err == nil {
		t.Error("records were taken from where others may write")
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := journal.New(file).Add("x", nil, false); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestSweepTakesOldLeftoversOnly(t *testing.T) {
	dir := t.TempDir()
	d := journal.New(dir)
	name := journal.Name("login", "", "o")
	if err := d.Add(name, []byte("x"), false); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, f := range []string{"." + name + ".OLD.tmp", "." + name + ".NEW.tmp", name} {
		path := filepath.Join(dir, f)
		if f != name {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(f, "NEW") {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Sweep(time.Hour); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("left %v", entries)
	}
}

func TestLockExcludes(t *testing.T) {
	d := journal.New(t.TempDir())
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Lock(ctx); err == nil {
		t.Error("two hold the lock")
	}
	unlock()
	again, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}
