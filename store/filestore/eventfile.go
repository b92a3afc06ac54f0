package filestore

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/durable"
)

// An eventLog is the file with the history: JSON lines, which are only appended, and
// rewritten when old ones go. It has a lock of its own, so that tokens never wait.
type eventLog struct {
	path, lock string
	tokens     string // the token file, whose mode and owner it takes
	limit      int64  // of bytes; negative: there is no history
	log        *slog.Logger
}

func newEventLog(tokens string, limit int64, log *slog.Logger) *eventLog {
	if limit == 0 {
		limit = DefaultHistoryBytes
	}
	path := tokens + historySuffix
	return &eventLog{path: path, lock: path + lockSuffix, tokens: tokens, limit: limit, log: log}
}

// acquire waits for the lock until ctx is done and returns what releases it.
func (l *eventLog) acquire(ctx context.Context) (release func(), err error) {
	held, err := poll(ctx, l.lock, gatePoll)
	if err != nil {
		return nil, err
	}
	return func() { unlock(held) }, nil
}

// append adds lines durably: all, or none if it fails. The caller has the lock.
func (l *eventLog) append(lines []byte) (err error) {
	if len(lines) == 0 {
		return nil
	}
	f, err := l.open()
	if err != nil {
		return err
	}
	size, err := l.appendTo(f, lines)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if size > l.limit {
		l.shorten(size)
	}
	return nil
}

// open opens the file for appending; it makes it if it is not there.
func (l *eventLog) open() (*os.File, error) {
	const flags = os.O_RDWR | os.O_APPEND
	f, err := os.OpenFile(l.path, flags, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if f, err = os.OpenFile(l.path, flags|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if err := errors.Join(l.share(f), durable.SyncDir(filepath.Dir(l.path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// share gives a new file the mode and owner of the token file, so that whoever may
// use one may use both.
func (l *eventLog) share(f *os.File) error {
	info, err := os.Stat(l.tokens)
	if err != nil || info.Mode().Perm() == 0o600 {
		return nil //nolint:nilerr // without a token file there is nothing to be like
	}
	return errors.Join(durable.Own(f, info), f.Chmod(info.Mode().Perm()))
}

// appendTo appends lines to f and returns its size. A line that a process did not
// finish is ended first, so that it spoils no other.
func (l *eventLog) appendTo(f *os.File, lines []byte) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	if torn, err := unfinished(f, size); err != nil {
		return 0, err
	} else if torn {
		l.log.Warn("the last line of the history was not finished", "path", l.path)
		lines = append([]byte{'\n'}, lines...)
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return 0, errors.Join(err, f.Truncate(size))
	}
	return size + int64(len(lines)), nil
}

// unfinished reports whether the last line of f, which has size bytes, has no end.
func unfinished(f *os.File, size int64) (bool, error) {
	if size == 0 {
		return false, nil
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

// shorten drops the oldest lines of a file that has grown to size, down to half of
// the limit, so that it need not be done often. Failing is not fatal: it is tried again
// after the next append.
func (l *eventLog) shorten(size int64) {
	from := size - l.limit/2
	removed, err := l.rewrite(context.Background(), func(_ tokenkeep.Event, line eventLine) bool { return line.start >= from })
	if err != nil {
		l.log.Warn("cannot shorten the history", "path", l.path, "err", err)
		return
	}
	l.log.Info("the oldest events were removed from the history, which had grown to its limit", "path", l.path, "events", removed)
}

// prune removes the events from before a time and returns how many those were. The
// caller has the lock.
func (l *eventLog) prune(ctx context.Context, before time.Time) (int, error) {
	return l.rewrite(ctx, func(e tokenkeep.Event, _ eventLine) bool { return !e.Time.Before(before) })
}

// rewrite replaces the file by one with the lines that keep wants, and returns how
// many events went. If none did, the file is left as it is.
func (l *eventLog) rewrite(ctx context.Context, keep func(tokenkeep.Event, eventLine) bool) (removed int, err error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if _, err := durable.RemoveTemps(l.path); err != nil {
		return 0, err
	}
	next, err := durable.Create(l.path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, next.Close()) }()
	if removed, err = l.copyTo(ctx, next, keep); err != nil || removed == 0 {
		return 0, err
	}
	if err := errors.Join(next.Like(info), next.Sync()); err != nil {
		return 0, err
	}
	return removed, next.Commit()
}

// copyTo writes the lines that keep wants to next and returns how many events it left
// out.
func (l *eventLog) copyTo(ctx context.Context, next io.Writer, keep func(tokenkeep.Event, eventLine) bool) (left int, err error) {
	old, err := os.Open(l.path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = old.Close() }() // it was only read
	out := bufio.NewWriterSize(next, 64<<10)
	var failed error
	err = readEvents(ctx, old, func(e tokenkeep.Event, line eventLine) bool {
		switch {
		case line.damaged:
		case keep(e, line):
			_, failed = out.Write(line.text)
		default:
			left++
		}
		return failed == nil
	})
	return left, errors.Join(err, failed, out.Flush())
}
