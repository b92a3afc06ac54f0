package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// retried runs do again for as long as the product took it back for a cause that
// passes, such as a deadlock, and says that this may go on.
func (s *Store) retried(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || isOurs(err) || ctx.Err() != nil || try >= s.dialect.diagnose(err).tries {
			return err
		}
		if pause(ctx, try) != nil {
			return err
		}
	}
}

// readTries is how often a read is made in all when connections turn out to be
// broken: each try takes one of them out of the pool.
const readTries = 10

// reread runs do, which only reads, again when its connection broke.
func (s *Store) reread(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || isOurs(err) || ctx.Err() != nil || s.closed.Load() || try >= readTries {
			return err
		}
		if dial, ok := errors.AsType[*net.OpError](err); !s.dialect.diagnose(err).lost || ok && dial.Op == "dial" {
			return err
		}
	}
}

// pause waits a little, longer after each try.
func pause(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(time.Duration(min(try, 10)) * 4 * time.Millisecond)) //nolint:gosec // jitter is no secret
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
