package tokenkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// leftovers is the age at which what a killed writer left in the journal's folder
// is removed.
const leftovers = time.Hour

// A RecoverReport counts what became of the records in the rescue journal.
type RecoverReport struct {
	// Merged: the store has it now, or had it already.
	Merged int
	// Dropped: the store has something newer, or the login was deleted.
	Dropped int
	// Left: it waits on, because the store or the record cannot be used now, or it
	// belongs to another client.
	Left int
	// Damaged: it was torn or changed, and was set aside as *.bad.
	Damaged int
}

// Recover saves what waits in the rescue journal, from this process and from dead
// ones: call it when a program starts, and now and then in one that runs for long.
// Each record is merged by compare-and-swap: older never replaces newer, what was
// deleted stays deleted, and a crash in the middle repeats what it did without
// effect. One process does so at a time.
//
// The error joins those of the records that are left; the report counts all the
// same. A damaged record is no error: it is set aside and logged. Without
// Options.Journal nothing happens.
func (k *Keeper) Recover(ctx context.Context) (RecoverReport, error) {
	if err := k.begin(); err != nil {
		return RecoverReport{}, err
	}
	defer k.work.Done()
	return k.recoverAll(ctx)
}

func (k *Keeper) recoverAll(ctx context.Context) (report RecoverReport, err error) {
	if k.journal == nil {
		return report, nil
	}
	names, err := k.journal.Names()
	if err != nil || len(names) == 0 {
		return report, recoverError(err)
	}
	unlock, err := k.lockJournal(ctx)
	if err != nil {
		report.Left = len(names)
		return report, recoverError(err)
	}
	defer unlock()
	records, err := k.records(ctx, &report)
	errs := []error{err, k.journal.Sweep(leftovers)}
	for _, r := range records {
		done, err := k.merge(ctx, r)
		switch done {
		case merged:
			report.Merged++
		case dropped:
			report.Dropped++
		default:
			report.Left++
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("journal record %s: %w", r.name, err))
		}
	}
	return report, recoverError(errors.Join(errs...))
}

func recoverError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("recover: %w", err)
}

// lockJournal waits for another process that merges, but not for one that hangs.
func (k *Keeper) lockJournal(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, k.opts.ClaimTime)
	defer cancel()
	unlock, err := k.journal.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("another process works on the rescue journal, or the folder cannot be written: %w", err)
	}
	return unlock, nil
}

// records reads all records, the newest first, so that older ones find them saved.
func (k *Keeper) records(ctx context.Context, report *RecoverReport) ([]*record, error) {
	names, err := k.journal.Names()
	errs := []error{err}
	var records []*record
	for _, name := range names {
		r, damaged, err := k.record(ctx, name)
		switch {
		case err != nil:
			report.Left++
			errs = append(errs, err)
		case damaged:
			report.Damaged++
		case r != nil:
			records = append(records, r)
		}
	}
	slices.SortStableFunc(records, func(a, b *record) int { return b.at.Compare(a.at) })
	return records, errors.Join(errs...)
}

// An outcome is what became of a record.
type outcome int

const (
	left outcome = iota
	merged
	dropped
)

// merge brings one record into the store and removes it, or says why it stays.
func (k *Keeper) merge(ctx context.Context, r *record) (outcome, error) {
	if c := r.client(); c != "" && k.opts.ClientID != "" && c != k.opts.ClientID {
		return left, nil
	}
	if r.kind == RescuedRefresh {
		return k.mergeRefresh(ctx, r)
	}
	return k.mergeLogin(ctx, r)
}

// A verdict says what a refresh record is worth beside a row.
type verdict string

// The verdicts. The others are reasons to drop the record.
const (
	useIt   verdict = ""
	isThere verdict = "the row has it"
)

var errClaimed = errors.New("another process refreshes this token now")

// verdict compares by content and never by clocks: a row whose tokens are not those
// that the record was minted from is newer.
func (r *record) verdict(row *Token, now time.Time) verdict {
	there := row.AccessToken.Equal(r.token.AccessToken)
	if r.successor() {
		there = row.RefreshToken.Equal(r.token.RefreshToken)
	}
	switch {
	case there:
		return isThere
	case mark(row.RefreshToken) != r.spent:
		return "there is a newer login"
	case r.successor():
		return useIt // the only refresh token that works
	case mark(row.AccessToken) != r.was:
		return "the store has a newer token"
	case !r.token.Valid(now, 0):
		return "it has expired meanwhile"
	case row.State.Class == NeedsLogin:
		return "the login has ended meanwhile"
	}
	return useIt
}

// mergeRefresh saves a minted token as the flight that minted it would have done.
func (k *Keeper) mergeRefresh(ctx context.Context, r *record) (outcome, error) {
	for {
		row, err := k.store.FindTokenByID(ctx, r.row.ID)
		if errors.Is(err, ErrNotFound) {
			k.revokeOrphan(ctx, &minted{token: r.token, asked: r.row})
			return k.dropRecord(ctx, r, r.row, "the login was deleted meanwhile"), nil
		}
		if err != nil {
			return left, storeError("find", err)
		}
		switch v := r.verdict(row, time.Now()); {
		case v == isThere:
			return k.endRecord(ctx, r, row), nil
		case v != useIt:
			return k.dropRecord(ctx, r, row, string(v)), nil
		case !r.successor() && claimedByOther(row.Claim, r.owner):
			return left, errClaimed
		}
		next := carry(row, r.minted(row))
		err = k.store.SaveToken(ctx, next)
		if err == nil {
			return k.endRecord(ctx, r, next), nil
		}
		if !errors.Is(err, ErrConflict) || sleep(ctx, poll) != nil {
			return left, storeError("save", err)
		}
	}
}

// claimedByOther reports whether c is held by another Keeper than that of owner,
// a flight.
func claimedByOther(c Claim, owner string) bool {
	keeper := owner[:strings.LastIndexByte(owner, ':')+1]
	return c.Held() && (keeper == "" || !strings.HasPrefix(c.Owner, keeper))
}

// endRecord removes a record that row holds, and tells.
func (k *Keeper) endRecord(ctx context.Context, r *record, row *Token) outcome {
	k.removeRecord(ctx, r.name)
	if st := k.known(row.ID); st != nil {
		st.publish(k.snapshot(row, false))
	}
	k.emit(ctx, saved(row, true).of(row))
	return merged
}

// dropRecord removes a record that is of no use.
func (k *Keeper) dropRecord(ctx context.Context, r *record, row *Token, why string) outcome {
	k.removeRecord(ctx, r.name)
	e := Event{Kind: Dropped, Reason: "rescue journal: " + why}.of(row)
	e.TokenID = cmp.Or(row.ID, r.entry().TokenID)
	k.emit(ctx, e)
	return dropped
}
