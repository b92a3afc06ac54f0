package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// DefaultHistoryBytes bounds the history by default: some 60,000 events.
const DefaultHistoryBytes = 16 << 20

// AppendEvents implements [tokenkeep.Historian]: one line of FILE.history for each
// event, all on stable storage when it returns. It waits for other writers of the
// history only, and no save or lookup of a token waits for it.
func (s *Store) AppendEvents(ctx context.Context, events []tokenkeep.Event) error {
	lines, err := eventLines(events)
	if err == nil {
		err = s.editHistory(ctx, func() error { return s.history.append(lines) })
	}
	if err != nil {
		return fmt.Errorf("append to the history of the token file: %w", err)
	}
	return nil
}

// PruneEvents implements [tokenkeep.Historian]. It rewrites FILE.history if
// something has to go; lines that are damaged go too, uncounted.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (removed int, err error) {
	err = s.editHistory(ctx, func() error {
		removed, err = s.history.prune(ctx, before)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune the history of the token file: %w", err)
	}
	return removed, nil
}

// Events implements [tokenkeep.Historian]. It reads FILE.history as it goes and holds
// one line at a time. Lines that are damaged are passed over and logged.
func (s *Store) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return func(yield func(tokenkeep.Event, error) bool) {
		err := s.readHistory(ctx, func(e tokenkeep.Event) bool { return !q.Fits(e) || yield(e, nil) })
		if err != nil {
			yield(tokenkeep.Event{}, fmt.Errorf("read the history of the token file: %w", err))
		}
	}
}

// readHistory calls use with each event until it returns false.
func (s *Store) readHistory(ctx context.Context, use func(tokenkeep.Event) bool) error {
	if err := s.historyUsable(ctx); err != nil {
		return err
	}
	f, err := os.Open(s.history.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return readError(err, s.history.path)
	}
	defer func() { _ = f.Close() }() // it was only read
	err = readEvents(ctx, f, func(e tokenkeep.Event, line eventLine) bool {
		if line.damaged {
			s.log.WarnContext(ctx, "a damaged line in the history is passed over", "path", s.history.path, "offset", line.start)
			return true
		}
		return use(e)
	})
	if err != nil && ctx.Err() == nil {
		return readError(err, s.history.path)
	}
	return err
}

// historyUsable reports why the history cannot be used.
func (s *Store) historyUsable(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.isClosed():
		return tokenkeep.ErrClosed
	case s.history.limit < 0:
		return fmt.Errorf("%w: Options.HistoryBytes says so", tokenkeep.ErrNoHistory)
	}
	return nil
}

// editHistory runs f with the history locked against other writers.
func (s *Store) editHistory(ctx context.Context, f func() error) error {
	err := s.historyUsable(ctx)
	if err == nil {
		err = s.writable()
	}
	if err != nil {
		return err
	}
	s.shareHistoryLock()
	release, err := s.bounded(ctx, s.lockWait, s.history.acquire)
	if err != nil {
		return err
	}
	defer release()
	return writeError(f(), s.history.path)
}

// shareHistoryLock makes the lock file of the history, if it is not there yet, such
// that whoever may use the token file may use it.
func (s *Store) shareHistoryLock() {
	if _, err := os.Stat(s.history.lock); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if info, err := os.Stat(s.path); err == nil {
		s.shareLock(s.history.lock, info)
	}
}
