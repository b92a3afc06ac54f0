package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// errRollback ends a write without an error and without an effect.
var errRollback = errors.New("roll back")

// write runs do in a transaction, under the write lock, and commits it unless do
// fails.
func (s *Store) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	unlock, err := s.lock.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.transact(ctx, do)
}

// transact runs do in a transaction. The caller holds the write lock.
func (s *Store) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.isolation})
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to tell; a lost connection rolls back too
		if errors.Is(err, errRollback) {
			return nil
		}
		return err
	}
	return tx.Commit()
}
