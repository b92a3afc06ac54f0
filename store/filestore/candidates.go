package filestore

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// Candidates are refresh tokens, for which the ten columns have no room and which
// the sidecar must not show. So the sidecar has them encrypted with a key that is made
// of the row's own refresh token: who can read that in the token file could read them
// there, and who has the sidecar alone learns nothing. They come and go with their
// record, by the same compare-and-swap, and a refresh token that another program
// writes, which is a new login, ends them, as tokenkeep.Merge has it.

// sealCandidates returns candidates for the record of the row w.
func sealCandidates(candidates []tokenkeep.Secret, w *row) (string, error) {
	if len(candidates) == 0 {
		return "", nil
	}
	values := make([]string, len(candidates))
	for i, c := range candidates {
		values[i] = c.Reveal()
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "", errNoSeal
	}
	aead, err := candidateKey(w)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, nil, text, []byte(w.val[colID])) //nolint:gosec // it makes a random nonce itself
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// openCandidates returns what was given to sealCandidates for a row with the same id
// and refresh token, and nothing for another one.
func openCandidates(sealed string, w *row) []tokenkeep.Secret {
	if sealed == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil
	}
	aead, err := candidateKey(w)
	if err != nil {
		return nil
	}
	var values []string
	if text, err = aead.Open(nil, nil, text, []byte(w.val[colID])); err != nil || json.Unmarshal(text, &values) != nil {
		return nil
	}
	candidates := make([]tokenkeep.Secret, len(values))
	for i, v := range values {
		candidates[i] = tokenkeep.NewSecret(v)
	}
	return candidates
}

// errNoSeal does not say why: the cause might show some of it.
var errNoSeal = errors.New("the candidate refresh tokens could not be encrypted")

// candidateKey returns what encrypts the candidates of a row: its refresh token, or
// for a row without one what it has instead.
func candidateKey(w *row) (cipher.AEAD, error) {
	secret := cmp.Or(w.val[colRefreshToken], w.val[colGrantToken], w.val[colAccessToken])
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "tokenkeep filestore candidates v1", 32)
	if err != nil {
		return nil, fmt.Errorf("%w: no key", errNoSeal)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("%w: no cipher", errNoSeal)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
