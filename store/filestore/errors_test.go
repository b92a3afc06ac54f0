package filestore_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "sdk_tokens.txt")
	s := open(t, path, nil)
	save(t, s, login("ann"))
	if w := s.ModeWarning(); w != "" {
		t.Errorf("warning about own files: %s", w)
	}
	for p, want := range map[string]os.FileMode{
		filepath.Dir(dir): 0o700, dir: 0o700, path: 0o600,
		path + ".tokenkeep": 0o600, path + ".lock": 0o600, path + ".lock.next": 0o600,
	} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", p, info.Mode(), err, want)
		}
	}
}

// An existing file keeps its mode, and the warning says what to do.
func TestWiderMode(t *testing.T) {
	path := sample(t, "node_sdk_tokens.txt")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	s := open(t, path, &filestore.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	save(t, s, login("ann"))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if w := s.ModeWarning(); !strings.Contains(w, path) || !strings.Contains(w, "chmod 600") {
		t.Errorf("warning %q", w)
	}
	if !strings.Contains(logged.String(), "chmod 600") {
		t.Errorf("logged %q", logged.String())
	}
	if strings.Contains(logged.String(), "1000.refresh") {
		t.Error("the log shows a token")
	}
}

// A symbolic link is followed: its target is replaced, and whoever comes by
// another way uses the same lock and sidecar.
func TestSymlink(t *testing.T) {
	path := sample(t, "node_sdk_tokens.txt")
	link := filepath.Join(t.TempDir(), "link.txt")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	s, direct := open(t, link, nil), open(t, path, nil)
	tok := login("ann")
	save(t, s, tok)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v %v", info.Mode(), err)
	}
	if got := byID(t, direct, tok.ID); got.Version != 1 || got.DataCentre != "us" {
		t.Errorf("version %d, data centre %q", got.Version, got.DataCentre)
	}

	dangling := filepath.Join(t.TempDir(), "dangling.txt")
	target := filepath.Join(t.TempDir(), "target.txt")
	if err := os.Symlink(target, dangling); err != nil {
		t.Fatal(err)
	}
	save(t, open(t, dangling, nil), login("bea"))
	if n := len(parseAll(t, []byte(read(t, target)))); n != 1 {
		t.Errorf("%d tokens in the target", n)
	}
}

func TestOpenFolder(t *testing.T) {
	dir := t.TempDir()
	_, err := filestore.Open(dir, nil)
	if !errors.Is(err, tokenkeep.ErrStoreUnavailable) || !strings.Contains(err.Error(), "folder") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.txt")
	if _, err := filestore.Open(missing, &filestore.Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	path := sample(t, "node_sdk_tokens.txt")
	before := read(t, path)
	s := open(t, path, &filestore.Options{ReadOnly: true})
	checkFields(t, list(t, s), samples["node_sdk_tokens.txt"])
	for name, err := range map[string]error{
		"save":       s.SaveToken(t.Context(), login("ann")),
		"delete":     s.DeleteToken(t.Context(), "1"),
		"delete all": s.DeleteTokens(t.Context()),
	} {
		if !errors.Is(err, tokenkeep.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || read(t, path) != before {
		t.Errorf("a read-only store left %v, %v", entries, err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, file(t, headerLine+row("1")+"\n"), nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, find := s.FindTokenByID(t.Context(), "1")
	_, meant := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "user1"})
	var listed error
	for _, err := range s.GetTokens(t.Context()) {
		listed = err
	}
	for name, err := range map[string]error{
		"find by id": find, "find": meant, "list": listed, "ping": s.Ping(t.Context()),
		"save": s.SaveToken(t.Context(), login("ann")), "delete": s.DeleteToken(t.Context(), "1"),
	} {
		if !errors.Is(err, tokenkeep.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A lock that a stopped process holds fails a save in bounded time and leaves
// lookups alone.
func TestLockIsHeld(t *testing.T) {
	path := file(t, headerLine+row("1")+"\n")
	inSave, goOn := make(chan struct{}), make(chan struct{})
	opts := filestore.WithHook(func(step string) {
		if step == "created" {
			close(inSave)
			<-goOn
		}
	})
	holder, other := open(t, path, opts), open(t, path, &filestore.Options{LockWait: 20 * time.Millisecond})
	saved := make(chan error, 1)
	go func() { saved <- holder.SaveToken(t.Context(), login("ann")) }()
	<-inSave
	err := other.SaveToken(t.Context(), login("bea"))
	if !errors.Is(err, tokenkeep.ErrStoreUnavailable) || !strings.Contains(err.Error(), path) {
		t.Errorf("save: %v", err)
	}
	byID(t, other, "1")
	replaceInFile(t, path, "user1", "userX") // another program: it cannot be recorded now
	if got := byID(t, other, "1"); got.UserName != "userX" || got.Version != 2 {
		t.Errorf("user name %q, version %d", got.UserName, got.Version)
	}
	close(goOn)
	if err := <-saved; err != nil {
		t.Error(err)
	}
}
