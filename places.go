package tokenkeep

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// A provider keeps a limited number of refresh tokens for each user and client, and
// drops the oldest without a word when there is one more. Token.Logins tells of the
// places that a row may hold.

// mostLogins bounds the Logins of a row where the provider has no limit.
const mostLogins = 100

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

// isNewLogin reports whether in has another refresh token than stored.
func isNewLogin(stored, in *Token) bool {
	return !in.RefreshToken.IsZero() && !in.RefreshToken.Equal(stored.RefreshToken)
}

// mergedLogins is [Merge] for Logins: a new login is one more, and the last one.
func mergedLogins(stored, in *Token) []time.Time {
	switch {
	case len(in.Logins) > 0 && isNewLogin(stored, in):
		return append(slices.Clone(loginsOf(stored)), in.Logins...)
	case len(in.Logins) > 0 && len(stored.Logins) == 0:
		return slices.Clone(in.Logins)
	}
	return slices.Clone(stored.Logins)
}

// mergedMints is [Merge] for Mints of one refresh token: all of them count.
func mergedMints(stored, in []time.Time) []time.Time {
	if len(in) == 0 {
		return stored
	}
	all := slices.Concat(stored, in)
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// loggedIn gives t, a login of this moment, its times.
func loggedIn(t *Token, at time.Time) {
	t.Logins, t.Mints, t.UsedAt = loginAt(t, at), nil, at
	if !t.RefreshToken.IsZero() && !t.AccessToken.IsZero() {
		t.Mints = []time.Time{at} // it lives as one that was asked for, and may count as one
	}
}

// withoutLogin returns the logins without the last one of old, whose refresh token is
// dead. The last of logins stays: that is the present one's.
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

// newest returns the last n logins: the provider has dropped what was before.
func newest(logins []time.Time, n int) []time.Time {
	return logins[max(len(logins)-n, 0):]
}

// writeOff takes the places out of row that are free at the provider: that of dead, a
// row before a login, whose refresh token is dead, or nil; and those beyond the
// limit. It returns what is stored then. If that fails, a place too many is counted.
func (k *Keeper) writeOff(ctx context.Context, row, dead *Token) *Token {
	for {
		next := row.Clone()
		if dead != nil {
			next.Logins = withoutLogin(next.Logins, dead)
		}
		next.Logins = newest(next.Logins, cmp.Or(k.provider.Limits().RefreshTokens, mostLogins))
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
		k.opts.Logger.WarnContext(ctx, "tokenkeep: the place of a dead refresh token was not written off", "token", row.ID, "error", err)
		return row
	}
}
