package sqlstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// official are the columns of Zoho's table, in their order, which is all that
// Zoho's SDKs go by.
var official = []string{
	"id", "user_name", "client_id", "client_secret", "refresh_token", "access_token", "grant_token",
	"expiry_time", "redirect_url", "api_domain",
}

// The columns of a row in the order in which this package reads and writes them.
const (
	colID = iota
	colUserName
	colClientID
	colClientSecret
	colRefreshToken
	colAccessToken
	colGrantToken
	colExpiry
	colRedirectURL
	colAPIDomain
	colVersion
	colAccountsServer
	colDataCentre
	colScopes
	colState
	colClaim
	colMints
	colCandidates
	colLogins
	colCreatedAt
	colUpdatedAt
	colUsedAt
	columnCount
)

// Where a product has no triggers that count the version, a row has two more:
// what this package saw of the tokens when it wrote last, and a mark of a foreign
// write since then.
const (
	colSeen = columnCount + iota
	colMark
	recordWidth
)

// columnNames returns the names of all columns, in that order.
func columnNames() []string {
	return append(slices.Clone(official), "version", "accounts_server", "data_centre", "scopes", "state", "claim", "mints",
		"candidates", "logins", "created_at", "updated_at", "used_at")
}

// A record is one row as the driver gives it. Any column of a damaged row may be
// of any type.
type record [recordWidth]any

// targets returns pointers to the first n columns, for Scan.
func (r *record) targets(n int) []any {
	p := make([]any, n)
	for i := range n {
		p[i] = &r[i]
	}
	return p
}

// token returns the row as a token. It fails for a row without a usable version,
// which cannot be saved safely; what else it cannot understand is absent, and an
// expiry that it cannot understand is past.
func (r *record) token() (*tokenkeep.Token, error) {
	version, ok := integer(r[colVersion])
	if !ok || version < 1 {
		return nil, fmt.Errorf("%w: the version of row %q is not a number from 1 up; set it to 1", tokenkeep.ErrCorrupt, text(r[colID]))
	}
	return &tokenkeep.Token{
		ID:             text(r[colID]),
		UserName:       text(r[colUserName]),
		ClientID:       text(r[colClientID]),
		ClientSecret:   tokenkeep.NewSecret(text(r[colClientSecret])),
		RefreshToken:   tokenkeep.NewSecret(text(r[colRefreshToken])),
		AccessToken:    tokenkeep.NewSecret(text(r[colAccessToken])),
		GrantToken:     tokenkeep.NewSecret(text(r[colGrantToken])),
		Expiry:         ParseExpiry(text(r[colExpiry])),
		RedirectURL:    text(r[colRedirectURL]),
		APIDomain:      text(r[colAPIDomain]),
		AccountsServer: text(r[colAccountsServer]),
		DataCentre:     text(r[colDataCentre]),
		Scopes:         parseScopes(text(r[colScopes])),
		Version:        version,
		State:          parseState(text(r[colState])),
		Claim:          parseClaim(text(r[colClaim])),
		Mints:          parseTimes(text(r[colMints])),
		Candidates:     parseSecrets(text(r[colCandidates])),
		Logins:         parseTimes(text(r[colLogins])),
		CreatedAt:      instant(r[colCreatedAt]),
		UpdatedAt:      instant(r[colUpdatedAt]),
		UsedAt:         instant(r[colUsedAt]),
	}, nil
}

// values returns the columns of t from the second on, without the version, for a
// save at now.
func values(t *tokenkeep.Token, now time.Time) []any {
	return []any{
		optional(t.UserName),
		optional(t.ClientID),
		optional(t.ClientSecret.Reveal()),
		optional(t.RefreshToken.Reveal()),
		optional(t.AccessToken.Reveal()),
		optional(t.GrantToken.Reveal()),
		optional(formatExpiry(t.Expiry)),
		optional(t.RedirectURL),
		optional(t.APIDomain),
		optional(t.AccountsServer),
		optional(t.DataCentre),
		optional(strings.Join(t.Scopes, "\n")),
		optional(formatState(t.State)),
		optional(formatClaim(t.Claim)),
		optional(formatTimes(t.Mints)),
		optional(formatSecrets(t.Candidates)),
		optional(formatTimes(t.Logins)),
		optionalMillis(t.CreatedAt),
		now.UnixMilli(),
		optionalMillis(t.UsedAt),
	}
}

// text returns a column as text; NULL is "".
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// integer returns a column as a number and whether it is one.
func integer(v any) (int64, bool) {
	if n, ok := v.(int64); ok {
		return n, true
	}
	n, err := strconv.ParseInt(text(v), 10, 64)
	return n, err == nil
}

// instant returns a column of milliseconds as a time; what is not one is zero.
func instant(v any) time.Time {
	ms, _ := integer(v)
	return fromMillis(ms)
}

// optional returns NULL for the empty text.
func optional(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// optionalMillis returns NULL for the zero time.
func optionalMillis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
