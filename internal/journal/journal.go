// Package journal keeps records in a folder of the local disk, one file each, so
// that they outlive the process that wrote them.
//
// A record is written once, by one process, and never changed:
//
//	openat(dir, ".name.RANDOM.tmp", O_EXCL, 0600), write, fsync, rename, fsync(dir)
//
// so that a crash at any instant leaves a whole record or none. Each file carries
// a checksum all the same, because disks and people damage files. Any number of
// processes may share the folder: writers need no lock, and those who remove
// records take [Dir.Lock] if each is to be worked on once.
package journal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tokenkeep/tokenkeep/internal/durable"
)

const (
	suffix    = ".rec"
	badSuffix = ".bad"
	lockName  = ".lock"
	lockPoll  = 20 * time.Millisecond
)

// A Dir is the folder of a journal. It is safe for concurrent use.
type Dir struct{ path string }

// New returns the journal in the folder path, which need not exist. It touches
// nothing.
func New(path string) *Dir { return &Dir{path: path} }

// Path returns the folder.
func (d *Dir) Path() string { return d.path }

// Name makes a name that no record has: kind, a hash of key, and owner, so that
// records of one key are found by [Dir.Of] without opening any.
func Name(kind, key, owner string) string {
	return prefix(kind, key) + safe(owner) + "-" + rand.Text()[:12] + suffix
}

// NameLike makes a name for a record that is to replace the one of this name: it is
// found by the same kind and key.
func NameLike(name string) string {
	stem := strings.TrimSuffix(name, suffix)
	return stem[:max(strings.LastIndexByte(stem, '-'), 0)] + "-" + rand.Text()[:12] + suffix
}

func prefix(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%s-%x-", kind, sum[:8])
}

// safe returns s with only such characters as every file system takes.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, s[:min(len(s), 100)])
}

// Add writes a record. When it returns nil, the record outlives a power failure.
// The folder is created with mode 0700 if it is missing; one that other users may
// write to is refused.
func (d *Dir) Add(name string, payload []byte, sealed bool) error {
	if err := d.prepare(); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(d.path, name), Encode(payload, sealed))
}

func (d *Dir) prepare() error {
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.create()
	}
	if err != nil {
		return err
	}
	return d.check(info)
}

func (d *Dir) create() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(d.path))
}

// check refuses a folder in which somebody else could leave records.
func (d *Dir) check(info fs.FileInfo) error {
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", d.path)
	case info.Mode().Perm()&0o022 != 0 && filepath.Separator == '/':
		return fmt.Errorf("other users may write to %s (mode %v); give the journal a folder of mode 0700", d.path, info.Mode().Perm())
	}
	return nil
}

// Names returns the names of all records. There are none in a missing folder.
func (d *Dir) Names() ([]string, error) { return d.list("", suffix) }

// Of returns the names of the records of kind and key.
func (d *Dir) Of(kind, key string) ([]string, error) { return d.list(prefix(kind, key), suffix) }

// Bad returns the names of what was set aside.
func (d *Dir) Bad() ([]string, error) { return d.list("", suffix+badSuffix) }

func (d *Dir) list(prefix, suffix string) ([]string, error) {
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = d.check(info)
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); n[0] != '.' && e.Type().IsRegular() && strings.HasPrefix(n, prefix) && strings.HasSuffix(n, suffix) {
			names = append(names, n)
		}
	}
	return names, nil
}

// Read returns a record's payload. The error wraps [fs.ErrNotExist] when it was
// removed meanwhile, [ErrDamaged] or [ErrNewer].
func (d *Dir) Read(name string) (payload []byte, sealed bool, err error) {
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, false, err
	}
	if len(content) > MaxBytes {
		return nil, false, fmt.Errorf("%w: it is too long", ErrDamaged)
	}
	return Decode(content)
}

// Replace writes the record next, which is to stand for the record name, and removes
// that. If somebody has removed it meanwhile, next goes too, and replaced is false.
func (d *Dir) Replace(name, next string, payload []byte, sealed bool) (replaced bool, err error) {
	if err := d.Add(next, payload, sealed); err != nil {
		return false, err
	}
	err = os.Remove(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, d.Remove(next)
	}
	if err != nil {
		return false, err // both are there, and mean the same
	}
	return true, durable.SyncDir(d.path)
}

// Remove removes a record for good. One that is gone already is no error.
func (d *Dir) Remove(name string) error {
	err := os.Remove(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(d.path)
}

// SetAside renames a damaged record, so that people can look at it and nobody
// else does, and returns its new name.
func (d *Dir) SetAside(name string) (string, error) {
	path := filepath.Join(d.path, name)
	if err := os.Rename(path, path+badSuffix); err != nil {
		return "", err
	}
	return name + badSuffix, durable.SyncDir(d.path)
}

// Sweep removes what killed writers left and nobody has touched for age.
func (d *Dir) Sweep(age time.Duration) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.Contains(e.Name(), suffix+".") {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < age {
			continue
		}
		if err := os.Remove(filepath.Join(d.path, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Lock waits until this is the only holder of the folder's lock, among processes
// and in this one, or ctx ends. The kernel frees it when its holder dies.
func (d *Dir) Lock(ctx context.Context) (unlock func(), err error) {
	l := flock.New(filepath.Join(d.path, lockName), flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		_ = l.Close()
		return nil, err
	}
	return func() { _ = l.Close() }, nil
}
