package sealedstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// AddKey makes a new random key, writes it to the first source, and makes it the
// primary one. It returns its id. The error wraps tokenkeep.ErrReadOnly if the
// source cannot be written.
func (k *Keyring) AddKey(ctx context.Context) (id string, err error) {
	text := NewKey().Reveal()
	key, err := rawKey(text)
	if err != nil {
		return "", err
	}
	err = k.edit(ctx, func(r ringText) ringText {
		r.keys = slices.Insert(r.keys, 0, text)
		return r
	})
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
	err := k.edit(ctx, func(r ringText) ringText {
		if text, rest := takeKey(r.keys, id); text != "" {
			r.keys = slices.Insert(rest, 0, text)
		}
		return r
	})
	if err == nil && k.Primary() != id {
		err = keyError("the key "+id+" is not in "+k.sources[0].String(), ErrKeyMissing)
	}
	return err
}

// remove takes a key out of the first source, or puts it aside there, and returns its
// text.
func (k *Keyring) remove(ctx context.Context, id string, archive bool) (text string, err error) {
	err = k.edit(ctx, func(r ringText) ringText {
		text, r.keys = takeKey(r.keys, id)
		if archive && text != "" {
			r.comments = append(r.comments, retiredMark+text)
		}
		return r
	})
	if err == nil && text == "" {
		err = keyError("the key "+id+" is not in "+k.sources[0].String(), ErrKeyMissing)
	}
	return text, err
}

// bringBack adds a key that was removed or put aside, as the last one.
func (k *Keyring) bringBack(ctx context.Context, text string) error {
	return k.edit(context.WithoutCancel(ctx), func(r ringText) ringText {
		r.comments = slices.DeleteFunc(r.comments, func(c string) bool { return c == retiredMark+text })
		r.keys = append(r.keys, text)
		return r
	})
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

// edit changes the text of the first source and loads it.
func (k *Keyring) edit(ctx context.Context, change func(ringText) ringText) error {
	source := k.sources[0]
	u, ok := source.(Updater)
	if !ok {
		return keyError(source.String()+" cannot be changed from here; put the new key first in it yourself, and keep the old one after it", tokenkeep.ErrReadOnly)
	}
	err := u.Update(ctx, func(text string) (string, error) {
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			return "", fmt.Errorf("%w: it holds a Tink keyset; change that with tinkey", tokenkeep.ErrReadOnly)
		}
		return change(splitKeys(text)).String(), nil
	})
	if err != nil {
		return keyError(source.String()+" was not changed", err)
	}
	return k.Reload(ctx)
}
