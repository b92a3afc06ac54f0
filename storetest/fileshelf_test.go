//go:build unix

package storetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// A fileShelf keeps a book in a JSON file: the smallest store that reaches
// durable, and, with faults, two that do not.
type fileShelf struct {
	path   string
	faults []fault
	mu     sync.Mutex     // one user of the file in this process
	late   sync.WaitGroup // writes that were acknowledged too early
}

// A record is a token with its secrets in clear.
type record struct {
	tokenkeep.Token

	ClientSecret, RefreshToken, AccessToken, GrantToken string
	Candidates                                          []string
}

func (f *fileShelf) flawed(which fault) bool { return (&book{faults: f.faults}).has(which) }

func (f *fileShelf) with(ctx context.Context, do func(*book) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	f.late.Wait()
	unlock, err := lockFile(f.path + ".lock")
	if err != nil {
		f.mu.Unlock()
		return err
	}
	finish := func() {
		unlock()
		f.mu.Unlock()
	}
	b, err := f.read()
	if err != nil {
		finish()
		return err
	}
	changed, err := do(b)
	if !changed || err != nil {
		finish()
		return err
	}
	if f.flawed(acksEarly) {
		f.late.Go(func() {
			defer unlock()
			time.Sleep(3 * time.Millisecond)
			_ = f.write(b)
		})
		f.mu.Unlock()
		return nil
	}
	defer finish()
	return f.write(b)
}

// Close waits for the writes of a store that acknowledges early.
func (f *fileShelf) Close() error {
	f.late.Wait()
	return nil
}

func lockFile(path string) (unlock func(), err error) {
	l, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(l.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return func() { _ = l.Close() }, nil
}

func (f *fileShelf) read() (*book, error) {
	b := &book{faults: f.faults}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	var stored struct {
		Last int64
		Rows []record
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, errors.Join(tokenkeep.ErrCorrupt, err)
	}
	b.Last = stored.Last
	for _, r := range stored.Rows {
		t := r.Token
		t.ClientSecret, t.RefreshToken = tokenkeep.NewSecret(r.ClientSecret), tokenkeep.NewSecret(r.RefreshToken)
		t.AccessToken, t.GrantToken = tokenkeep.NewSecret(r.AccessToken), tokenkeep.NewSecret(r.GrantToken)
		for _, c := range r.Candidates {
			t.Candidates = append(t.Candidates, tokenkeep.NewSecret(c))
		}
		b.Rows = append(b.Rows, &t)
	}
	return b, nil
}

func (f *fileShelf) write(b *book) error {
	rows := make([]record, len(b.Rows))
	for i, t := range b.Rows {
		rows[i] = record{*t, t.ClientSecret.Reveal(), t.RefreshToken.Reveal(), t.AccessToken.Reveal(), t.GrantToken.Reveal(), nil}
		for _, c := range t.Candidates {
			rows[i].Candidates = append(rows[i].Candidates, c.Reveal())
		}
	}
	data, err := json.Marshal(map[string]any{"Last": b.Last, "Rows": rows})
	if err != nil {
		return err
	}
	if f.flawed(tearsRows) {
		return writeInPlace(f.path, data)
	}
	next := f.path + ".next"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.path)
}

// writeInPlace writes slowly, so that a kill meets it.
func writeInPlace(path string, data []byte) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(data, len(data)/4+1) {
		if _, err := file.Write(part); err != nil {
			return errors.Join(err, file.Close())
		}
		time.Sleep(300 * time.Microsecond)
	}
	return file.Close()
}

// A fileStore can be closed.
type fileStore struct {
	bookStore
	io.Closer
}

func openFile(path string, faults []fault) fileStore {
	f := &fileShelf{path: path, faults: faults}
	return fileStore{bookStore{f}, f}
}

// fileConfig is the Config of a store in a JSON file.
func fileConfig(faults ...fault) storetest.Config {
	return storetest.Config{
		Open: func(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
			return openFile(dsn, faults), nil
		},
		NewDSN: func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "tokens.json") },
	}
}

func TestFileStore(t *testing.T) {
	cfg := fileConfig()
	cfg.Short, cfg.Kills = true, 25 // it writes its whole file at every save
	storetest.Run(t, cfg)
}
