//go:build unix

package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A mode is what is wrong with a store. The parent writes it into a file in the
// cell's folder, which all processes of the cell look at: the store is theirs
// together.
type mode string

// The modes.
const (
	sound     mode = ""
	down      mode = "down"      // neither reads nor writes
	full      mode = "full"      // no space for a write
	readOnly  mode = "read-only" // no write is taken
	slow      mode = "slow"      // a write takes longer than a claim may stand still
	late      mode = "late"      // so does its answer alone
	haltEarly mode = "halt before"
	haltLate  mode = "halt after"
)

// faultFile holds the mode.
const faultFile = "fault"

// setMode changes what is wrong with the store of the cell in folder.
func setMode(folder string, m mode) error {
	tmp := filepath.Join(folder, faultFile+".new")
	if err := os.WriteFile(tmp, []byte(m), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(folder, faultFile))
}

// A faultyStore is a store as a process of a cell sees it.
type faultyStore struct {
	tokenkeep.TokenStore
	child *child
}

func (s *faultyStore) mode() mode {
	b, err := os.ReadFile(filepath.Join(s.child.task.Folder, faultFile))
	if err != nil {
		return sound
	}
	return mode(b)
}

var errDown = errors.New("connection refused")

// FindToken implements tokenkeep.TokenStore.
func (s *faultyStore) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	if s.mode() == down {
		return nil, errDown
	}
	return s.TokenStore.FindToken(ctx, partial)
}

// FindTokenByID implements tokenkeep.TokenStore.
func (s *faultyStore) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if s.mode() == down {
		return nil, errDown
	}
	return s.TokenStore.FindTokenByID(ctx, id)
}

// SaveToken implements tokenkeep.TokenStore.
func (s *faultyStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	switch m := s.mode(); m {
	case down:
		return errDown
	case full:
		return errors.New("no space left on device")
	case readOnly:
		return fmt.Errorf("save: %w", tokenkeep.ErrReadOnly)
	case slow, haltEarly:
		if err := s.hold(ctx, m); err != nil {
			return err
		}
		return s.TokenStore.SaveToken(ctx, t)
	case late, haltLate:
		row := t.Clone()
		if err := s.TokenStore.SaveToken(ctx, row); err != nil {
			return err
		}
		if err := s.hold(ctx, m); err != nil {
			return err // it was saved, and nobody learns of it
		}
		t.ID, t.Version = row.ID, row.Version
		return nil
	}
	return s.TokenStore.SaveToken(ctx, t)
}

// hold keeps a write waiting: for its time, or for the parent.
func (s *faultyStore) hold(ctx context.Context, m mode) error {
	if m == haltEarly || m == haltLate {
		s.child.waitAt("save")
		return nil
	}
	select {
	case <-time.After(s.child.task.Claim * 3 / 2):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
