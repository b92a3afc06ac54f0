package sealedstore

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
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
	aside  []string      // ids of keys that were retired and can be brought back
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
		keys, aside, err := readKeys(ctx, s)
		if err != nil {
			return nil, keyError(s.String()+" cannot be used", err)
		}
		next.aside = append(next.aside, aside...)
		for _, key := range keys {
			if next.byID(key.id) == nil {
				next.keys = append(next.keys, key)
			}
		}
	}
	k.ring.Store(next)
	return next, nil
}

func readKeys(ctx context.Context, s Source) (keys []*key, aside []string, err error) {
	text, err := s.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, aside, err = parseKeys(text.Reveal())
	if err == nil && len(keys) == 0 {
		err = errEmpty
	}
	return keys, aside, err
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
	if slices.Contains(next.aside, id) {
		return nil, fmt.Errorf("%w: %q was retired, and is still in its source behind %q", ErrKeyMissing, id, retiredMark)
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
