// Package durable replaces files so that a crash at any instant leaves the old
// content or the new one, never a mixture and never nothing.
//
// The system calls of one replacement are
//
//	openat(dir, ".name.RANDOM.tmp", O_CREAT|O_EXCL, 0600), write, fsync,
//	rename(temp, name), fsync(dir)
//
// The first fsync keeps the rename from reaching the disk before the content
// does; the second one makes the rename itself durable. A process that is killed
// before the rename leaves its temporary file behind: see [RemoveTemps].
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A File is the next content of a path: a temporary file in the same folder
// until [File.Commit]. It is not safe for concurrent use.
type File struct {
	*os.File
	path      string
	committed bool
	detached  bool
}

// Create starts the next content of path in a new file of mode 0600. The caller
// must Close it; without a Commit before, that removes it.
func Create(path string) (*File, error) {
	dir, base := filepath.Split(path)
	name := filepath.Join(dir, tempPrefix(base)+rand.Text()+tempSuffix)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{File: f, path: path}, nil
}

// Like gives f the permissions of an existing file and, when this process may,
// its owner, so that a file that other users share stays theirs. A nil info
// leaves f as it is.
func (f *File) Like(info fs.FileInfo) error {
	if info == nil {
		return nil
	}
	if err := Own(f.File, info); err != nil {
		return err
	}
	if info.Mode().Perm() == 0o600 {
		return nil
	}
	return f.Chmod(info.Mode().Perm())
}

// Commit renames f to its path and makes the rename durable. The content must
// have been synced. After an error of the last step the new content is in place,
// but a power failure may bring the old one back.
func (f *File) Commit() error {
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.committed = true
	return SyncDir(filepath.Dir(f.path))
}

// Detach gives the open file to the caller, who has to close it: Close leaves it
// open. It is for a file that was committed.
func (f *File) Detach() *os.File {
	f.detached = true
	return f.File
}

// Close closes f and, if it was not committed, removes it.
func (f *File) Close() error {
	var err error
	if !f.detached {
		err = f.File.Close()
	}
	if !f.committed {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// WriteFile replaces the content of path durably. A new file has mode 0600; an
// existing one keeps its mode.
func WriteFile(path string, content []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Like(info); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Commit()
}

// SyncDir makes what was created, renamed or removed in dir durable. It does
// nothing on Windows, which has no such call.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// RemoveTemps removes the temporary files that killed processes left of path and
// returns how many. The caller must make sure that nobody is replacing path.
func RemoveTemps(path string) (int, error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if !isTemp(e.Name(), base) || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("remove what a killed process left: %w", err)
		}
		n++
	}
	return n, nil
}

const tempSuffix = ".tmp"

func tempPrefix(base string) string { return "." + base + "." }

// isTemp reports whether name is a temporary file of base: the random part has
// no dot, so that files of "a.txt" are not taken for files of "a".
func isTemp(name, base string) bool {
	mid, ok := strings.CutPrefix(name, tempPrefix(base))
	if !ok {
		return false
	}
	mid, ok = strings.CutSuffix(mid, tempSuffix)
	return ok && len(mid) == 26 && !strings.Contains(mid, ".")
}
