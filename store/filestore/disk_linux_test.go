package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// mount mounts a small file system in memory, which takes the superuser.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a small file system (it takes the superuser): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk refuses the save and loses nothing; with space again, all works.
func TestFullDisk(t *testing.T) {
	dir := mount(t, "size=64k,mode=0700")
	path := filepath.Join(dir, "sdk_tokens.txt")
	s := open(t, path, nil)
	tok := login("ann")
	save(t, s, tok)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	before := read(t, path)
	for i := range 100 {
		next := tok.Clone()
		next.AccessToken = tokenkeep.NewSecret("1000.minted" + strings.Repeat("x", 100*i))
		err := s.SaveToken(t.Context(), next)
		if err == nil {
			tok, before = next, read(t, path)
			continue
		}
		if !errors.Is(err, tokenkeep.ErrReadOnly) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	}
	if read(t, path) != before {
		t.Error("a refused save changed the file")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*filestore.Store{s, open(t, path, nil)} {
		got := byID(t, s, tok.ID)
		if !got.AccessToken.Equal(tok.AccessToken) || got.Version < tok.Version {
			t.Errorf("version %d after %d", got.Version, tok.Version)
		}
		save(t, s, byID(t, s, tok.ID))
		tok = byID(t, s, tok.ID)
	}
	if temps := leftovers(t, path); len(temps) > 0 {
		t.Errorf("left behind: %q", temps)
	}
}

// On a full disk a call adds all of its events to the history or none; with space
// again, all works.
func TestHistoryOnAFullDisk(t *testing.T) {
	dir := mount(t, "size=64k,mode=0700")
	path := filepath.Join(dir, "sdk_tokens.txt")
	s := open(t, path, nil)
	n, refused := 0, 0
	for ; n < 3000 && refused == 0; n += 7 {
		var events []tokenkeep.Event
		for i := range 7 {
			events = append(events, event(n+i))
		}
		if err := s.AppendEvents(t.Context(), events); err != nil {
			if !errors.Is(err, tokenkeep.ErrReadOnly) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
			n, refused = n-7, refused+1
		}
	}
	if got := len(numbers(t, s)); got != n || refused == 0 {
		t.Errorf("%d events of %d that were acknowledged, %d calls refused", got, n, refused)
	}
	if _, err := s.PruneEvents(t.Context(), event(n).Time); err != nil {
		t.Errorf("prune on a full disk: %v", err)
	}
	appendEvents(t, s, n, n+1)
	wantNumbers(t, s, n)
}

// A read-only disk can be read.
func TestReadOnlyDisk(t *testing.T) {
	dir := mount(t, "size=1m,mode=0700")
	path := filepath.Join(dir, "sdk_tokens.txt")
	write(t, path, headerLine+row("1")+"\n")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	checkUnwritable(t, path)
}

// So can a folder in which this user may not write.
func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may write everywhere")
	}
	path := file(t, headerLine+row("1")+"\n")
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
	checkUnwritable(t, path)
}

func checkUnwritable(t *testing.T, path string) {
	t.Helper()
	s := open(t, path, nil)
	checkFields(t, list(t, s), []fields{rowFields("1")})
	for name, err := range map[string]error{
		"save":   s.SaveToken(t.Context(), login("ann")),
		"delete": s.DeleteToken(t.Context(), "1"),
		"ping":   s.Ping(t.Context()),
	} {
		if !errors.Is(err, tokenkeep.ErrReadOnly) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	checkFields(t, list(t, s), []fields{rowFields("1")})
	if _, err := filestore.Open(path+".new", nil); !errors.Is(err, tokenkeep.ErrReadOnly) {
		t.Errorf("create: %v", err)
	}
}

// A file that this user may not read is an error that says so.
func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may read everything")
	}
	path := file(t, headerLine+row("1")+"\n")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := filestore.Open(path, nil)
	if !errors.Is(err, tokenkeep.ErrStoreUnavailable) || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
