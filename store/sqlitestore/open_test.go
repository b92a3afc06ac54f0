package sqlitestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// Everything on the disk is its owner's alone, whatever the umask.
func TestFileModes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(folder, "tokens.db")
	s := mustOpen(t, path, nil)
	if err := s.SaveToken(t.Context(), fullToken("a")); err != nil {
		t.Fatal(err)
	}
	names := siblings(t, path)
	for _, want := range []string{"tokens.db", "tokens.db-wal", "tokens.db-shm", "tokens.db.lock", "tokens.db.queue"} {
		if !strings.Contains(fmt.Sprint(names), want) {
			t.Errorf("no %s among %v", want, names)
		}
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v), want 0600", name, info.Mode(), err)
		}
	}
	for _, dir := range []string{folder, filepath.Dir(folder)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v (%v), want 0700", dir, info.Mode(), err)
		}
	}
}

func TestWarnsOfReaders(t *testing.T) {
	path := sample(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	mustOpen(t, path, &sqlitestore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "others can read") {
		t.Errorf("no warning in the log: %s", log.String())
	}
	if strings.Contains(log.String(), "1000.ref") || strings.Contains(log.String(), "sec1") {
		t.Error("a secret in the log")
	}
}

// Names that mean something in a URL or in SQL are names of files.
func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "q?x=1.db", "100%25.db", "h#ash.db", "o'brien.db", "file:x.db", "ü.db", "a;b&c.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := mustOpen(t, path, nil)
		if err := s.SaveToken(t.Context(), fullToken("a")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		for _, sibling := range siblings(t, path) {
			if !strings.HasPrefix(sibling, name) {
				t.Errorf("%q has made a file %q", name, sibling)
			}
		}
	}
}

func TestMemoryStoresAreSeparate(t *testing.T) {
	a, b := mustOpen(t, sqlitestore.Memory, nil), mustOpen(t, sqlitestore.Memory, nil)
	if err := a.SaveToken(t.Context(), fullToken("a")); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, b)); n != 0 {
		t.Errorf("%d tokens in the other store", n)
	}
}

// A canceled operation must not end the one connection that the database in
// memory lives in.
func TestMemorySurvivesCancel(t *testing.T) {
	s := mustOpen(t, sqlitestore.Memory, nil)
	for i := range 200 {
		if err := s.SaveToken(t.Context(), fullToken(name(i))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
			defer cancel()
			tok := fullToken(name(i))
			_ = s.SaveToken(ctx, tok)
			for range s.GetTokens(ctx) {
				continue
			}
		})
	}
	wg.Wait()
	if n := len(all(t, s)); n != 200 {
		t.Errorf("%d tokens left, want 200", n)
	}
}

func TestClosed(t *testing.T) {
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "tokens.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, find := s.FindTokenByID(t.Context(), "1")
	for what, err := range map[string]error{
		"find": find, "save": s.SaveToken(t.Context(), fullToken("a")), "delete": s.DeleteToken(t.Context(), "1"),
		"delete all": s.DeleteTokens(t.Context()), "ping": s.Ping(t.Context()),
	} {
		if !errors.Is(err, tokenkeep.ErrClosed) {
			t.Errorf("%s: %v, want %v", what, err, tokenkeep.ErrClosed)
		}
	}
}

// A writer that waits for another program's lock leaves on its own context;
// without one it fails after the busy timeout, and says what to do.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	s := mustOpen(t, path, &sqlitestore.Options{BusyTimeout: 50 * time.Millisecond})
	tok := fullToken("a")
	if err := s.SaveToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	conn, err := openSQL(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	err = s.SaveToken(t.Context(), tok)
	if tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable || !strings.Contains(err.Error(), "try again") {
		t.Errorf("save: %v, want store unavailable", err)
	}
	if _, err := s.FindTokenByID(t.Context(), tok.ID); err != nil {
		t.Errorf("a reader waits for a writer: %v", err)
	}
	patient := mustOpen(t, path, &sqlitestore.Options{BusyTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, version := range []int64{0, tok.Version} {
		again := tok.Clone()
		again.Version = version
		if err := patient.SaveToken(ctx, again); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("save of version %d: %v, want %v", version, err, context.DeadlineExceeded)
		}
	}
}

// A process that stands still in the queue of writers is passed by.
func TestQueueStandsStill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	s := mustOpen(t, path, nil)
	still := flock.New(path + ".lock")
	if ok, err := still.TryLock(); !ok || err != nil {
		t.Fatalf("lock: %v, %v", ok, err)
	}
	defer func() { _ = still.Unlock() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.SaveToken(ctx, fullToken("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("save: %v, want %v", err, context.DeadlineExceeded)
	}
	for i := range 3 {
		if err := s.SaveToken(t.Context(), fullToken(name(i))); err != nil {
			t.Errorf("save: %v", err)
		}
	}
}

// Eight processes that open one new database, or one of Zoho's sample, at once
// upgrade it once.
func TestOpenAtOnce(t *testing.T) {
	for name, path := range map[string]string{"new": filepath.Join(t.TempDir(), "new.db"), "legacy": sample(t)} {
		t.Run(name, func(t *testing.T) {
			var children []*child
			for range 8 {
				children = append(children, startChild(t, "open "+path+" x", nil))
			}
			for _, c := range children {
				c.begin(t)
			}
			for _, c := range children {
				c.wait(t, "")
			}
			s := mustOpen(t, path, nil)
			if err := s.SaveToken(t.Context(), fullToken("a")); err != nil {
				t.Error(err)
			}
			if n := len(backups(t, path)); n > 1 {
				t.Errorf("%d copies", n)
			}
		})
	}
}
