package wire

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// RandomText returns 32 random bytes in base64url, without padding: a state, or the
// secret half of PKCE.
func RandomText() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// SetChallenge adds PKCE's public half of verifier to the parameters of an
// authorize URL (RFC 7636, S256).
func SetChallenge(q url.Values, verifier string) {
	sum := sha256.Sum256([]byte(verifier))
	q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	q.Set("code_challenge_method", "S256")
}

// CallbackQuery returns the parameters of what the browser came back with: a URL,
// or its query, of which keys may be there once. Its errors do not repeat any of
// it.
func CallbackQuery(callback string, keys ...string) (url.Values, error) {
	s := strings.TrimSpace(callback)
	if len(s) > 16<<10 {
		return nil, errors.New("the callback is longer than 16 KiB")
	}
	s, _, _ = strings.Cut(s, "#")
	if _, query, found := strings.Cut(s, "?"); found {
		s = query
	}
	q, err := url.ParseQuery(strings.TrimRight(s, "&"))
	if err != nil {
		return nil, errors.New("the callback is not a URL or a query")
	}
	for _, key := range keys {
		if len(q[key]) > 1 {
			return nil, fmt.Errorf("the callback has %q twice", key)
		}
	}
	return q, nil
}

// SameState compares in constant time. An empty state is never right.
func SameState(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}
