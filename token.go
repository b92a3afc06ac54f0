package tokenkeep

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxFieldBytes is the longest text that a field of a [Token] may hold.
// Zoho's own tables cut at 255 characters; tokenkeep keeps long values whole and
// refuses absurd ones.
const MaxFieldBytes = 64 << 10

// A Token is one login of one user: the ten fields of OAuthToken in Zoho's own
// SDKs, and what they lack to share a login safely.
//
// A Token is plain data. Stores return copies, so a caller may change what it
// got; it must not be changed by two goroutines at once.
type Token struct {
	// ID names the row: a decimal string of ten digits that a store gives on the
	// first save and never gives again.
	ID string
	// UserName is who the token belongs to. Zoho's SDKs and tokenkeep use
	// "<email>:<zgid>" when nobody chose a name.
	UserName string
	// ClientID is the OAuth client of the login.
	ClientID string
	// ClientSecret is kept with the token only where a program that shares the
	// store needs it, such as one of Zoho's SDKs. tokenkeep takes the secret
	// from its configuration first.
	ClientSecret Secret
	// RefreshToken mints access tokens until it is revoked. Zoho's do not expire
	// by time and are not rotated.
	RefreshToken Secret
	// AccessToken is presented to the API.
	AccessToken Secret
	// GrantToken is the authorization code that the login began with. It can be
	// used once; it is kept to recognise a login that was already made.
	GrantToken Secret
	// Expiry is when AccessToken ends. Zero means that nobody knows: such a token
	// is used until the API refuses it.
	Expiry time.Time
	// RedirectURL is the redirect URI of the login.
	RedirectURL string
	// APIDomain is the base URL of the API for this user, such as
	// "https://www.zohoapis.eu".
	APIDomain string

	// AccountsServer is the base URL of the accounts server that owns the
	// refresh token, such as "https://accounts.zoho.eu".
	AccountsServer string
	// DataCentre is the code of the data centre, Zoho's "location": "us", "eu"…
	// Empty in rows that another program wrote.
	DataCentre string
	// Scopes are what the user granted, one element each.
	Scopes []string
	// Version counts the saves of this row and is what compare-and-swap compares.
	// Zero in a Token that did not come from a store.
	Version int64
	// State says what is wrong with the login; the zero State is healthy.
	State State
	// Claim is held by the process that refreshes the token right now.
	Claim Claim
	// Mints are the times at which access tokens were asked for with this
	// refresh token, oldest first, within the provider's window.
	Mints []time.Time
	// Logins are the times of the logins of this user and client that may still hold
	// one of the provider's places for refresh tokens, oldest first; the last one is
	// that of RefreshToken. One that was superseded and revoked is not in it.
	Logins []time.Time
	// Candidates are successors of the refresh token that a rotating provider gave to
	// a process that had lost its claim by then, newest first. None was ever sent.
	// They are tried when RefreshToken is refused.
	Candidates []Secret
	// CreatedAt, UpdatedAt and UsedAt are the times of the first save, of the
	// last save, and of the last refresh, login or, with Policy.IdleTimeout, use.
	CreatedAt, UpdatedAt, UsedAt time.Time
}

// A State is the standing of a login as the row remembers it, so that every
// process that shares the store acts alike.
type State struct {
	// Class is empty for a healthy login.
	Class Class
	// Reason says what happened, in words for an operator, without secrets.
	Reason string
	// Until is when asking again makes sense. Zero for classes that time does
	// not heal.
	Until time.Time
	// Since is when the login came into this state.
	Since time.Time
	// Failures counts the attempts in a row that ended in this class.
	Failures int
}

// A Claim marks a row as being refreshed. It is written and cleared by
// compare-and-swap and proves nothing by its times: a waiter that sees a claim
// stand still for the claim's time, by its own clock, may take it over.
type Claim struct {
	// Owner names the process and the flight that hold the claim.
	Owner string
	// Since is when the owner wrote it, for people.
	Since time.Time
}

// Held reports whether somebody holds the claim.
func (c Claim) Held() bool { return c.Owner != "" }

// Clone returns a deep copy of t.
func (t *Token) Clone() *Token {
	c := *t
	c.Scopes = slices.Clone(t.Scopes)
	c.Mints = slices.Clone(t.Mints)
	c.Logins = slices.Clone(t.Logins)
	c.Candidates = slices.Clone(t.Candidates)
	return &c
}

// Valid reports whether the access token is there and good for at least d more.
func (t *Token) Valid(now time.Time, d time.Duration) bool {
	return !t.AccessToken.IsZero() && (t.Expiry.IsZero() || t.Expiry.Sub(now) > d)
}

// Merge returns the row that results when in is saved over stored without a
// version, as [TokenStore] describes: what in sets wins, what it leaves zero is
// kept, and a stored refresh token is never blanked. A refresh token that
// differs from the stored one is a new login: it clears state, claim, mint times
// and candidates, and its Logins follow the stored ones. Those of a login that is
// stored already change nothing; its mint times are added. ID, Version and CreatedAt stay those of stored.
//
// Stores call Merge; they must not write the rule again.
func Merge(stored, in *Token) *Token {
	m := stored.Clone()
	m.Logins = mergedLogins(stored, in)
	if isNewLogin(stored, in) {
		m.State, m.Claim, m.Mints, m.Candidates = State{}, Claim{}, nil, nil
	}
	mergeText(m, in)
	mergeSecrets(m, in)
	mergeRest(m, in)
	return m
}

func mergeText(m, in *Token) {
	for _, f := range []struct {
		dst *string
		src string
	}{
		{&m.UserName, in.UserName},
		{&m.ClientID, in.ClientID},
		{&m.RedirectURL, in.RedirectURL},
		{&m.APIDomain, in.APIDomain},
		{&m.AccountsServer, in.AccountsServer},
		{&m.DataCentre, in.DataCentre},
	} {
		if f.src != "" {
			*f.dst = f.src
		}
	}
}

func mergeSecrets(m, in *Token) {
	if !in.AccessToken.IsZero() && !in.AccessToken.Equal(m.AccessToken) {
		m.AccessToken, m.Expiry = in.AccessToken, in.Expiry
	}
	for _, f := range []struct{ dst, src *Secret }{
		{&m.ClientSecret, &in.ClientSecret},
		{&m.RefreshToken, &in.RefreshToken},
		{&m.GrantToken, &in.GrantToken},
	} {
		if !f.src.IsZero() {
			*f.dst = *f.src
		}
	}
}

func mergeRest(m, in *Token) {
	if !in.Expiry.IsZero() {
		m.Expiry = in.Expiry
	}
	if len(in.Scopes) > 0 {
		m.Scopes = slices.Clone(in.Scopes)
	}
	m.Mints = mergedMints(m.Mints, in.Mints)
	if len(in.Candidates) > 0 {
		m.Candidates = slices.Clone(in.Candidates)
	}
	if in.State != (State{}) {
		m.State = in.State
	}
	if in.Claim.Held() {
		m.Claim = in.Claim
	}
	if !in.UsedAt.IsZero() {
		m.UsedAt = in.UsedAt
	}
}

// Validate reports whether t may be stored: it must carry a refresh, access or
// grant token, and every text must be valid UTF-8 without control characters
// NUL, CR and LF, of at most [MaxFieldBytes], and not the "[redacted]" that a
// Secret prints. The error wraps [ErrInvalid] and
// names the field, never the value.
func (t *Token) Validate() error {
	if t.RefreshToken.IsZero() && t.AccessToken.IsZero() && t.GrantToken.IsZero() {
		return fmt.Errorf("%w: it has no refresh, access or grant token", ErrInvalid)
	}
	for name, v := range t.texts() {
		if err := validText(name, v); err != nil {
			return err
		}
	}
	return nil
}

// texts yields the name and value of every text field.
func (t *Token) texts() func(yield func(string, string) bool) {
	fields := [][2]string{
		{"id", t.ID},
		{"user name", t.UserName},
		{"client id", t.ClientID},
		{"client secret", t.ClientSecret.Reveal()},
		{"refresh token", t.RefreshToken.Reveal()},
		{"access token", t.AccessToken.Reveal()},
		{"grant token", t.GrantToken.Reveal()},
		{"redirect URL", t.RedirectURL},
		{"API domain", t.APIDomain},
		{"accounts server", t.AccountsServer},
		{"data centre", t.DataCentre},
		{"scopes", strings.Join(t.Scopes, ",")},
	}
	for _, c := range t.Candidates {
		fields = append(fields, [2]string{"candidate refresh token", c.Reveal()})
	}
	return func(yield func(string, string) bool) {
		for _, f := range fields {
			if !yield(f[0], f[1]) {
				return
			}
		}
	}
}

func validText(name, v string) error {
	switch {
	case len(v) > MaxFieldBytes:
		return fmt.Errorf("%w: the %s has %d bytes, more than %d", ErrInvalid, name, len(v), MaxFieldBytes)
	case !utf8.ValidString(v):
		return fmt.Errorf("%w: the %s is not valid UTF-8", ErrInvalid, name)
	case v == redacted:
		return fmt.Errorf("%w: the %s is %q, what a Secret prints instead of itself; store what Reveal returns", ErrInvalid, name, redacted)
	case strings.ContainsAny(v, "\x00\r\n"):
		return fmt.Errorf("%w: the %s contains a NUL, CR or LF", ErrInvalid, name)
	}
	return nil
}
