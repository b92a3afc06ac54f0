package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lifeMargin is how much longer than its life an access token is counted as alive.
const lifeMargin = time.Minute

// A Quota is what a login has used of its provider's [Limits], as far as the store
// tells: what other programs ask for with the same refresh token, or log in elsewhere,
// nobody here knows.
type Quota struct {
	// Mints are the access tokens that were asked for within the provider's window.
	Mints Usage
	// Live are the access tokens that may be alive.
	Live Usage
	// RefreshTokens are those of this user and client that may be alive.
	RefreshTokens Usage
}

// A Usage is how much of one limit is used.
type Usage struct {
	// Used is the number of what counts now.
	Used int
	// Limit is the largest number that the provider allows; zero means no limit.
	Limit int
	// Oldest is the time of the oldest that counts, if any does.
	Oldest time.Time
	// Free is when there is room again, if there is none and time makes some.
	Free time.Time
}

// Full reports whether the limit leaves room for no more.
func (u Usage) Full() bool { return u.Limit > 0 && u.Used >= u.Limit }

// Near reports whether three quarters of the limit are used.
func (u Usage) Near() bool { return u.Limit > 0 && 4*u.Used >= 3*u.Limit }

// QuotaOf returns what the login in row has used of the limits l at the time now.
// Others are more rows of the same user and client: their refresh tokens count too.
// The Keeper refuses requests by the same numbers.
func QuotaOf(l Limits, now time.Time, row *Token, others ...*Token) Quota {
	mints := mintsOf(row, l)
	q := Quota{
		Mints:         usage(mints, l.Mints, l.Window, now),
		Live:          usage(mints, l.Live, liveFor(row, l), now),
		RefreshTokens: places(row),
	}
	for _, t := range others {
		q.RefreshTokens = q.RefreshTokens.plus(places(t))
	}
	q.RefreshTokens.Limit = l.RefreshTokens
	return q
}

// mintsOf returns row's Mints. A row whose writer knew nothing of them has the access
// token that it has, at least.
func mintsOf(row *Token, l Limits) []time.Time {
	if len(row.Mints) > 0 || l.Life == 0 || row.AccessToken.IsZero() || row.Expiry.IsZero() {
		return row.Mints
	}
	return []time.Time{row.Expiry.Add(-l.Life)}
}

// usage counts the times of the last d.
func usage(times []time.Time, limit int, d time.Duration, now time.Time) Usage {
	recent := recentMints(times, now, d)
	u := Usage{Used: len(recent), Limit: limit}
	if u.Used > 0 {
		u.Oldest = recent[0]
	}
	if u.Full() {
		u.Free = recent[u.Used-limit].Add(d)
	}
	return u
}

// liveFor returns how long the access tokens of row count as alive.
func liveFor(row *Token, l Limits) time.Duration {
	if life := lifeOf(row); life > 0 {
		return life + lifeMargin
	}
	return l.Life
}

// places returns the refresh tokens that row knows of, without the present one if
// the provider has said that it is dead.
func places(row *Token) Usage {
	logins := loginsOf(row)
	if n := len(logins); n > 0 && row.State.Class == NeedsLogin {
		logins = logins[:n-1]
	}
	u := Usage{Used: len(logins)}
	if u.Used > 0 {
		u.Oldest = logins[0]
	}
	return u
}

func (u Usage) plus(v Usage) Usage {
	if u.Used == 0 || v.Used > 0 && v.Oldest.Before(u.Oldest) {
		u.Oldest = v.Oldest
	}
	u.Used += v.Used
	return u
}

// throttled returns an error of class Throttled when another access token would
// exceed the quota, else nil.
func (q Quota) throttled(op string, l Limits) error {
	var reason string
	until := q.Mints.Free
	switch {
	case q.Live.Full() && q.Live.Free.After(until):
		until = q.Live.Free
		reason = fmt.Sprintf("%d access tokens of this refresh token may be alive, which is all the provider allows: one more would end the oldest, which may be in use", q.Live.Used)
	case q.Mints.Full():
		reason = fmt.Sprintf("%d access tokens were asked for with this refresh token within %v, which is all the provider allows", q.Mints.Used, l.Window)
	default:
		return nil
	}
	return &Error{
		Class: Throttled, Op: op, Until: until, Reason: reason,
		Hint: "wait; the stored login is intact. Something refreshes this token too often: see `tokenkeep status`",
	}
}

// Quota reads the stored token and returns what it has used of the provider's
// limits. The error is that of [Session.Row].
func (s *Session) Quota(ctx context.Context) (Quota, error) {
	row, err := s.Row(ctx)
	if err != nil {
		return Quota{}, err
	}
	return QuotaOf(s.keeper.provider.Limits(), time.Now(), row), nil
}

// ErrTooManyLogins says that the user has all the refresh tokens that the provider
// allows: one more login would end the oldest.
var ErrTooManyLogins = errors.New("the provider allows this user no more refresh tokens")

// MayLogin returns nil if there is room for one more refresh token, else an error
// that wraps [ErrTooManyLogins] and says which login the provider would end.
func (q Quota) MayLogin() error {
	u := q.RefreshTokens
	if !u.Full() {
		return nil
	}
	return &Error{
		Class: Misconfigured, Op: "login", Err: ErrTooManyLogins,
		Reason: fmt.Sprintf("%d of %d may be alive, and another would end the oldest, of %s, whoever uses it",
			u.Used, u.Limit, u.Oldest.UTC().Format(time.DateTime)),
		Hint: "end logins that nobody needs at the provider (Zoho: accounts.zoho.com, Sessions, Connected Apps), or insist: tokenkeep login --force",
	}
}

// mayLogin refuses a grant before it is redeemed when the store shows that this would
// overrun a limit. What the store cannot tell is no reason to refuse.
func (k *Keeper) mayLogin(ctx context.Context, g *Grant) error {
	if g.Force {
		return nil
	}
	partial := &Token{UserName: g.UserName, ClientID: k.opts.ClientID, DataCentre: g.Location}
	if g.Code.IsZero() {
		partial = &Token{ClientID: k.opts.ClientID, RefreshToken: g.RefreshToken}
	}
	row, err := k.store.FindToken(ctx, partial)
	if err != nil {
		return nil //nolint:nilerr // no such login, or nobody can tell
	}
	l := k.provider.Limits()
	q := QuotaOf(l, time.Now(), row)
	if g.Code.IsZero() {
		return q.throttled("login", l) // it takes no place, but an access token
	}
	return q.MayLogin()
}

// Warnings says in words which limits are near, one line for each.
func (q Quota) Warnings() []string {
	var list []string
	if u := q.Mints; u.Near() {
		list = append(list, fmt.Sprintf("%d of the %d access tokens that the provider gives in its window were asked for%s", u.Used, u.Limit, u.room()))
	}
	if u := q.Live; u.Near() {
		list = append(list, fmt.Sprintf("%d of the %d access tokens that the provider allows may be alive%s", u.Used, u.Limit, u.room()))
	}
	if u := q.RefreshTokens; u.Near() {
		list = append(list, fmt.Sprintf("%d of the %d refresh tokens that the provider allows this user may be alive; one too many ends the oldest, of %s",
			u.Used, u.Limit, u.Oldest.UTC().Format(time.DateTime)))
	}
	return list
}

// room says when there is room again, if there is none now.
func (u Usage) room() string {
	if !u.Full() {
		return ""
	}
	return "; the next can be had at " + u.Free.Local().Format(time.TimeOnly)
}

// warnOfLimit tells when a login of row's user brought the limit of refresh tokens near.
func (k *Keeper) warnOfLimit(ctx context.Context, row *Token) {
	q := Quota{RefreshTokens: QuotaOf(k.provider.Limits(), time.Now(), row).RefreshTokens}
	for _, w := range q.Warnings() {
		k.emit(ctx, Event{Kind: LimitNear, Reason: w}.of(row))
	}
}
