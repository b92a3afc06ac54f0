package sealedstore

import (
	"bytes"
	"context"
)

// Seal encrypts data that is no row, such as a record of tokenkeep's rescue journal,
// and authenticates aad with it. It seals with the primary key and names it, so that
// [Keyring.Open] finds it after a rotation. The key must not be retired as long as
// anything but rows is sealed with it.
func (k *Keyring) Seal(plain, aad []byte) ([]byte, error) {
	key := k.fresh(context.Background()).primary()
	sealed, err := key.aead.Encrypt(plain, dataAAD(aad))
	if err != nil {
		return nil, keyError("seal", err)
	}
	return append([]byte(dataPrefix+key.id+"."), sealed...), nil
}

// Open returns what was given to Seal with the same aad. The error wraps
// [ErrKeyMissing] or tokenkeep.ErrCorrupt.
func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	id, rest, err := splitData(sealed)
	if err != nil {
		return nil, err
	}
	key, err := k.key(context.Background(), id)
	if err != nil {
		return nil, keyError("open", err)
	}
	plain, err := key.aead.Decrypt(rest, dataAAD(aad))
	if err != nil {
		return nil, keyError("open", damaged("it was changed, or sealed for something else"))
	}
	return plain, nil
}

// KeyOf returns the id of the key that sealed has been sealed with by [Keyring.Seal].
// Nothing is opened. The error wraps tokenkeep.ErrCorrupt.
func KeyOf(sealed []byte) (id string, err error) {
	id, _, err = splitData(sealed)
	return id, err
}

func splitData(sealed []byte) (id string, rest []byte, err error) {
	rest, ok1 := bytes.CutPrefix(sealed, []byte(dataPrefix))
	name, rest, ok2 := bytes.Cut(rest, []byte("."))
	if !ok1 || !ok2 {
		return "", nil, keyError("open", damaged("this is nothing sealed"))
	}
	return string(name), rest, nil
}

// dataAAD keeps what Seal seals from being taken for a row's, and the reverse.
func dataAAD(aad []byte) []byte { return append([]byte("tokenkeep sealed data v1\x00"), aad...) }
