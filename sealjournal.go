package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tokenkeep/tokenkeep/internal/journal"
)

// SealJournal writes every record of the rescue journal anew, sealed by
// Options.Sealer, and returns how many it wrote: after the Sealer's key has changed,
// before the old one is given up, or where records were written in clear. Neither the
// store nor the provider is asked. A crash in the middle leaves a record twice, which
// merges once.
//
// Records that cannot be opened stay as they are; the error joins theirs. Damaged ones
// are passed over. Without Options.Journal and Options.Sealer nothing happens.
func (k *Keeper) SealJournal(ctx context.Context) (sealed int, err error) {
	if k.journal == nil || k.opts.Sealer == nil {
		return 0, nil
	}
	if err := k.begin(); err != nil {
		return 0, err
	}
	defer k.work.Done()
	names, err := k.journal.Names()
	if err != nil || len(names) == 0 {
		return 0, sealJournalError(err)
	}
	unlock, err := k.lockJournal(ctx)
	if err != nil {
		return 0, sealJournalError(err)
	}
	defer unlock()
	var errs []error
	for _, name := range names {
		written, err := k.sealRecord(name)
		if written {
			sealed++
		}
		errs = append(errs, err)
	}
	return sealed, sealJournalError(errors.Join(errs...))
}

func sealJournalError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("seal journal: %w", err)
}

// sealRecord puts a record that is sealed anew in the place of an old one. It gets a
// new name, because the seal is bound to that.
func (k *Keeper) sealRecord(name string) (written bool, err error) {
	payload, err := k.openRecord(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, journal.ErrDamaged):
		return false, nil
	case err != nil:
		return false, err
	}
	next := journal.NameLike(name)
	payload, err = k.opts.Sealer.Seal(payload, aad(next))
	if err != nil {
		return false, fmt.Errorf("journal record %s: seal: %w", name, err)
	}
	written, err = k.journal.Replace(name, next, payload, true)
	if err != nil {
		return written, fmt.Errorf("journal record %s: %w", name, err)
	}
	return written, nil
}
