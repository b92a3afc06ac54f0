package tokenkeep

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// wallCheck is how often a fresh token's expiry is compared with the wall
// clock. In between the monotonic clock decides, which is faster but stands
// still while a laptop sleeps.
const wallCheck = time.Second

// A state is what all sessions of one row share in this process.
type state struct {
	id   string
	snap atomic.Pointer[snapshot]
	// gone is set once this Keeper deleted the row.
	gone atomic.Bool
	// softAfter is the monotonic time before which no refresh begins behind the
	// callers' backs.
	softAfter atomic.Int64
	// used is when this process used the login last, in nanoseconds of the wall clock.
	used atomic.Int64
	// touchAfter is the monotonic time before which no use is written down.
	touchAfter atomic.Int64
	// endTold is the version of the row that was told of as ended by the Policy.
	endTold atomic.Int64
	// refused is the access token that the API refused last.
	refused atomic.Pointer[Secret]
	// unsaved is a token that was minted and could not be saved; the next flight
	// saves it instead of minting another.
	unsaved atomic.Pointer[minted]
	// met is the refresh token that somebody saw in the row last.
	met atomic.Pointer[Secret]
	// heldBack is until when the budget refused a refresh last, as told.
	heldBack atomic.Int64
	// idle is the owner of a claim that may be in the row, and under which nothing
	// was sent, or nothing was spent.
	idle atomic.Pointer[string]
}

// A snapshot is one version of a row as callers see it. It does not change,
// but for fresh.
type snapshot struct {
	tok     AccessToken
	aud     Audience
	audErr  error
	base    *url.URL      // aud.BaseURL
	soft    time.Duration // refresh behind when less is left
	forced  bool          // came because the API refused the one before
	since   time.Time     // when this process learned of it
	fresh   atomic.Int64  // the monotonic time until which tok needs no look at all
	version int64
	user    string    // whose login it is,
	client  string    // at which client
	dc      string    // and data centre,
	refresh Secret    // and which one
	used    time.Time // when it was used last, as the row says
	// idleEnd and lifeEnd are when limits of the Policy end it, or zero.
	idleEnd, lifeEnd time.Time
}

// An AccessToken is an access token that was handed out. It is a value: it never
// changes, and does not print its secret.
type AccessToken struct {
	secret Secret
	header Secret
	// Expiry is when it ends; zero when nobody knows.
	Expiry time.Time
	// APIDomain is the base URL of the user's API.
	APIDomain string
	// TokenID is the id of the row.
	TokenID string
	// Version is the version of the row.
	Version int64
}

// Reveal returns the access token in clear.
func (t AccessToken) Reveal() string { return t.secret.Reveal() }

// Header returns the value of the Authorization header in clear, such as
// "Zoho-oauthtoken 1000.…".
func (t AccessToken) Header() string { return t.header.Reveal() }

// scheme returns the first word of the header.
func (t AccessToken) scheme() string {
	scheme, _, _ := strings.Cut(t.Header(), " ")
	return scheme
}

// Secret returns the access token as a Secret, which does not print itself.
func (t AccessToken) Secret() Secret { return t.secret }

// snapshot makes the snapshot of a row.
func (k *Keeper) snapshot(row *Token, forced bool) *snapshot {
	aud, err := k.provider.Audience(row)
	sn := &snapshot{
		tok: AccessToken{
			secret: row.AccessToken, Expiry: row.Expiry, APIDomain: row.APIDomain,
			TokenID: row.ID, Version: row.Version,
		},
		aud: aud, audErr: err,
		soft:   k.softExpiry(row),
		forced: forced, since: time.Now(), version: row.Version,
		user: row.UserName, client: row.ClientID, dc: row.DataCentre, refresh: row.RefreshToken, used: lastUse(row),
	}
	sn.idleEnd, sn.lifeEnd = k.opts.Policy.idleEnd(row), k.opts.Policy.lifeEnd(row)
	if aud.BaseURL != "" {
		sn.tok.APIDomain = aud.BaseURL
	}
	if sn.base, err = url.Parse(aud.BaseURL); err != nil && sn.audErr == nil {
		sn.audErr = &Error{Class: Misconfigured, Op: "api call", Reason: "the API domain is not a URL", Err: err}
	}
	if !row.AccessToken.IsZero() {
		sn.tok.header = NewSecret(aud.Scheme + " " + row.AccessToken.Reveal())
	}
	return sn
}

// row returns what sn tells of the row.
func (sn *snapshot) row(id string) *Token {
	return &Token{ID: id, UserName: sn.user, ClientID: sn.client, DataCentre: sn.dc, RefreshToken: sn.refresh, Version: sn.version}
}

// softExpiry returns the jittered time before expiry at which a refresh begins
// behind: at most a quarter of the token's life, as far as the row tells it.
func (k *Keeper) softExpiry(row *Token) time.Duration {
	soft := k.opts.SoftExpiry
	if life := lifeOf(row); life > 0 {
		soft = min(soft, life/4)
	}
	if soft < 10 {
		return soft
	}
	return soft - soft/10 + rand.N(soft/5) //nolint:gosec // jitter is no secret
}

// lifeOf returns how long the row's access token lived when it was new, or zero
// if the row does not tell: only when what was asked for last is what it has.
func lifeOf(row *Token) time.Duration {
	n := len(row.Mints)
	if n == 0 || row.Expiry.IsZero() || row.State.Class != "" || row.UsedAt.Before(row.Mints[n-1]) {
		return 0
	}
	return max(row.Expiry.Sub(row.Mints[n-1]), 0)
}

// isStranger reports whether row is somebody else's login under the id of one that
// was deleted: both its user and its refresh token are others. tokenkeep's stores
// never give an id again, but Zoho's SDKs do, and may share the store.
func (st *state) isStranger(row *Token) bool {
	sn := st.snap.Load()
	return sn != nil && sn.user != "" && row.UserName != "" && sn.user != row.UserName &&
		!sn.refresh.IsZero() && !sn.refresh.Equal(row.RefreshToken)
}

// publish makes sn current, unless what is current is newer, and returns what is.
func (st *state) publish(sn *snapshot) *snapshot {
	for {
		old := st.snap.Load()
		if old != nil && !sn.replaces(old) {
			return old
		}
		if old != nil && st.wasRefused(old.tok.secret) {
			sn.forced = true
		}
		if st.snap.CompareAndSwap(old, sn) {
			break
		}
	}
	if st.gone.Load() {
		st.snap.Store(nil) // sn was read before the row was deleted
	}
	return sn
}

// replaces reports whether sn is current rather than old. Two tokens of one
// version come from a store that keeps no versions: the later look counts.
func (sn *snapshot) replaces(old *snapshot) bool {
	if !sn.tok.secret.Equal(old.tok.secret) {
		return sn.version >= old.version
	}
	if !sn.forced { // what is known of the token holds for every version of the row
		sn.forced, sn.since = old.forced, old.since
	}
	return sn.version > old.version
}

// usable reports whether sn's token is there, was not refused, is good for at least
// d more, and no limit of the Policy has ended the login.
func (st *state) usable(sn *snapshot, now time.Time, d time.Duration) bool {
	if sn == nil || sn.tok.secret.IsZero() || st.wasRefused(sn.tok.secret) {
		return false
	}
	if end := st.end(sn); !end.IsZero() && !now.Before(end) {
		return false
	}
	return sn.tok.Expiry.IsZero() || sn.tok.Expiry.Sub(now) > d
}

func (st *state) wasRefused(token Secret) bool {
	r := st.refused.Load()
	return r != nil && r.Equal(token)
}

// extend lets the fast path trust sn for the next second, but not past its soft
// expiry or the end of the login.
func (sn *snapshot) extend(clock int64, now, end time.Time) {
	d := wallCheck
	if !sn.tok.Expiry.IsZero() {
		d = min(d, sn.tok.Expiry.Sub(now)-sn.soft)
	}
	if !end.IsZero() {
		d = min(d, end.Sub(now))
	}
	sn.fresh.Store(clock + int64(d))
}
