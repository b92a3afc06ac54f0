package tokenkeep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// limitLogins keeps Policy.MaxLogins after a login, which is row: it ends the oldest
// of the user's logins or, if the Policy says so, this one. That it cannot do so is
// logged: the next login tries again. A renewed row is no new login.
func (k *Keeper) limitLogins(ctx context.Context, row *Token, renewed bool) error {
	p := k.opts.Policy
	if p.MaxLogins <= 0 || row.UserName == "" || p.RefuseLogins && renewed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.opts.FlightTime)
	defer cancel()
	others, err := k.otherLogins(ctx, row)
	if err != nil {
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the user's logins could not be counted", "token", row.ID, "error", err)
		return nil
	}
	over := len(others) + 1 - p.MaxLogins
	if over <= 0 {
		return nil
	}
	reason := fmt.Sprintf("%s: %d logins of the user, %d allowed", EndedByPolicy, len(others)+1, p.MaxLogins)
	if p.RefuseLogins {
		return k.refuseLogin(ctx, row, reason)
	}
	for _, t := range others[:over] {
		if byAge(t, row) > 0 {
			break // it was made at the same moment, and ends this one: not both
		}
		if err := k.endSurplus(ctx, t, reason); err != nil {
			k.opts.Logger.WarnContext(ctx, "tokenkeep: a login beyond the policy's limit was not ended", "token", t.ID, "error", err)
		}
	}
	return nil
}

// otherLogins returns the logins of row's user and client that work, the oldest first,
// but for row itself.
func (k *Keeper) otherLogins(ctx context.Context, row *Token) ([]*Token, error) {
	var list []*Token
	email := EmailOf(row.UserName)
	for t, err := range k.store.GetTokens(ctx) {
		switch {
		case err != nil:
			return nil, err
		case t.ID == row.ID || t.ClientID != row.ClientID || EmailOf(t.UserName) != email:
		case t.State.Class == NeedsLogin || k.opts.Policy.Check(t, time.Now()) != nil:
		default:
			list = append(list, t)
		}
	}
	slices.SortFunc(list, byAge)
	return list, nil
}

// byAge orders logins, the oldest first, everywhere alike.
func byAge(a, b *Token) int {
	return cmp.Or(loginTime(a).Compare(loginTime(b)), CompareIDs(a.ID, b.ID))
}

// endSurplus ends a login that is one too many.
func (k *Keeper) endSurplus(ctx context.Context, t *Token, reason string) error {
	d := &ender{keeper: k, op: "login limit", insist: true, judge: func(row *Token, _ time.Time) (Cause, string) {
		if !row.RefreshToken.Equal(t.RefreshToken) {
			return "", "" // it is a newer login by now
		}
		return CauseTooMany, reason
	}}
	e, _ := d.end(ctx, t.ID)
	return e.Err
}

// refuseLogin takes a login back.
func (k *Keeper) refuseLogin(ctx context.Context, row *Token, reason string) error {
	err := fmt.Errorf("login: %w (%d): log %s out somewhere else first", ErrLoginLimit, k.opts.Policy.MaxLogins, row.UserName)
	if endErr := k.endSurplus(ctx, row, reason); endErr != nil {
		return fmt.Errorf("%w; and the new login is still stored: %w", err, endErr)
	}
	return err
}
