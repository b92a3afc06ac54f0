package sealedstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// How a sealed row looks in the inner store: its client secret is
//
//	tk1.<key id>.<version>.<ciphertext of its secrets, base64url>
//
// and each of its refresh, access and grant tokens that is not empty is
//
//	tkf.<fingerprint, base64url>
//
// Its candidates are in the ciphertext alone, after the four secrets.
//
// A reserved row has the second form and no client secret: it has an id, and no
// token yet. All others are plain.
const (
	sealPrefix  = "tk1."
	printPrefix = "tkf."
	dataPrefix  = "tkd1."
)

// reservedMark stands in the grant token of a row that is reserved for a user name.
const reservedMark = printPrefix + "reserved"

// A row is one row of the inner store, opened.
type row struct {
	inner *tokenkeep.Token // as the inner store has it
	token *tokenkeep.Token // as callers see it; nil for a reserved row
	keyID string           // "" for a plain row
}

func (r *row) reserved() bool { return r != nil && r.token == nil }

// there reports whether callers see a token.
func (r *row) there() bool { return r != nil && r.token != nil }

// keyOf returns the id of the key that a row of the inner store is sealed with: ""
// for a plain or reserved one. Nothing is opened.
func keyOf(inner *tokenkeep.Token) (id string, err error) {
	env, err := parseEnvelope(inner.ClientSecret.Reveal())
	return env.keyID, err
}

// isReserved reports whether a row of the inner store has only been reserved.
func isReserved(inner *tokenkeep.Token) bool {
	return inner.ClientSecret.IsZero() && onlyPrints(inner)
}

// onlyPrints reports whether all token columns hold fingerprints. Candidates have
// none.
func onlyPrints(inner *tokenkeep.Token) bool {
	if len(inner.Candidates) > 0 {
		return false
	}
	for _, s := range []tokenkeep.Secret{inner.RefreshToken, inner.AccessToken, inner.GrantToken} {
		if !s.IsZero() && !strings.HasPrefix(s.Reveal(), printPrefix) {
			return false
		}
	}
	return true
}

// An envelope is a sealed client secret, taken apart.
type envelope struct {
	keyID   string
	version int64
	sealed  string // still in base64
}

var errEnvelope = damaged("its sealed value is cut off or was changed")

// parseEnvelope takes a client secret of the inner store apart. That of a plain row
// gives the zero envelope.
func parseEnvelope(text string) (envelope, error) {
	rest, ok := strings.CutPrefix(text, sealPrefix)
	if !ok {
		return envelope{}, nil
	}
	id, rest, ok1 := strings.Cut(rest, ".")
	digits, sealed, ok2 := strings.Cut(rest, ".")
	version, err := strconv.ParseInt(digits, 10, 64)
	if !ok1 || !ok2 || err != nil || version < 1 || id == "" {
		return envelope{}, errEnvelope
	}
	return envelope{keyID: id, version: version, sealed: sealed}, nil
}

// open returns what callers see of a row of the inner store.
func (s *Store) open(ctx context.Context, inner *tokenkeep.Token) (*row, error) {
	r, err := s.unseal(ctx, inner)
	if err == nil && r.there() && r.keyID == "" && s.opts.RequireSealed {
		err = ErrNotSealed
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("sealed: open: %w", context.Cause(ctx))
		}
		return nil, openError(inner.ID, err)
	}
	return r, nil
}

// unseal is open without the demand that rows be sealed.
func (s *Store) unseal(ctx context.Context, inner *tokenkeep.Token) (*row, error) {
	env, err := parseEnvelope(inner.ClientSecret.Reveal())
	switch {
	case err != nil:
		return nil, err
	case env.keyID == "" && isReserved(inner):
		return &row{inner: inner}, nil
	case env.keyID == "":
		return &row{inner: inner, token: plainToken(inner)}, nil
	case !onlyPrints(inner):
		return nil, damaged("another program wrote a token into it, which must not share the store")
	}
	k, err := s.keys.key(ctx, env.keyID)
	if err != nil {
		return nil, err
	}
	secrets, err := decrypt(k, env, inner)
	if err != nil {
		return nil, err
	}
	t := inner.Clone()
	t.Version = env.version
	t.ClientSecret, t.RefreshToken, t.AccessToken, t.GrantToken = secrets[0], secrets[1], secrets[2], secrets[3]
	t.Candidates = slices.Clip(secrets[4:])
	if len(t.Candidates) == 0 {
		t.Candidates = nil
	}
	return &row{inner: inner, token: t, keyID: env.keyID}, nil
}

// plainToken returns what a plain row holds. A mark that a reservation of the same
// moment left in it is no grant token.
func plainToken(inner *tokenkeep.Token) *tokenkeep.Token {
	t := inner.Clone()
	if strings.HasPrefix(t.GrantToken.Reveal(), printPrefix) {
		t.GrantToken = tokenkeep.Secret{}
	}
	return t
}

// decrypt returns the secrets of a sealed row.
func decrypt(k *key, env envelope, inner *tokenkeep.Token) (secrets []tokenkeep.Secret, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(env.sealed)
	if err != nil {
		return secrets, errEnvelope
	}
	plain, err := k.aead.Decrypt(sealed, associated(inner, env.version, inner.DataCentre))
	if err != nil && inner.DataCentre != "" {
		// A reservation of the same moment may have told a row its data centre.
		plain, err = k.aead.Decrypt(sealed, associated(inner, env.version, ""))
	}
	if err != nil {
		return secrets, damaged("its sealed value was changed, belongs to another row, or its id, user, client or addresses were changed")
	}
	return unpack(plain)
}

// seal returns t, which has an id, as the inner store keeps it: at this version,
// sealed with k.
func seal(k *key, t *tokenkeep.Token, version int64) (*tokenkeep.Token, error) {
	plain := pack(append([]tokenkeep.Secret{t.ClientSecret, t.RefreshToken, t.AccessToken, t.GrantToken}, t.Candidates...)...)
	sealed, err := k.aead.Encrypt(plain, associated(t, version, t.DataCentre))
	if err != nil {
		return nil, errors.New("the token could not be encrypted") // the cause might show some of it
	}
	text := sealPrefix + k.id + "." + strconv.FormatInt(version, 10) + "." + base64.RawURLEncoding.EncodeToString(sealed)
	if len(text) > tokenkeep.MaxFieldBytes {
		return nil, fmt.Errorf("%w: its secrets have %d bytes together, more than can be sealed (about %d)", tokenkeep.ErrInvalid, len(plain), maxSecretBytes)
	}
	row := t.Clone()
	row.ClientSecret = tokenkeep.NewSecret(text)
	row.RefreshToken = k.fingerprint(tokenkeep.ByRefreshToken, t.RefreshToken)
	row.AccessToken = k.fingerprint(tokenkeep.ByAccessToken, t.AccessToken)
	row.GrantToken = k.fingerprint(tokenkeep.ByGrantToken, t.GrantToken)
	row.Candidates = nil
	return row, nil
}

// maxSecretBytes is what the secrets of one token may have together: sealed and in
// base64 they have to fit into one field of the inner store.
const maxSecretBytes = 49_000

// associated returns what a ciphertext is bound to: the row, whose it is, where its
// token is sent, and the version.
func associated(t *tokenkeep.Token, version int64, dataCentre string) []byte {
	b := make([]byte, 0, 256)
	b = append(b, "tokenkeep sealed row v1\x00"...)
	b = binary.BigEndian.AppendUint64(b, uint64(version)) //nolint:gosec // never negative
	for _, v := range [...]string{t.ID, t.UserName, t.ClientID, dataCentre, t.AccountsServer, t.APIDomain} {
		b = appendText(b, v)
	}
	return b
}

func appendText(b []byte, v string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// pack writes secrets one after the other, each with its length.
func pack(secrets ...tokenkeep.Secret) []byte {
	b := make([]byte, 0, 512)
	for _, s := range secrets {
		b = appendText(b, s.Reveal())
	}
	return b
}

// unpack is the reverse of pack, of four secrets or more.
func unpack(b []byte) (secrets []tokenkeep.Secret, err error) {
	for len(b) > 0 || len(secrets) < 4 {
		n, width := binary.Uvarint(b)
		if width <= 0 || n > uint64(len(b)-width) { //nolint:gosec // width is at most len(b)
			return nil, errEnvelope
		}
		b = b[width:]
		secrets, b = append(secrets, tokenkeep.NewSecret(string(b[:n]))), b[n:]
	}
	return secrets, nil
}
