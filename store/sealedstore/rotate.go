package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A Rotation says what [Store.Rotate] did.
type Rotation struct {
	// Primary is the id of the key that seals now.
	Primary string
	// Sealed counts the rows that were sealed anew, or for the first time.
	Sealed int
	// Failed counts the rows that could not be opened or saved, and were left as
	// they are.
	Failed int
}

// Rotate makes the key with the id newPrimary the primary one and seals all rows
// with it that are not, plain ones included. An empty newPrimary stands for a new
// random key, which is added to the first source of the key ring.
//
// Callers in this and other processes go on as if nothing happened: the versions
// that they see do not change, no save of theirs fails, and none waits longer than a
// look-up. If Rotate is cut off, call it again with the id of the primary key: it
// seals what is left. Older keys stay in the ring until [Store.Retire].
//
// The error tells of the first row that could not be sealed; the others are.
func (s *Store) Rotate(ctx context.Context, newPrimary string) (*Rotation, error) {
	var err error
	if newPrimary == "" {
		newPrimary, err = s.keys.AddKey(ctx)
	} else {
		err = s.keys.promote(ctx, newPrimary)
	}
	if err != nil {
		return nil, wrap("rotate", err)
	}
	sum := &Rotation{Primary: newPrimary}
	var first error
	looked := 0
	for inner, err := range s.inner.GetTokens(ctx) {
		if err != nil {
			return sum, wrap("rotate", err)
		}
		switch changed, err := s.reseal(ctx, inner, newPrimary); {
		case ctx.Err() != nil:
			return sum, wrap("rotate", context.Cause(ctx))
		case err != nil:
			sum.Failed++
			if first == nil {
				first = err
			}
			s.opts.Logger.WarnContext(ctx, "a row could not be sealed with the new key", "token", inner.ID, "error", err)
		case changed:
			sum.Sealed++
		}
		looked++
		s.opts.Progress(looked)
	}
	return sum, wrap("rotate", first)
}

// reservedTime is for how long a reserved row may wait for its token before a
// rotation takes it for one whose process died.
const reservedTime = time.Hour

// reseal seals a row with the primary key and reports whether that was needed. It
// conflicts with nobody but the inner store's writers of this moment, and then reads
// the row again.
func (s *Store) reseal(ctx context.Context, inner *tokenkeep.Token, primary string) (bool, error) {
	for try := range tries {
		if id, err := keyOf(inner); err != nil || id == primary {
			return false, err
		}
		changed, err := s.resealOnce(ctx, inner)
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return changed, err
		}
		if err := pause(ctx, try); err != nil {
			return false, err
		}
		inner, err = s.inner.FindTokenByID(ctx, inner.ID)
		if errors.Is(err, tokenkeep.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, errTooFast
}

// resealOnce tries to. Callers see the same version of the token as before.
func (s *Store) resealOnce(ctx context.Context, inner *tokenkeep.Token) (bool, error) {
	r, err := s.unseal(ctx, inner)
	if err != nil {
		return false, openError(inner.ID, err)
	}
	if r.reserved() {
		return false, s.touch(ctx, inner)
	}
	return true, s.write(ctx, inner, r.token, r.token.Version)
}

// touch saves a reserved row as it is, so that who is about to fill it, perhaps
// with the key of before, has to look at the keys again. One that nobody fills any
// more is deleted.
func (s *Store) touch(ctx context.Context, inner *tokenkeep.Token) error {
	err := s.inner.SaveToken(ctx, inner)
	if err != nil || time.Since(inner.CreatedAt) < reservedTime {
		return err
	}
	if err := s.inner.DeleteToken(ctx, inner.ID); !errors.Is(err, tokenkeep.ErrNotFound) {
		return err
	}
	return nil
}

// KeysInUse returns how many rows are sealed with each key, by its id. The id ""
// counts plain rows. Nothing is opened. The error tells of a row whose seal cannot be
// read; the counts of the others come with it.
func (s *Store) KeysInUse(ctx context.Context) (map[string]int, error) {
	uses := map[string]int{}
	var bad error
	for inner, err := range s.inner.GetTokens(ctx) {
		if err != nil {
			return nil, wrap("keys in use", err)
		}
		id, err := keyOf(inner)
		switch {
		case err != nil:
			bad = openError(inner.ID, err)
		case id == "" && isReserved(inner):
		default:
			uses[id]++
		}
	}
	return uses, wrap("keys in use", bad)
}

// Retire takes a key out of the first source of the key ring, so that what it
// sealed can never be opened again; with Options.Archive it only puts it aside there.
// It refuses with an error that wraps [ErrKeyInUse] if it is the primary key, or a row
// or what Options.AlsoInUse knows is sealed with it, and with one of theirs if that
// cannot be told.
//
// Before, all processes that share the store must know the new key: those that share
// a key file do, the others once they were restarted or called [Keyring.Reload].
// Backups of the store that are older than the rotation need the retired key.
func (s *Store) Retire(ctx context.Context, keyID string) error {
	if s.keys.fresh(ctx).primary().id == keyID {
		return wrap("retire", fmt.Errorf("%w: %s is the primary key; rotate to another one first", ErrKeyInUse, keyID))
	}
	if err := s.unused(ctx, keyID); err != nil {
		return wrap("retire", err)
	}
	text, err := s.keys.remove(ctx, keyID, s.opts.Archive)
	if err != nil {
		return wrap("retire", err)
	}
	if err := s.unused(ctx, keyID); err != nil { // a process that does not know the new key
		return wrap("retire", errors.Join(err, s.keys.bringBack(ctx, text)))
	}
	return nil
}

// unused returns an error unless it is certain that nothing is sealed with the key.
func (s *Store) unused(ctx context.Context, keyID string) error {
	uses, err := s.KeysInUse(ctx)
	if err != nil {
		return err
	}
	if n := uses[keyID]; n > 0 {
		return fmt.Errorf("%w: %d tokens are sealed with %s; rotate once more, and restart processes that seal with it", ErrKeyInUse, n, keyID)
	}
	if s.opts.AlsoInUse == nil {
		return nil
	}
	also, err := s.opts.AlsoInUse(ctx)
	if err != nil {
		return err
	}
	if n := also[keyID]; n > 0 {
		return fmt.Errorf("%w: %d records beside the store are sealed with %s", ErrKeyInUse, n, keyID)
	}
	return nil
}
