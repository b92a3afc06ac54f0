package sealedstore_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

func TestGenerateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "key")
	id, err := sealedstore.GenerateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the key file: %v, %v", info.Mode(), err)
	}
	if got := openKeyring(t, sealedstore.KeyFile(path)).Primary(); got != id {
		t.Errorf("the ring's key is %s, want %s", got, id)
	}
	if _, err := sealedstore.GenerateKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key in the place of the first: %v", err)
	}
	if got := openKeyring(t, sealedstore.KeyFile(path)).Primary(); got != id {
		t.Error("a key was replaced by a new one")
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files beside the key", len(entries)-1)
	}
}

func TestKeyFileRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := sealedstore.NewKey().Reveal()
	for path, want := range map[string]string{
		filepath.Join(folder, "missing"):                    "GenerateKey",
		folder:                                              "no file",
		write("empty", "", 0o600):                           "empty",
		write("comment", "# canary\n", 0o600):               "empty",
		write("short", "canarycanary\n", 0o600):             "32 random bytes",
		write("words", "not base64: canary!\n", 0o600):      "32 random bytes",
		write("second", key+"\ncanary\n", 0o600):            "key 2",
		write("long", strings.Repeat("x", 70_000), 0o600):   "too long",
		write("json", `{"canary": [1]}`, 0o600):             "keyset",
		write("broken", `{"key": "canary"`, 0o600):          "keyset",
		write("encrypted", `{"encryptedKeyset":""}`, 0o600): "keyset",
	} {
		_, err := sealedstore.OpenKeyring(t.Context(), sealedstore.KeyFile(path))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v does not say %q", path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the text", path)
		}
		if tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable {
			t.Errorf("%s: class %q", path, tokenkeep.ClassOf(err))
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o777} {
		_, err := sealedstore.OpenKeyring(t.Context(), sealedstore.KeyFile(write("wide", key, mode)))
		if err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a key file of mode %o: %v", mode, err)
		}
	}
	openKeyring(t, sealedstore.KeyFile(write("readonly", key, 0o400)))
}

// Keys come between commas and spaces, in both kinds of base64, with comments; an
// id belongs to a key, however it is written.
func TestKeyTexts(t *testing.T) {
	a, b := sealedstore.NewKey().Reveal(), sealedstore.NewKey().Reveal()
	ids := openKeyring(t, fixedSource(a), fixedSource(b)).IDs()
	url := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace
	for _, text := range []string{
		a + "\n" + b + "\n", a + "," + b, "  " + a + " \t" + b, "# two\n" + a + "\r\n\r\n" + b, url(a) + "\n" + url(b), a + "\n" + b + "\n" + a,
	} {
		got := openKeyring(t, fixedSource(text)).IDs()
		if strings.Join(got, " ") != strings.Join(ids, " ") {
			t.Errorf("ids %v, want %v", got, ids)
		}
	}
	if strings.Contains(a, ids[0]) {
		t.Error("the id shows a part of the key")
	}
}

// A changed file is noticed at the next save, whatever else is kept in it; one that
// is broken or gone keeps nobody from working.
func TestKeyFileChanges(t *testing.T) {
	path := filepath.Join(newFolder(t), "key")
	keys := openKeyring(t, sealedstore.KeyFile(path))
	s := newStore(t, tokenkeep.NewMemoryStore(), keys, nil)
	row := save(t, s, token("ann"))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	added := sealedstore.NewKey().Reveal()
	if err := os.WriteFile(path, []byte("# mine\n"+added+"\n"+string(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, s, row)
	want := openKeyring(t, fixedSource(added)).Primary()
	usedBy(t, s, map[string]int{want: 1})
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, s, row)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	save(t, s, row)
	same(t, get(t, s, row.ID), row, "without the key file")
	if err := keys.Reload(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reload without the key file: %v", err)
	}
	if _, err := s.Rotate(t.Context(), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rotation without the key file: %v", err)
	}
}

// Keys that are added at the same moment are all kept.
func TestKeysAreAddedAtOnce(t *testing.T) {
	path := filepath.Join(newFolder(t), "key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	added := map[string]bool{}
	for range 8 {
		keys := openKeyring(t, sealedstore.KeyFile(path))
		wg.Go(func() {
			id, err := keys.AddKey(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			added[id] = true
		})
	}
	wg.Wait()
	ids := openKeyring(t, sealedstore.KeyFile(path)).IDs()
	for _, id := range ids {
		delete(added, id)
	}
	if len(ids) != 9 || len(added) != 0 {
		t.Errorf("%d keys in the file, and %d of those added are lost", len(ids), len(added))
	}
}

func TestKeyEnv(t *testing.T) {
	if _, err := sealedstore.OpenKeyring(t.Context(), sealedstore.KeyEnv("SEALEDSTORE_TEST_KEY")); err == nil {
		t.Error("a variable that is not set is taken for a key")
	}
	t.Setenv("SEALEDSTORE_TEST_KEY", sealedstore.NewKey().Reveal())
	keys := openKeyring(t, sealedstore.KeyEnv("SEALEDSTORE_TEST_KEY"))
	if _, err := keys.AddKey(t.Context()); !errors.Is(err, tokenkeep.ErrReadOnly) {
		t.Errorf("a key added to the environment: %v", err)
	}
}

func TestKeyCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := filepath.Join(newFolder(t), "key")
	keys := openKeyring(t, sealedstore.KeyCommand("cat", path))
	if got := openKeyring(t, sealedstore.KeyFile(path)).Primary(); keys.Primary() != got {
		t.Errorf("key %s, want %s", keys.Primary(), got)
	}
	for what, argv := range map[string][]string{
		"nothing":                 {},
		"a missing program":       {"/does/not/exist", "canary"},
		"one that fails":          {"sh", "-c", "echo canary; echo canary >&2; exit 3"},
		"one that prints nothing": {"true"},
		"one without end":         {"yes", "canary"},
	} {
		_, err := sealedstore.OpenKeyring(t.Context(), sealedstore.KeyCommand(argv...))
		if err == nil || strings.Contains(err.Error(), "canary") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the command %s: %v", what, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyCommand("sh", "-c", "sleep 60"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs: %v", err)
	}
}

// A process with a command as its source learns of a new key when it meets it.
func TestMissingKeyIsLookedForInTheSource(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	inner := tokenkeep.NewMemoryStore()
	path := filepath.Join(newFolder(t), "key")
	other := newStore(t, inner, openKeyring(t, sealedstore.KeyCommand("cat", path)), nil)
	s := newStore(t, inner, openKeyring(t, sealedstore.KeyFile(path)), nil)
	if _, err := s.Keys().AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := save(t, s, token("ann"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { same(t, get(t, other, row.ID), row, "a row under a key that came later") })
	}
	wg.Wait()
}

func TestKeyOS(t *testing.T) {
	keyring.MockInit()
	source := sealedstore.KeyOS("tokenkeep-test", "ann")
	if _, err := sealedstore.OpenKeyring(t.Context(), source); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("an entry that is not there: %v", err)
	}
	if err := source.(sealedstore.Updater).Update(t.Context(), func(string) (string, error) {
		return sealedstore.NewKey().Reveal(), nil
	}); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, tokenkeep.NewMemoryStore(), openKeyring(t, source), nil)
	old := s.Keys().Primary()
	row := save(t, s, token("ann"))
	rotate(t, s, 1)
	if err := s.Retire(t.Context(), old); err != nil {
		t.Error(err)
	}
	same(t, get(t, newStore(t, tokenkeep.TokenStore(s), openKeyring(t, source), nil), row.ID), row, "a row through two stores")
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := sealedstore.OpenKeyring(t.Context(), source); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("a keyring that fails: %v", err)
	}
}
