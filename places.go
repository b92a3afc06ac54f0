package tokenkeep

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A provider keeps a limited number of refresh tokens for each user and client, and
// drops the oldest without a word when there is one more. Token.Logins tells of the
// places that a row may hold.

// loginAt returns the Logins of a login of this moment: none without a refresh token.
func loginAt(t *Token, at time.Time) []time.Time {
	if t.RefreshToken.IsZero() {
		return nil
	}
	return []time.Time{at.Truncate(time.Millisecond)} // what every store keeps
}

// loginsOf returns t's Logins. A row whose writer knew nothing of them holds one
// place, since it was made, as far as anybody knows.
func loginsOf(t *Token) []time.Time {
	if len(t.Logins) > 0 || t.RefreshToken.IsZero() {
		return t.Logins
	}
	for _, at := range []time.Time{t.CreatedAt, t.UsedAt, t.UpdatedAt} {
		if !at.IsZero() {
			return []time.Time{at}
		}
	}
	return nil
}

// mergedLogins is [Merge] for Logins: a new login is one more, and the last one.
func mergedLogins(stored, in *Token) []time.Time {
	fresh := !in.RefreshToken.IsZero() && !in.RefreshToken.Equal(stored.RefreshToken)
	switch {
	case len(in.Logins) > 0 && fresh:
		return append(slices.Clone(loginsOf(stored)), in.Logins...)
	case len(in.Logins) > 0 && len(stored.Logins) == 0:
		return slices.Clone(in.Logins)
	}
	return slices.Clone(stored.Logins)
}

// withoutLogin returns the logins without the last one of old, which is revoked. The
// last of logins stays: that is the present one's.
func withoutLogin(logins []time.Time, old *Token) []time.Time {
	of := loginsOf(old)
	if len(of) == 0 || len(logins) == 0 {
		return logins
	}
	gone := of[len(of)-1]
	i := slices.IndexFunc(logins[:len(logins)-1], gone.Equal)
	if i < 0 {
		return logins
	}
	return slices.Delete(slices.Clone(logins), i, i+1)
}

// freePlace takes the login of old, whose refresh token was revoked, out of row and
// returns what is stored then. If that fails, one place too many is counted.
func (k *Keeper) freePlace(ctx context.Context, row, old *Token) *Token {
	for {
		next := row.Clone()
		next.Logins = withoutLogin(row.Logins, old)
		if len(next.Logins) == len(row.Logins) {
			return row
		}
		err := k.store.SaveToken(ctx, next)
		if err == nil {
			return next
		}
		if errors.Is(err, ErrConflict) && sleep(ctx, jitter(poll)) == nil {
			var fresh *Token
			if fresh, err = k.store.FindTokenByID(ctx, row.ID); err == nil {
				row = fresh
				continue
			}
		}
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the place of a revoked refresh token was not written off", "token", row.ID, "error", err)
		return row
	}
}
