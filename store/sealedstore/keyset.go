package sealedstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// A tinkKeyset is a cleartext Tink keyset in JSON, as far as it has to be taken
// apart: each of its keys becomes a key of ours.
type tinkKeyset struct {
	PrimaryKeyID    uint32            `json:"primaryKeyId"`
	Key             []json.RawMessage `json:"key"`
	EncryptedKeyset json.RawMessage   `json:"encryptedKeyset,omitempty"`
}

// A tinkKey is one of its keys.
type tinkKey struct {
	KeyID   uint32 `json:"keyId"`
	Status  string `json:"status"`
	KeyData struct {
		Value string `json:"value"`
	} `json:"keyData"`
}

// errKeyset says that a keyset cannot be read. Causes may quote the text and are
// left out.
var errKeyset = errors.New("the Tink keyset cannot be read; it has to be a cleartext AEAD keyset in JSON, such as `tinkey create-keyset --key-template XCHACHA20_POLY1305 --out-format json` makes")

// tinkKeys returns the enabled keys of a keyset, the primary one first.
func tinkKeys(text []byte) ([]*key, error) {
	var set tinkKeyset
	if err := json.Unmarshal(text, &set); err != nil || set.EncryptedKeyset != nil {
		return nil, errKeyset
	}
	var primary, others []*key
	for _, raw := range set.Key {
		var tk tinkKey
		if err := json.Unmarshal(raw, &tk); err != nil {
			return nil, errKeyset
		}
		if tk.Status != "ENABLED" {
			continue
		}
		k, err := tinkKeyOf(tk, raw)
		if err != nil {
			return nil, err
		}
		if tk.KeyID == set.PrimaryKeyID {
			primary = append(primary, k)
		} else {
			others = append(others, k)
		}
	}
	if len(primary) == 0 {
		return nil, errKeyset
	}
	return append(primary, others...), nil
}

// tinkKeyOf makes a keyset of one key, and of that a key.
func tinkKeyOf(tk tinkKey, raw json.RawMessage) (*key, error) {
	alone, err := json.Marshal(tinkKeyset{PrimaryKeyID: tk.KeyID, Key: []json.RawMessage{raw}})
	if err != nil {
		return nil, errKeyset
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(alone)))
	if err != nil {
		return nil, errKeyset
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("%w: key %d is none for AEAD", errKeyset, tk.KeyID)
	}
	material, err := base64.StdEncoding.DecodeString(tk.KeyData.Value)
	if err != nil {
		return nil, errKeyset
	}
	return newKey(material, primitive)
}
