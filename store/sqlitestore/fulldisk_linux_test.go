package sqlitestore_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// A disk that runs full is told, loses nothing, and works again with space.
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "tokens.db")
	s, err := sqlitestore.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	saved := map[string]string{}
	for i := range 10000 {
		tok := fullToken(name(i))
		if err = s.SaveToken(t.Context(), tok); err != nil {
			if tok.ID != "" || tok.Version != 0 {
				t.Errorf("a save that failed gave id %q and version %d", tok.ID, tok.Version)
			}
			break
		}
		saved[tok.UserName] = tok.ID
	}
	if tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable || !strings.Contains(err.Error(), "space") {
		t.Errorf("save on the full disk: %v, want one that names the space", err)
	}
	expectSaved(t, s, saved)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveToken(t.Context(), fullToken("with space again")); err != nil {
		t.Errorf("save with space again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	again, err := sqlitestore.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	expectSaved(t, again, saved)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// expectSaved looks every saved token up.
func expectSaved(t *testing.T, s tokenkeep.TokenStore, saved map[string]string) {
	t.Helper()
	for user, id := range saved {
		tok, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: user})
		if err != nil || tok.ID != id {
			t.Errorf("%s: %v, want token %s", user, err, id)
		}
	}
	t.Logf("%d tokens are there", len(saved))
}
