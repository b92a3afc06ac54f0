package filestore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// The columns of Zoho's format, by position: the only thing that all of its SDKs
// agree on.
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
	columns
)

// columnNames are the names that the Node, Java, PHP and C# SDKs write. Python
// writes redirect_uri, TypeScript user_mail.
var columnNames = [columns]string{
	"id", "user_name", "client_id", "client_secret", "refresh_token",
	"access_token", "grant_token", "expiry_time", "redirect_url", "api_domain",
}

// A row is one line of the file: a token, or text that is kept as it stands.
type row struct {
	val  [columns]string // the values
	seg  [columns]string // how they stood in the file, where they need it: see encode
	tail string          // columns after the tenth, from their comma on
	text string          // a line that is no token; then the rest is empty
	line int             // where it stood, from 1
	enc  string          // see encode
	sum  string          // see digest
}

func (r *row) isToken() bool { return r.text == "" }

// odd reports whether a token stands in the file in a way that this package does
// not write.
func (r *row) odd() bool {
	return r.tail != "" || slices.ContainsFunc(r.val[:], func(v string) bool { return !plain(v) })
}

// hasToken reports whether a row carries what makes it a login.
func (r *row) hasToken() bool {
	return r.val[colRefreshToken] != "" || r.val[colAccessToken] != "" || r.val[colGrantToken] != ""
}

// plain reports whether every SDK reads v back when it is written without quotes:
// Node splits at every comma and line feed, Java drops backslashes.
func plain(v string) bool { return !strings.ContainsAny(v, ",\"\\\r\n\x00") }

// encode returns the row as a line without its end. A value that another program
// wrote and that needs quotes stands as that program wrote it. It is made once:
// rows do not change. The caller has the store's turn.
func (r *row) encode() string {
	if !r.isToken() {
		return r.text
	}
	if r.enc == "" {
		r.enc = r.join()
	}
	return r.enc
}

func (r *row) join() string {
	var b strings.Builder
	for i, v := range r.val {
		if i > 0 {
			b.WriteByte(',')
		}
		if plain(v) {
			b.WriteString(v)
		} else {
			b.WriteString(r.seg[i])
		}
	}
	b.WriteString(r.tail)
	return b.String()
}

// token returns what the ten columns say.
func (r *row) token() *tokenkeep.Token {
	return &tokenkeep.Token{
		ID:           r.val[colID],
		UserName:     r.val[colUserName],
		ClientID:     r.val[colClientID],
		ClientSecret: tokenkeep.NewSecret(r.val[colClientSecret]),
		RefreshToken: tokenkeep.NewSecret(r.val[colRefreshToken]),
		AccessToken:  tokenkeep.NewSecret(r.val[colAccessToken]),
		GrantToken:   tokenkeep.NewSecret(r.val[colGrantToken]),
		Expiry:       parseExpiry(r.val[colExpiry]),
		RedirectURL:  r.val[colRedirectURL],
		APIDomain:    r.val[colAPIDomain],
	}
}

// values returns t as ten columns.
func values(t *tokenkeep.Token) [columns]string {
	return [columns]string{
		t.ID, t.UserName, t.ClientID, t.ClientSecret.Reveal(), t.RefreshToken.Reveal(),
		t.AccessToken.Reveal(), t.GrantToken.Reveal(), formatExpiry(t.Expiry), t.RedirectURL, t.APIDomain,
	}
}

// digest returns the digest of the ten values. It is computed once: rows do not
// change. The caller has the store's turn.
func (r *row) digest() string {
	if r.sum == "" {
		r.sum = digest(r.val[:]...)
	}
	return r.sum
}

// withID returns the row under another id.
func (r *row) withID(id string) *row {
	n := *r
	n.val[colID], n.enc, n.sum = id, "", ""
	return &n
}

// with returns the row that r becomes when t is saved over it. Columns that t
// does not change keep their spelling. A changed value that is not plain is
// refused. The zero row stands for a new one.
func (r *row) with(t *tokenkeep.Token) (*row, error) {
	n := &row{val: values(t), seg: r.seg, tail: r.tail, line: r.line}
	if t.Expiry.Equal(parseExpiry(r.val[colExpiry])) {
		n.val[colExpiry] = r.val[colExpiry]
	}
	for i, v := range n.val {
		if v != r.val[i] && !plain(v) {
			return nil, fieldError(t, i)
		}
	}
	return n, nil
}

// maxExpiry is the last millisecond of the year 9999. What is beyond it was not
// written in milliseconds.
const maxExpiry = 253402300799999

// expired is the expiry of an access token whose column cannot be understood.
var expired = time.UnixMilli(0).UTC()

// parseExpiry reads milliseconds since 1970. An empty column means that nobody
// knows: the zero time. Seconds give a day in January 1970, and what is not a
// number gives 1970 too: both are long over, so that the token is refreshed.
func parseExpiry(v string) time.Time {
	v = strings.TrimSpace(v)
	if v == "" {
		return time.Time{}
	}
	whole, _, _ := strings.Cut(v, ".")
	ms, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || ms < 0 || ms > maxExpiry {
		return expired
	}
	return time.UnixMilli(ms).UTC()
}

func formatExpiry(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
