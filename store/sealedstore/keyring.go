package sealedstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tokenkeep/tokenkeep"
)

// A Keyring holds the keys of sealed stores: the primary one, which seals, and
// older ones, which only open. It is safe for concurrent use, also by several
// stores.
type Keyring struct {
	sources []Source
	ring    atomic.Pointer[ring]
	start   time.Time // what looked counts from
	looks   singleflight.Group
	looked  atomic.Int64 // when the sources were last read because a key was missing
}

// A ring is what the sources held at one time. It does not change.
type ring struct {
	keys   []*key
	stamps []fs.FileInfo // of the sources that are files
}

// OpenKeyring reads the sources. The first key of the first source seals; all
// others open. The error says which source cannot be read, and has the class
// tokenkeep.StoreUnavailable.
func OpenKeyring(ctx context.Context, sources ...Source) (*Keyring, error) {
	k := &Keyring{sources: slices.Clone(sources), start: time.Now()}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Reload reads the sources again. If that fails, the keys of before stay. A changed
// key file is noticed without it.
func (k *Keyring) Reload(ctx context.Context) error {
	_, err := k.load(ctx)
	return err
}

// Primary returns the id of the key that seals.
func (k *Keyring) Primary() string { return k.ring.Load().primary().id }

// IDs returns the ids of all keys, the primary one first. Ids are derived from the
// keys and tell nothing of them.
func (k *Keyring) IDs() []string {
	var ids []string
	for _, key := range k.ring.Load().keys {
		ids = append(ids, key.id)
	}
	return ids
}

func (r *ring) primary() *key { return r.keys[0] }

func (r *ring) byID(id string) *key {
	for _, key := range r.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

// load reads the sources and makes what they hold current.
func (k *Keyring) load(ctx context.Context) (*ring, error) {
	if len(k.sources) == 0 {
		return nil, keyError("no source of keys is given", nil)
	}
	next := &ring{stamps: k.stamps()} // before reading: what changes meanwhile is read again
	for _, s := range k.sources {
		keys, err := readKeys(ctx, s)
		if err != nil {
			return nil, keyError(s.String()+" cannot be used", err)
		}
		for _, key := range keys {
			if next.byID(key.id) == nil {
				next.keys = append(next.keys, key)
			}
		}
	}
	k.ring.Store(next)
	return next, nil
}

func readKeys(ctx context.Context, s Source) ([]*key, error) {
	text, err := s.Read(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(text.Reveal())
	if err == nil && len(keys) == 0 {
		err = errEmpty
	}
	return keys, err
}

func (k *Keyring) stamps() []fs.FileInfo {
	stamps := make([]fs.FileInfo, len(k.sources))
	for i, s := range k.sources {
		if f, ok := s.(interface{ stamp() fs.FileInfo }); ok {
			stamps[i] = f.stamp()
		}
	}
	return stamps
}

// fresh returns the keys as the key files hold them now. Files that cannot be read
// at the moment do not keep the keys of before from being used.
func (k *Keyring) fresh(ctx context.Context) *ring {
	now := k.ring.Load()
	if slices.EqualFunc(now.stamps, k.stamps(), sameStamp) {
		return now
	}
	next, err := k.load(ctx)
	if err != nil {
		return now
	}
	return next
}

// lookTime is how often, at most, sources other than files are read because a key
// is missing.
const lookTime = time.Second

// key returns the key with this id. If the ring lacks it, it looks whether the
// sources have it by now. The error wraps ErrKeyMissing.
func (k *Keyring) key(ctx context.Context, id string) (*key, error) {
	if key := k.ring.Load().byID(id); key != nil {
		return key, nil
	}
	if key := k.fresh(ctx).byID(id); key != nil {
		return key, nil
	}
	next, err := k.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrKeyMissing, id, err)
	}
	if key := next.byID(id); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrKeyMissing, id)
}

// look reads the sources because a key is missing: once for all who miss one, and
// once in lookTime at most.
func (k *Keyring) look(ctx context.Context) (*ring, error) {
	done := k.looks.DoChan("", func() (any, error) {
		now := time.Since(k.start)
		if last := k.looked.Load(); last != 0 && now-time.Duration(last) < lookTime {
			return k.ring.Load(), nil
		}
		k.looked.Store(int64(now))
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*commandTime)
		defer cancel()
		return k.load(ctx)
	})
	select {
	case r := <-done:
		next, _ := r.Val.(*ring)
		return next, r.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// AddKey makes a new random key, writes it to the first source, and makes it the
// primary one. It returns its id. The error wraps tokenkeep.ErrReadOnly if the
// source cannot be written.
func (k *Keyring) AddKey(ctx context.Context) (id string, err error) {
	text := NewKey().Reveal()
	key, err := rawKey(text)
	if err != nil {
		return "", err
	}
	err = k.edit(ctx, func(keys []string) []string { return slices.Insert(keys, 0, text) })
	return key.id, err
}

// promote makes a key of the first source the primary one.
func (k *Keyring) promote(ctx context.Context, id string) error {
	if k.fresh(ctx).primary().id == id {
		return nil
	}
	if _, err := k.key(ctx, id); err != nil {
		return keyError("the key "+id+" cannot be made the primary one", err)
	}
	err := k.edit(ctx, func(keys []string) []string {
		if text, rest := takeKey(keys, id); text != "" {
			return slices.Insert(rest, 0, text)
		}
		return keys
	})
	if err == nil && k.Primary() != id {
		err = keyError("the key "+id+" is not in "+k.sources[0].String(), ErrKeyMissing)
	}
	return err
}

// remove takes a key out of the first source, and returns its text.
func (k *Keyring) remove(ctx context.Context, id string) (text string, err error) {
	err = k.edit(ctx, func(keys []string) (rest []string) {
		text, rest = takeKey(keys, id)
		return rest
	})
	if err == nil && text == "" {
		err = keyError("the key "+id+" is not in "+k.sources[0].String(), ErrKeyMissing)
	}
	return text, err
}

// bringBack adds a key that was removed, as the last one.
func (k *Keyring) bringBack(ctx context.Context, text string) error {
	return k.edit(context.WithoutCancel(ctx), func(keys []string) []string { return append(keys, text) })
}

// takeKey parts the key with this id from the others; "" if there is none.
func takeKey(keys []string, id string) (text string, rest []string) {
	for _, line := range keys {
		if key, err := rawKey(line); err == nil && key.id == id {
			text = line
			continue
		}
		rest = append(rest, line)
	}
	return text, rest
}

// edit changes the keys of the first source and loads them.
func (k *Keyring) edit(ctx context.Context, change func(keys []string) []string) error {
	source := k.sources[0]
	u, ok := source.(Updater)
	if !ok {
		return keyError(source.String()+" cannot be changed from here; put the new key first in it yourself, and keep the old one after it", tokenkeep.ErrReadOnly)
	}
	err := u.Update(ctx, func(text string) (string, error) {
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			return "", fmt.Errorf("%w: it holds a Tink keyset; change that with tinkey", tokenkeep.ErrReadOnly)
		}
		comments, keys := splitKeys(text)
		return joinKeys(comments, change(keys)), nil
	})
	if err != nil {
		return keyError(source.String()+" was not changed", err)
	}
	return k.Reload(ctx)
}

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
	rest, ok1 := bytes.CutPrefix(sealed, []byte(dataPrefix))
	id, rest, ok2 := bytes.Cut(rest, []byte("."))
	if !ok1 || !ok2 {
		return nil, keyError("open", damaged("this is nothing sealed"))
	}
	key, err := k.key(context.Background(), string(id))
	if err != nil {
		return nil, keyError("open", err)
	}
	plain, err := key.aead.Decrypt(rest, dataAAD(aad))
	if err != nil {
		return nil, keyError("open", damaged("it was changed, or sealed for something else"))
	}
	return plain, nil
}

// dataAAD keeps what Seal seals from being taken for a row's, and the reverse.
func dataAAD(aad []byte) []byte { return append([]byte("tokenkeep sealed data v1\x00"), aad...) }

// keyError is the error of an operation on keys.
func keyError(reason string, err error) error {
	hint := "see that the key can be read; nothing was changed"
	if errors.Is(err, ErrKeyMissing) {
		hint = hintMissing
	}
	return &tokenkeep.Error{Class: tokenkeep.StoreUnavailable, Op: "sealed: keys", Reason: reason, Hint: hint, Err: err}
}
