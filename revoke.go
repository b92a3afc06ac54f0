package tokenkeep

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// A RevokeQuery says which logins [Keeper.Revoke] ends: those that fit all of TokenID,
// UserName and ClientID that are set. Without any, All has to be set.
type RevokeQuery struct {
	// TokenID is the id of one row.
	TokenID string
	// UserName is a user: all rows under this name and, if it is the email of names
	// like "<email>:<zgid>", under those; of all data centres and clients.
	UserName string
	// ClientID is a client.
	ClientID string
	// All means every login of the store, if nothing else is set.
	All bool
	// DryRun only tells what a run would do.
	DryRun bool
	// Workers is how many logins are ended at a time. Default 4.
	Workers int
	// Each is told of every login that is ended, in the order of ids, on the caller's
	// goroutine. Default: nobody is.
	Each func(Ending)
}

// Revoke ends logins: it revokes each at the provider, then deletes it, like
// [Keeper.Logout] for many. One that cannot be revoked stays as it is. A refresh that
// runs at that moment, here or elsewhere, brings nothing back. A login that is made at
// that moment is kept and reported as an error.
//
// Rows of other clients than the Keeper's are revoked too, as far as the provider can:
// Zoho's needs the token alone.
//
// Several logins are no transaction: the error lists those that were not ended, and
// running it again ends the rest. It wraps [ErrNotFound] when none fits, and
// [ErrNoKey] when the query is empty. After many failures in a row it gives up with [ErrGaveUp].
func (k *Keeper) Revoke(ctx context.Context, q RevokeQuery) (EndReport, error) {
	const op = "revoke"
	if q.TokenID == "" && q.UserName == "" && q.ClientID == "" && !q.All {
		return EndReport{}, fmt.Errorf("%s: %w: name a token, a user or a client, or say all", op, ErrNoKey)
	}
	if err := k.begin(); err != nil {
		return EndReport{}, err
	}
	defer k.work.Done()
	d := &ender{keeper: k, op: op, dry: q.DryRun, insist: true, judge: func(row *Token, _ time.Time) (Cause, string) {
		if !q.fits(row) {
			return "", ""
		}
		return CauseRevoked, RevokedOnRequest
	}}
	report, err := d.sweep(ctx, k.asked(ctx, q), q.Workers, q.Each)
	if err != nil {
		return report, err
	}
	if none := report.Total()+report.Kept+report.Failed == 0; none && (q.TokenID != "" || q.UserName != "" || q.ClientID != "") {
		return report, fmt.Errorf("%s: %w: no login fits", op, ErrNotFound)
	}
	return report, report.err(op, true)
}

// asked yields the rows that q may mean.
func (k *Keeper) asked(ctx context.Context, q RevokeQuery) iter.Seq2[*Token, error] {
	if q.TokenID == "" {
		return k.store.GetTokens(ctx)
	}
	return func(yield func(*Token, error) bool) { yield(k.look(ctx, q.TokenID)) }
}

func (q *RevokeQuery) fits(row *Token) bool {
	return (q.TokenID == "" || row.ID == q.TokenID) &&
		(q.UserName == "" || isUser(row.UserName, q.UserName)) &&
		(q.ClientID == "" || row.ClientID == q.ClientID)
}
