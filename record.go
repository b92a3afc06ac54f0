package tokenkeep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A RescueKind says what a record of the rescue journal holds.
type RescueKind string

// The kinds of records.
const (
	// RescuedRefresh: an access token that was minted for a stored login, with its
	// new refresh token if the provider rotates them.
	RescuedRefresh RescueKind = "refresh"
	// RescuedLogin: a login that was redeemed or adopted.
	RescuedLogin RescueKind = "login"
	// RescuedDamaged: a file that was torn or changed, and was set aside.
	RescuedDamaged RescueKind = "damaged"
)

// recordVersion is that of what this program writes. A record with a higher one
// is left for the program that can read it.
const recordVersion = 1

// errNewerRecord says that a record is not for this version of the program.
var errNewerRecord = errors.New("the journal record is of a newer version")

// A record is what the journal keeps of one token that the store did not take.
type record struct {
	name  string // its file
	kind  RescueKind
	at    time.Time // when the token was minted, by the clock of that process
	owner string    // the Keeper or flight that minted it
	why   string    // why the store did not take it
	token *Token    // what is to be saved
	row   *Token    // for a refresh: the row it was minted for, without secrets
	spent string    // for a refresh: the mark of the refresh token it was minted with,
	was   string    // and of the access token that the row had then
	// base is, for a login, the mark of the refresh token it replaces, "" if it
	// replaces none, or nil when nobody could ask the store.
	base *string
}

// mark is what a record holds instead of a secret that it only has to recognise.
func mark(s Secret) string {
	if s.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte("tokenkeep journal\x00" + s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// recordJSON is a record on disk.
type recordJSON struct {
	Version int        `json:"version"`
	Kind    RescueKind `json:"kind"`
	At      time.Time  `json:"at"`
	Owner   string     `json:"owner"`
	Why     string     `json:"why,omitempty"`
	Token   tokenJSON  `json:"token"`
	Row     *tokenJSON `json:"row,omitempty"`
	Spent   string     `json:"spent,omitempty"`
	Was     string     `json:"was,omitempty"`
	Base    *string    `json:"base,omitempty"`
}

// tokenJSON is a token on disk, secrets in clear.
type tokenJSON struct {
	ID             string    `json:"id,omitempty"`
	UserName       string    `json:"user_name,omitempty"`
	ClientID       string    `json:"client_id,omitempty"`
	ClientSecret   string    `json:"client_secret,omitempty"`
	RefreshToken   string    `json:"refresh_token,omitempty"`
	AccessToken    string    `json:"access_token,omitempty"`
	GrantToken     string    `json:"grant_token,omitempty"`
	Expiry         time.Time `json:"expiry,omitzero"`
	RedirectURL    string    `json:"redirect_url,omitempty"`
	APIDomain      string    `json:"api_domain,omitempty"`
	AccountsServer string    `json:"accounts_server,omitempty"`
	DataCentre     string    `json:"data_centre,omitempty"`
	Scopes         []string  `json:"scopes,omitempty"`
}

func toJSON(t *Token) tokenJSON {
	return tokenJSON{
		ID: t.ID, UserName: t.UserName, ClientID: t.ClientID,
		ClientSecret: t.ClientSecret.Reveal(), RefreshToken: t.RefreshToken.Reveal(),
		AccessToken: t.AccessToken.Reveal(), GrantToken: t.GrantToken.Reveal(),
		Expiry: t.Expiry.Round(0), RedirectURL: t.RedirectURL, APIDomain: t.APIDomain,
		AccountsServer: t.AccountsServer, DataCentre: t.DataCentre, Scopes: t.Scopes,
	}
}

func (j tokenJSON) token() *Token {
	return &Token{
		ID: j.ID, UserName: j.UserName, ClientID: j.ClientID,
		ClientSecret: NewSecret(j.ClientSecret), RefreshToken: NewSecret(j.RefreshToken),
		AccessToken: NewSecret(j.AccessToken), GrantToken: NewSecret(j.GrantToken),
		Expiry: j.Expiry, RedirectURL: j.RedirectURL, APIDomain: j.APIDomain,
		AccountsServer: j.AccountsServer, DataCentre: j.DataCentre, Scopes: j.Scopes,
	}
}

// identity returns what a row is known by, without secrets.
func identity(row *Token) *Token {
	return &Token{
		ID: row.ID, UserName: row.UserName, ClientID: row.ClientID,
		AccountsServer: row.AccountsServer, DataCentre: row.DataCentre, APIDomain: row.APIDomain,
	}
}

// encode returns the record as bytes, its token's secrets in clear.
func (r *record) encode() ([]byte, error) {
	j := recordJSON{
		Version: recordVersion, Kind: r.kind, At: r.at.Round(0), Owner: r.owner, Why: r.why,
		Token: toJSON(r.token), Spent: r.spent, Was: r.was, Base: r.base,
	}
	if r.row != nil {
		row := toJSON(r.row)
		j.Row = &row
	}
	return json.Marshal(j)
}

// decodeRecord reads what encode wrote. It trusts nothing: what it returns can be
// saved. The error holds no part of the content.
func decodeRecord(payload []byte) (*record, error) {
	var j recordJSON
	if err := json.Unmarshal(payload, &j); err != nil {
		return nil, errors.New("it is no JSON of a record")
	}
	if j.Version > recordVersion {
		return nil, errNewerRecord
	}
	r := &record{
		kind: j.Kind, at: j.At, owner: j.Owner, why: j.Why,
		token: j.Token.token(), spent: j.Spent, was: j.Was, base: j.Base,
	}
	if j.Row != nil {
		r.row = j.Row.token()
	}
	return r, r.validate()
}

func (r *record) validate() error {
	switch {
	case r.kind == RescuedRefresh && (r.row == nil || r.row.ID == "" || r.spent == "" || r.token.AccessToken.IsZero()):
		return errors.New("a refresh needs a row, the mark of its refresh token, and an access token")
	case r.kind != RescuedRefresh && r.kind != RescuedLogin:
		return errors.New("it is of no known kind")
	}
	for _, s := range []string{r.owner, r.why} {
		if err := validText("record", s); err != nil {
			return err
		}
	}
	return r.token.Validate()
}

// minted returns what a refresh record holds, for a row that has the refresh
// token it was minted with.
func (r *record) minted(row *Token) *minted {
	m := &minted{token: r.token, asked: row, at: r.at}
	m.record.Store(&r.name)
	return m
}

// successor reports whether the record carries a new refresh token.
func (r *record) successor() bool {
	return !r.token.RefreshToken.IsZero() && mark(r.token.RefreshToken) != r.spent
}

// client is the OAuth client that the record belongs to.
func (r *record) client() string {
	if r.row != nil {
		return r.row.ClientID
	}
	return r.token.ClientID
}

// entry returns what may be told of the record.
func (r *record) entry() JournalEntry {
	e := JournalEntry{
		Name: r.name, Kind: r.kind, TokenID: r.token.ID, UserName: r.token.UserName,
		ClientID: r.client(), Time: r.at, Owner: r.owner, Why: r.why,
	}
	if r.row != nil {
		e.TokenID, e.UserName = r.row.ID, r.row.UserName
	}
	return e
}

// because returns an error's text for a record: short, on one line, and without
// the secrets of t, whatever a store puts into its errors.
func because(err error, t *Token) string {
	if err == nil {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " ")
	text = strings.ReplaceAll(text, "\x00", "?")
	for _, s := range append([]Secret{t.RefreshToken, t.AccessToken, t.GrantToken, t.ClientSecret}, t.Candidates...) {
		if !s.IsZero() {
			text = strings.ReplaceAll(text, s.Reveal(), redacted)
		}
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + fmt.Sprintf("… (%d bytes)", len(text))
	}
	return text
}
