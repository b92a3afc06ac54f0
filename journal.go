package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"github.com/tokenkeep/tokenkeep/internal/journal"
)

// A Sealer encrypts the records of the rescue journal. It must be safe for
// concurrent use. An AEAD of Tink is one, but for the names of its methods.
type Sealer interface {
	// Seal encrypts and authenticates plain, and authenticates aad with it.
	Seal(plain, aad []byte) ([]byte, error)
	// Open returns what was given to Seal with the same aad, or an error.
	Open(sealed, aad []byte) ([]byte, error)
}

// A JournalEntry tells of one record in the rescue journal. It holds no secret.
type JournalEntry struct {
	// Name is the record's file in the folder Options.Journal.
	Name string
	// Kind says what the record holds.
	Kind RescueKind
	// TokenID is the id of the row; empty for a login that had none yet.
	TokenID string
	// UserName is empty when nobody has looked the name up yet.
	UserName string
	// ClientID is the OAuth client of the login.
	ClientID string
	// Time is when the token was minted, by the clock of that process.
	Time time.Time
	// Owner names the process and flight that minted it.
	Owner string
	// Why says why the store did not take it.
	Why string
}

// Journal yields what waits in the rescue journal, without secrets, and what was
// set aside because it is damaged. A record that cannot be read, for want of the
// right key, say, is yielded with its Name and an error; the others follow.
// Without Options.Journal there is nothing.
func (k *Keeper) Journal(ctx context.Context) iter.Seq2[JournalEntry, error] {
	return func(yield func(JournalEntry, error) bool) {
		if k.journal == nil {
			return
		}
		names, err := k.journal.Names()
		bad, badErr := k.journal.Bad()
		if err = errors.Join(err, badErr); err != nil {
			yield(JournalEntry{}, fmt.Errorf("journal: %w", err))
			return
		}
		for _, name := range names {
			r, err := k.readRecord(name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err == nil:
				err = ctx.Err()
			}
			entry := JournalEntry{Name: name}
			if err == nil {
				entry = r.entry()
			}
			if !yield(entry, err) {
				return
			}
		}
		for _, name := range bad {
			if !yield(JournalEntry{Name: name, Kind: RescuedDamaged}, nil) {
				return
			}
		}
	}
}

// aad binds a sealed record to its file.
func aad(name string) []byte { return []byte("tokenkeep rescue journal 1 " + name) }

// writeRecord makes r durable and sets its name.
func (k *Keeper) writeRecord(ctx context.Context, r *record, key string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = k.panicked(ctx, "sealer", p)
		}
		if err != nil {
			err = fmt.Errorf("rescue journal: %w", err)
		}
	}()
	if err := r.validate(); err != nil {
		return err // no store would take it either
	}
	payload, err := r.encode()
	if err != nil {
		return err
	}
	name, sealed := journal.Name(string(r.kind), key, r.owner), k.opts.Sealer != nil
	if sealed {
		if payload, err = k.opts.Sealer.Seal(payload, aad(name)); err != nil {
			return fmt.Errorf("seal: %w", err)
		}
	}
	if err := k.journal.Add(name, payload, sealed); err != nil {
		return err
	}
	r.name = name
	k.rescued.Add(1)
	return nil
}

// openRecord returns what was written into one record, opened. The error wraps
// journal.ErrDamaged when it will never be readable.
func (k *Keeper) openRecord(name string) ([]byte, error) {
	payload, sealed, err := k.journal.Read(name)
	if err != nil {
		return nil, fmt.Errorf("journal record %s: %w", name, err)
	}
	if !sealed {
		return payload, nil
	}
	if k.opts.Sealer == nil {
		return nil, fmt.Errorf("journal record %s: it is sealed, and there is no Options.Sealer", name)
	}
	if payload, err = k.opts.Sealer.Open(payload, aad(name)); err != nil {
		return nil, fmt.Errorf("journal record %s: it cannot be opened with this key: %w", name, err)
	}
	return payload, nil
}

// readRecord reads one record. Its error is that of openRecord, or wraps
// journal.ErrDamaged too.
func (k *Keeper) readRecord(name string) (*record, error) {
	payload, err := k.openRecord(name)
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(payload)
	switch {
	case errors.Is(err, errNewerRecord):
		return nil, fmt.Errorf("journal record %s: %w", name, err)
	case err != nil:
		return nil, fmt.Errorf("journal record %s: %w: %w", name, journal.ErrDamaged, err)
	}
	r.name = name
	return r, nil
}

// record reads one record for work on it. A damaged one is set aside and told of;
// it and one that is gone are nil.
func (k *Keeper) record(ctx context.Context, name string) (r *record, damaged bool, err error) {
	r, err = k.readRecord(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case errors.Is(err, journal.ErrDamaged):
		if _, moveErr := k.journal.SetAside(name); moveErr != nil && !errors.Is(moveErr, fs.ErrNotExist) {
			err = errors.Join(err, moveErr)
		}
		k.opts.Logger.WarnContext(ctx, "tokenkeep: a damaged record of the rescue journal was set aside", "record", name, "error", err)
		return nil, true, nil
	}
	return r, false, err
}

// removeRecord ends a record. One that cannot be removed is merged again, which
// changes nothing.
func (k *Keeper) removeRecord(ctx context.Context, name string) {
	if err := k.journal.Remove(name); err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: a record of the rescue journal was used and could not be removed", "record", name, "error", err)
	}
}
