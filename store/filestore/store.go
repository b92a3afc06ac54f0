package filestore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/durable"
)

// The files next to the token file.
const (
	sidecarSuffix = ".tokenkeep"
	lockSuffix    = ".lock"
	gateSuffix    = ".lock.next"
	backupSuffix  = ".before-tokenkeep"
	historySuffix = ".history"
)

// DefaultLockWait is how long a write waits for other processes by default. A
// healthy process holds the lock for about a millisecond.
const DefaultLockWait = 10 * time.Second

// readLockWait bounds how long a lookup waits for the lock to record what another
// program changed. Without it, the lookup answers all the same.
const readLockWait = 250 * time.Millisecond

// Options change how a Store works. The zero value and nil are ready for use.
type Options struct {
	// Logger gets warnings: wide modes, odd lines, rows that another program
	// removed. Nil discards them. It never gets a secret.
	Logger *slog.Logger
	// ReadOnly opens an existing file, creates nothing, and refuses every write
	// with tokenkeep.ErrReadOnly.
	ReadOnly bool
	// LockWait bounds how long a write waits for other processes; zero means
	// DefaultLockWait.
	LockWait time.Duration
	// HistoryBytes bounds FILE.history: when it has grown beyond, the oldest events
	// go, down to half of it. Zero means DefaultHistoryBytes. Negative: no history is
	// kept, and its methods return tokenkeep.ErrNoHistory.
	HistoryBytes int64

	hook func(step string) // tests stop a save at a step
}

// A Store keeps tokens in one local file; see the package comment. It is safe
// for concurrent use by goroutines and processes.
type Store struct {
	path     string // symbolic links resolved
	log      *slog.Logger
	readOnly bool
	lockWait time.Duration
	lock     processLock
	history  *eventLog
	hook     func(step string)
	seed     maphash.Seed

	// turn holds one value while a goroutine of this process reads or writes the
	// files. It is what side, pinned and changes of view need.
	turn   chan struct{}
	side   *sidecar
	pinned *os.File // the token file of the view, so that its inode is not used again

	mu     sync.RWMutex // guards view and closed; never held across a file operation
	view   *view
	closed bool
}

var (
	_ tokenkeep.TokenStore = (*Store)(nil)
	_ tokenkeep.Pinger     = (*Store)(nil)
	_ tokenkeep.Historian  = (*Store)(nil)
)

// Open opens the token file at path and reads it. A missing file is created with
// mode 0600, missing folders with 0700. A symbolic link is followed here, once.
// A file that is no token file gives an error that wraps tokenkeep.ErrCorrupt,
// and is left as it is. The caller must Close the store.
func Open(path string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	s, err := open(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open token file: %w", err)
	}
	if w := s.ModeWarning(); w != "" {
		s.log.Warn("others can get at the tokens", "path", s.path, "what", w)
	}
	return s, nil
}

func open(path string, opts *Options) (*Store, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, readError(err, path)
	}
	s := &Store{
		path: path, readOnly: opts.ReadOnly, lockWait: opts.LockWait, hook: opts.hook, log: opts.Logger,
		lock: processLock{gate: path + gateSuffix, lock: path + lockSuffix},
		seed: maphash.MakeSeed(),
		turn: make(chan struct{}, 1),
		side: newSidecar(path+sidecarSuffix, opts.ReadOnly),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.history = newEventLog(path, opts.HistoryBytes, s.log)
	if s.lockWait <= 0 {
		s.lockWait = DefaultLockWait
	}
	if s.hook == nil {
		s.hook = func(string) {}
	}
	if err := s.prepare(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// resolve returns the absolute path of the file behind symbolic links. The file
// need not exist, but a link must lead into an existing folder.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err == nil {
		return real, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return abs, err
	}
	if target, err := os.Readlink(abs); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(abs), target)
		}
		return target, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs)), nil
	}
	return abs, nil
}

// prepare creates what is missing, removes what killed processes left, and reads
// the file.
func (s *Store) prepare(ctx context.Context) error {
	info, err := os.Stat(s.path)
	switch {
	case err == nil && info.IsDir():
		return readError(&fs.PathError{Op: "open", Path: s.path, Err: errIsDirectory}, s.path)
	case err != nil && (s.readOnly || !errors.Is(err, fs.ErrNotExist)):
		return readError(err, s.path)
	case err != nil:
		if err := s.create(ctx); err != nil {
			return err
		}
	case !s.readOnly:
		s.shareLocks(info)
		if err := s.clean(ctx); err != nil {
			s.log.DebugContext(ctx, "cannot clean up next to the token file", "err", err)
		}
	}
	return s.current(ctx)
}

// create makes an empty token file, unless another process was faster.
func (s *Store) create(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return writeError(err, s.path)
	}
	release, err := s.acquire(ctx, s.lockWait)
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(s.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, _ := newFile().encode()
	return writeError(durable.WriteFile(s.path, data), s.path)
}

// clean removes temporary files of killed processes. It holds the lock, so none
// of them is in use.
func (s *Store) clean(ctx context.Context) error {
	release, err := s.acquire(ctx, readLockWait)
	if err != nil {
		return err
	}
	defer release()
	for _, path := range []string{s.path, s.side.path} {
		n, err := durable.RemoveTemps(path)
		if err != nil {
			return err
		}
		if n > 0 {
			s.log.InfoContext(ctx, "removed temporary files of killed processes", "path", path, "files", n)
		}
	}
	return nil
}

// shareLocks creates the lock files with the mode and owner of the token file, so
// that whoever may use one may use all. Failing is not fatal: locking will say.
func (s *Store) shareLocks(info fs.FileInfo) {
	s.shareLock(s.lock.gate, info)
	s.shareLock(s.lock.lock, info)
}

func (s *Store) shareLock(path string, info fs.FileInfo) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return
	}
	err = errors.Join(durable.Own(f, info), f.Chmod(info.Mode().Perm()), f.Close())
	if err != nil {
		s.log.Debug("cannot share the lock file", "path", path, "err", err)
	}
}

// acquire takes the lock against other processes.
func (s *Store) acquire(ctx context.Context, wait time.Duration) (release func(), err error) {
	return s.bounded(ctx, wait, s.lock.acquire)
}

// bounded takes a lock, or gives up after wait.
func (s *Store) bounded(ctx context.Context, wait time.Duration, acquire func(context.Context) (func(), error)) (release func(), err error) {
	bounded, cancel := context.WithTimeoutCause(ctx, wait, errLockWait)
	defer cancel()
	release, err = acquire(bounded)
	switch {
	case err == nil:
		return release, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, errLockWait):
		return nil, lockError(err, s.path, wait)
	}
	return nil, writeError(err, s.path)
}

// enter waits for this goroutine's turn with the files and returns what ends it.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.isClosed() {
		<-s.turn
		return nil, tokenkeep.ErrClosed
	}
	return func() { <-s.turn }, nil
}

func (s *Store) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// Close waits for the running operation and releases the files. Everything that
// was saved is durable already. Later calls of other methods return
// tokenkeep.ErrClosed.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	s.closed, s.view = true, nil
	s.mu.Unlock()
	s.side.closeFile()
	s.pin(nil)
	return nil
}

// pin keeps f open instead of the file that was open before.
func (s *Store) pin(f *os.File) {
	if s.pinned != nil {
		_ = s.pinned.Close() // it was only read, or is synced
	}
	s.pinned = f
}

// Ping implements [tokenkeep.Pinger]: it reads the file and, unless the store is
// read-only, takes the lock and creates and removes a file in its folder.
func (s *Store) Ping(ctx context.Context) error {
	if s.readOnly {
		if err := s.current(ctx); err != nil {
			return fmt.Errorf("ping token file: %w", err)
		}
		return nil
	}
	err := s.update(ctx, func() error {
		f, err := durable.Create(s.path)
		if err != nil {
			return writeError(err, s.path)
		}
		return f.Close()
	})
	if err != nil {
		return fmt.Errorf("ping token file: %w", err)
	}
	return nil
}

// ModeWarning says who else can get at the tokens because of the modes of the
// file and its folder, and what to do, or nothing. The file of an official SDK
// usually has mode 0644.
func (s *Store) ModeWarning() string {
	if info, err := os.Stat(s.path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return fmt.Sprintf("other users of this machine can read the tokens: %s has mode %04o; run chmod 600 on it",
			s.path, info.Mode().Perm())
	}
	dir := filepath.Dir(s.path)
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Sprintf("other users of this machine can replace the token file: the folder %s has mode %04o; run chmod go-w on it",
			dir, info.Mode().Perm())
	}
	return ""
}
