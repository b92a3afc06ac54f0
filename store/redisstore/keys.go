package redisstore

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// DefaultPrefix is the Prefix of a store whose options name none.
const DefaultPrefix = "tokenkeep"

// keys returns the keys of a store in the order that the scripts know: the rows,
// the index, and what is kept beside them. The braces make a hash tag, so that a
// cluster keeps the three in one slot.
func keys(prefix string) []string {
	tag := "{" + prefix + "}:"
	return []string{tag + "rows", tag + "index", tag + "meta"}
}

// historyKeys returns all keys of the store: the history's is the fourth.
func (s *Store) historyKeys() []string {
	return append(slices.Clip(s.keys), strings.TrimSuffix(s.keys[2], "meta")+"history")
}

// validPrefix refuses what would make another hash tag or is hard to type.
func validPrefix(prefix string) error {
	for _, r := range prefix {
		if r <= ' ' || r == '{' || r == '}' || r == 0x7f {
			return fmt.Errorf("the prefix %q contains a brace, a space or a control character; leave it out", prefix)
		}
	}
	return nil
}

// bucket returns where the index has the ids of the rows whose field is value. It
// holds a part of the value's SHA-256, so that no secret is in the index; rows of
// other values that share it are told apart when they are read.
func bucket(field tokenkeep.Field, value tokenkeep.Secret) string {
	letter := map[tokenkeep.Field]string{
		tokenkeep.ByUserName:     "u",
		tokenkeep.ByAccessToken:  "a",
		tokenkeep.ByGrantToken:   "g",
		tokenkeep.ByRefreshToken: "r",
	}[field]
	sum := sha256.Sum256([]byte(value.Reveal()))
	return letter + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// members returns the buckets that the row t belongs in.
func members(t *tokenkeep.Token) []string {
	var found []string
	for _, field := range []tokenkeep.Field{tokenkeep.ByUserName, tokenkeep.ByAccessToken, tokenkeep.ByGrantToken, tokenkeep.ByRefreshToken} {
		if value := (tokenkeep.Match{Field: field}).Of(t); !value.IsZero() {
			found = append(found, bucket(field, value))
		}
	}
	return found
}

// isID reports whether id looks like one that a store gives: ten digits. No other
// can name a row.
func isID(id string) bool {
	return len(id) == 10 && strings.Trim(id, "0123456789") == ""
}
