package sealedstore

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/tokenkeep/tokenkeep"
)

// keyBytes is the length of a key before it is written in base64.
const keyBytes = 32

// A key seals and opens rows and makes fingerprints.
type key struct {
	id   string // ten hexadecimal digits, derived from the key
	aead tink.AEAD
	mac  []byte // makes fingerprints
}

// NewKey returns a new random key: 32 bytes in base64, one line of a key ring.
func NewKey() tokenkeep.Secret {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails
	return tokenkeep.NewSecret(base64.StdEncoding.EncodeToString(b))
}

// errKeyText says what a key looks like. It never shows the text.
var errKeyText = errors.New("a key is 32 random bytes in base64; `openssl rand -base64 32` makes one")

// rawKey returns the key that text holds in base64.
func rawKey(text string) (*key, error) {
	text = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	material, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(material) != keyBytes {
		return nil, errKeyText // the cause would show a part of the text
	}
	secret, err := derive(material, "aead", keyBytes)
	if err != nil {
		return nil, err
	}
	// 24 random bytes of nonce: a key never wears out, however often rows are saved.
	aead, err := subtle.NewXChaCha20Poly1305(secret)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return newKey(material, aead)
}

// newKey returns the key that seals by aead and was made of material.
func newKey(material []byte, aead tink.AEAD) (*key, error) {
	mac, err := derive(material, "fingerprint", sha256.Size)
	if err != nil {
		return nil, err
	}
	id, err := derive(material, "id", 5)
	if err != nil {
		return nil, err
	}
	return &key{id: hex.EncodeToString(id), aead: aead, mac: mac}, nil
}

// derive returns n bytes for one purpose, from which material cannot be told.
func derive(material []byte, purpose string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, material, nil, "tokenkeep sealedstore v1 "+purpose, n)
	if err != nil {
		return nil, fmt.Errorf("key: derive: %w", err)
	}
	return b, nil
}

// fingerprint returns what stands for a secret in the inner store: equal for equal
// secrets of one field, and telling nothing to who lacks the key.
func (k *key) fingerprint(f tokenkeep.Field, s tokenkeep.Secret) tokenkeep.Secret {
	if s.IsZero() {
		return s
	}
	mac := hmac.New(sha256.New, k.mac)
	mac.Write([]byte(f.String() + "\x00" + s.Reveal()))
	return tokenkeep.NewSecret(printPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]))
}

// parseKeys returns the keys of a key ring's text, the one that seals first, and the
// ids of those that were put aside.
func parseKeys(text string) (keys []*key, aside []string, err error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		keys, err = tinkKeys([]byte(text))
		return keys, nil, err
	}
	r := splitKeys(text)
	for i, line := range r.keys {
		k, err := rawKey(line)
		if err != nil {
			return nil, nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, r.aside(), nil
}

// A ringText is the text of a key ring, taken apart.
type ringText struct {
	comments []string
	keys     []string // in base64, the one that seals first
}

// splitKeys takes a key ring's text apart. Keys stand on lines of their own, or
// between spaces or commas.
func splitKeys(text string) (r ringText) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			r.comments = append(r.comments, line)
			continue
		}
		r.keys = append(r.keys, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })...)
	}
	return r
}

// retiredMark stands before a key that was put aside.
const retiredMark = "# retired "

// aside returns the ids of the keys that were put aside.
func (r ringText) aside() (ids []string) {
	for _, line := range r.comments {
		text, ok := strings.CutPrefix(line, retiredMark)
		if k, err := rawKey(text); ok && err == nil {
			ids = append(ids, k.id)
		}
	}
	return ids
}

// String is the reverse of splitKeys. Keys that were put aside come last: one whose
// mark is taken away opens and does not seal.
func (r ringText) String() string {
	var lines, aside []string
	for _, c := range r.comments {
		if strings.HasPrefix(c, retiredMark) {
			aside = append(aside, c)
		} else {
			lines = append(lines, c)
		}
	}
	return strings.Join(slices.Concat(lines, r.keys, aside), "\n") + "\n"
}
