package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/durable"
)

type fileSource struct{ path string }

// KeyFile returns the source that is a file, such as [GenerateKey] makes. A file
// that others than its owner may read or write is refused. Processes that share the
// file notice at their next save that it changed.
func KeyFile(path string) Source { return fileSource{path} }

func (s fileSource) String() string { return "the key file " + s.path }

func (s fileSource) Read(context.Context) (tokenkeep.Secret, error) {
	f, err := os.Open(s.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return tokenkeep.Secret{}, fmt.Errorf("%w; make one with sealedstore.GenerateKey, unless tokens are sealed already: then bring the key back", err)
		}
		return tokenkeep.Secret{}, err
	}
	defer func() { _ = f.Close() }() // was only read
	info, err := f.Stat()
	if err != nil {
		return tokenkeep.Secret{}, err
	}
	if err := private(info); err != nil {
		return tokenkeep.Secret{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyText+1))
	switch {
	case err != nil:
		return tokenkeep.Secret{}, err
	case len(text) == 0:
		return tokenkeep.Secret{}, errEmpty
	case len(text) > maxKeyText:
		return tokenkeep.Secret{}, errors.New("it is too long for a key file")
	}
	return tokenkeep.NewSecret(string(text)), nil
}

// private refuses what is no file, or is open to others than its owner.
func private(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("it is no file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("others than its owner have rights on it (%04o); take them away with chmod 600", mode)
	}
	return nil
}

// stamp returns what shows that the file changed.
func (s fileSource) stamp() fs.FileInfo {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil
	}
	return info
}

// sameStamp reports whether a file did not change between two stamps. An update
// makes a new file with a time of its own.
func sameStamp(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Update replaces the file under a lock (PATH.lock) that all updaters take.
func (s fileSource) Update(ctx context.Context, edit func(string) (string, error)) error {
	lock := flock.New(s.path+".lock", flock.SetPermissions(0o600))
	defer func() { _ = lock.Close() }()
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	text, err := s.Read(ctx)
	if err != nil {
		return err
	}
	next, err := edit(text.Reveal())
	if err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return err
	}
	return replaceFile(path, next)
}

// GenerateKey makes a key file with one new random key, readable by its owner
// alone (0600), and returns the key's id. Its folder is made if need be (0700). An
// existing file is left alone: the error wraps fs.ErrExist. Keep a copy of the file
// in a safe place, away from the copies of the store: without it, nobody can open
// what it sealed.
func GenerateKey(path string) (id string, err error) {
	text := NewKey().Reveal()
	k, err := rawKey(text)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	f, err := durable.Create(path)
	if err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // removes the file's first name
	err = fill(f, "# tokenkeep: the first key seals, all of them open. Keep a copy in a safe place.\n"+text+"\n")
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename, it never replaces a file
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	return k.id, nil
}

// replaceFile writes text to the file at path: whole, or not at all.
func replaceFile(path, text string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := errors.Join(f.Like(info), fill(f, text)); err != nil {
		return err
	}
	return f.Commit()
}

// fill writes text to a new file and flushes it to the disk. It gives the file a time
// of its own: the clock of file systems is coarser than a key ring may change.
func fill(f *durable.File, text string) error {
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return err
	}
	return f.Sync()
}
