package tokenkeep

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
)

// A Field is what a [Match] looks at.
type Field int

// The fields a token can be found by.
const (
	ByUserName Field = iota + 1
	ByAccessToken
	ByGrantToken
	ByRefreshToken
)

// String returns the field's name for messages.
func (f Field) String() string {
	switch f {
	case ByUserName:
		return "user name"
	case ByAccessToken:
		return "access token"
	case ByGrantToken:
		return "grant token"
	case ByRefreshToken:
		return "refresh token"
	}
	return fmt.Sprintf("Field(%d)", int(f))
}

// A Match is what a partial token means, decided once for every store: one field
// must equal one value, exactly and byte for byte, and the rows are narrowed by
// client and data centre where the caller named them.
//
// A store turns a Match into a WHERE clause or a loop:
//
//	<Field> = Value
//	AND (ClientID = ''   OR client_id = ClientID)
//	AND (DataCentre = '' OR data_centre = DataCentre OR data_centre = '')
//
// A row without a data centre was written by another program, and fits any.
type Match struct {
	Field      Field
	Value      Secret
	ClientID   string
	DataCentre string
}

// MatchFor returns what partial means, in the order of Zoho's SDKs: the user
// name; the access token when no client is given; with a client, the grant
// token, else the refresh token. Without a usable field it returns an error that
// wraps [ErrNoKey]: there is no lookup without a key, so nobody gets the first
// row of somebody else.
func MatchFor(partial *Token) (Match, error) {
	m := Match{ClientID: partial.ClientID, DataCentre: partial.DataCentre}
	switch {
	case partial.UserName != "":
		m.Field, m.Value = ByUserName, NewSecret(partial.UserName)
	case partial.ClientID == "" && !partial.AccessToken.IsZero():
		m.Field, m.Value = ByAccessToken, partial.AccessToken
	case partial.ClientID != "" && !partial.GrantToken.IsZero():
		m.Field, m.Value = ByGrantToken, partial.GrantToken
	case partial.ClientID != "" && !partial.RefreshToken.IsZero():
		m.Field, m.Value = ByRefreshToken, partial.RefreshToken
	default:
		return Match{}, fmt.Errorf("%w: give a user name, an access token alone, or a client id with a grant or refresh token", ErrNoKey)
	}
	return m, nil
}

// Matches reports whether t is a row that m means. Values are compared in
// constant time.
func (m Match) Matches(t *Token) bool {
	if m.ClientID != "" && t.ClientID != m.ClientID {
		return false
	}
	if m.DataCentre != "" && t.DataCentre != "" && t.DataCentre != m.DataCentre {
		return false
	}
	return m.Value.Equal(m.Of(t))
}

// Of returns the value of the match's field in t.
func (m Match) Of(t *Token) Secret {
	switch m.Field {
	case ByUserName:
		return NewSecret(t.UserName)
	case ByAccessToken:
		return t.AccessToken
	case ByGrantToken:
		return t.GrantToken
	case ByRefreshToken:
		return t.RefreshToken
	}
	return Secret{}
}

// One returns the only row among rows that m means, [ErrNotFound] when there is
// none and [ErrAmbiguous] when there are several. It is the loop of a store that
// has no query language.
func (m Match) One(rows iter.Seq[*Token]) (*Token, error) {
	var found *Token
	for t := range rows {
		if !m.Matches(t) {
			continue
		}
		if found != nil {
			return nil, m.Ambiguous(found, t)
		}
		found = t
	}
	if found == nil {
		return nil, fmt.Errorf("%w by %s", ErrNotFound, m.Field)
	}
	return found, nil
}

// Ambiguous returns the error for several rows that fit m. It names two of them
// by id, client and data centre, so that the caller can narrow the question.
func (m Match) Ambiguous(a, b *Token) error {
	return fmt.Errorf("%w by %s: token %s (client %s, data centre %q) and token %s (client %s, data centre %q) both fit; name the client or the data centre, or use the id",
		ErrAmbiguous, m.Field, a.ID, a.ClientID, a.DataCentre, b.ID, b.ClientID, b.DataCentre)
}

// FindMeant returns the row among rows that a save of t without a version and
// without a known id means, or nil when it means a new one. It is the loop of a
// store that has no query language.
func FindMeant(t *Token, rows iter.Seq[*Token]) (*Token, error) {
	m, err := MatchFor(t)
	if errors.Is(err, ErrNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row, err := m.One(rows)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return row, err
}

// CompareIDs orders ids as the numbers they are: shorter first, then as text.
func CompareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
