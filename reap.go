package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ReapOptions say what [Keeper.Reap] cleans up. Each criterion stands for itself and
// is off unless it is set; with none, nothing happens. With any, what an earlier run of
// Reap or Revoke began to end is ended too.
type ReapOptions struct {
	// Idle ends the logins that Policy.IdleTimeout has ended.
	Idle bool
	// Lifetime ends the logins that Policy.Lifetime has ended.
	Lifetime bool
	// DeadFor ends logins that need a login for this long: their refresh token is dead.
	// Those that are throttled, misconfigured, or fail for any other reason stay.
	DeadFor time.Duration
	// InDoubtFor ends logins that are in doubt for this long.
	InDoubtFor time.Duration
	// ExpiredFor ends rows with an access token alone that has expired this long ago.
	ExpiredFor time.Duration
	// UnfinishedFor ends rows with a code alone that were made this long ago.
	UnfinishedFor time.Duration
	// HistoryFor removes events older than this from the history, if the store keeps
	// one.
	HistoryFor time.Duration
	// AllClients looks at the rows of all clients, also those that name none. Default:
	// only those of Options.ClientID, if it is set.
	AllClients bool
	// DryRun only tells what a run would do.
	DryRun bool
	// Workers is how many logins are ended at a time. Default 4.
	Workers int
	// Each is told of every login that is ended, in the order of ids, on the caller's
	// goroutine. Default: nobody is.
	Each func(Ending)
}

// errNoLimit: the criterion is asked for, and the Policy has no such limit.
var errNoLimit = errors.New("the Policy has no such limit")

// Reap ends logins of no use any more: it revokes them at the provider, unless their
// refresh token is dead, and deletes them. One that cannot be revoked stays, and so
// does one that somebody refreshes, uses or makes anew meanwhile, also if the new login
// still waits in the rescue journal of this host. A login that the Policy lets be
// refreshed is never ended, whatever fails about it: not one with a wrong client
// secret, however long.
//
// Every limit is exceeded by Policy.ClockSkew before it counts, and the machine's
// clock is believed beyond that: a dry run tells what it takes for old.
//
// It reads the whole store and holds a few rows of it. The error joins the failures;
// the report counts all the same. After many failures in a row it gives up with [ErrGaveUp].
func (k *Keeper) Reap(ctx context.Context, o ReapOptions) (EndReport, error) {
	if err := k.begin(); err != nil {
		return EndReport{}, err
	}
	defer k.work.Done()
	p := k.opts.Policy
	if o.Idle && p.IdleTimeout <= 0 || o.Lifetime && p.Lifetime <= 0 {
		return EndReport{}, fmt.Errorf("reap: %w: set IdleTimeout or Lifetime", errNoLimit)
	}
	d := &ender{keeper: k, op: "reap", dry: o.DryRun, judge: func(row *Token, now time.Time) (Cause, string) {
		if !o.AllClients && k.opts.ClientID != "" && row.ClientID != k.opts.ClientID {
			return "", ""
		}
		return o.judge(p, row, now)
	}}
	var report EndReport
	var err error
	if o.looksAtRows() {
		report, err = d.sweep(ctx, k.store.GetTokens(ctx), o.Workers, o.Each)
	}
	if err == nil {
		report.Events, err = k.pruneHistory(ctx, o)
	}
	return report, errors.Join(err, report.err("reap", false))
}

func (o *ReapOptions) looksAtRows() bool {
	return o.Idle || o.Lifetime || o.DeadFor > 0 || o.InDoubtFor > 0 || o.ExpiredFor > 0 || o.UnfinishedFor > 0
}

// judge says which criterion row meets, and "" if none.
func (o *ReapOptions) judge(p Policy, row *Token, now time.Time) (Cause, string) {
	past := func(since time.Time, limit time.Duration) bool {
		return limit > 0 && !since.IsZero() && now.Sub(since) >= limit+p.skew()
	}
	noTokens := row.RefreshToken.IsZero() && row.AccessToken.IsZero()
	state := row.State
	switch {
	case isEnding(row):
		return CauseLeft, leftReason(row)
	case noTokens && past(row.CreatedAt, o.UnfinishedFor):
		return CauseUnfinished, CleanedUp + ": a login that was not finished"
	case noTokens:
		return "", ""
	case row.RefreshToken.IsZero() && past(row.Expiry, o.ExpiredFor):
		return CauseExpired, CleanedUp + ": an expired access token without a refresh token"
	case state.Class == NeedsLogin && past(state.Since, o.DeadFor):
		return CauseDead, CleanedUp + ": dead for " + age(now.Sub(state.Since)) + ": " + state.Reason
	case state.Class == InDoubt && past(state.Since, o.InDoubtFor):
		return CauseInDoubt, CleanedUp + ": in doubt for " + age(now.Sub(state.Since)) + ": " + state.Reason
	}
	return o.pastPolicy(p, row, now)
}

// leftReason says why an earlier run began to end row.
func leftReason(row *Token) string {
	if hasMarkState(row) {
		return row.State.Reason
	}
	return CleanedUp + ": " + row.State.Reason
}

// pastPolicy is the criteria Idle and Lifetime.
func (o *ReapOptions) pastPolicy(p Policy, row *Token, now time.Time) (Cause, string) {
	if !o.Idle {
		p.IdleTimeout = 0
	}
	if !o.Lifetime {
		p.Lifetime = 0
	}
	end, cause := p.EndsAt(row)
	if end.IsZero() || now.Before(end) {
		return "", ""
	}
	return cause, p.reason(row, cause, now)
}

// age is a duration in words: whole days, or hours if it is shorter than two.
func age(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// pruneHistory removes old events, or counts them in a dry run.
func (k *Keeper) pruneHistory(ctx context.Context, o ReapOptions) (n int, err error) {
	h, ok := k.store.(Historian)
	if !ok || o.HistoryFor <= 0 {
		return 0, nil
	}
	before := time.Now().Add(-o.HistoryFor)
	if !o.DryRun {
		n, err = h.PruneEvents(ctx, before)
	} else {
		n, err = countEvents(ctx, h, before)
	}
	if errors.Is(err, ErrNoHistory) {
		return 0, nil
	}
	if err != nil {
		return n, callerError(ctx, "reap: history", err)
	}
	return n, nil
}

func countEvents(ctx context.Context, h Historian, before time.Time) (n int, err error) {
	for e, err := range h.Events(ctx, EventQuery{}) {
		if err != nil {
			return n, err
		}
		if e.Time.Before(before) {
			n++
		}
	}
	return n, nil
}
