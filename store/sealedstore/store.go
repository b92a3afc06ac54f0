package sealedstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/tokenkeep/tokenkeep"
)

// Options tune a [Store]. A nil *Options, and every zero field, is ready for use.
type Options struct {
	// RequireSealed refuses rows that are not sealed, with an error that wraps
	// [ErrNotSealed], instead of reading them. Set it once all rows are sealed:
	// whoever can write to the inner store could else put a token of their own in
	// place of a sealed one.
	RequireSealed bool
	// AlsoInUse counts what else is sealed with each key, by its id: records of a
	// rescue journal that this program can see, say (see [KeyOf]). [Store.Retire]
	// refuses a key that it names, and every key if it fails. Default: nothing else.
	AlsoInUse func(ctx context.Context) (map[string]int, error)
	// Progress is told by [Store.Rotate] how many rows it has looked at. It is called
	// by the goroutine that rotates. Default: nobody is told.
	Progress func(rows int)
	// Archive makes [Store.Retire] leave the key in its source, behind a #, where it
	// opens nothing. Taking the mark away brings it back, for another store that was
	// forgotten, or a backup. Default: the key is gone.
	Archive bool
	// Logger receives what an operator should know, such as rows that a rotation
	// could not seal. Default: nothing is logged. No secret is ever logged.
	Logger *slog.Logger
}

// A Store is a tokenkeep.TokenStore that keeps its tokens sealed in an inner one. It
// is safe for concurrent use by goroutines and, if the inner store is, by processes.
type Store struct {
	inner tokenkeep.TokenStore
	keys  *Keyring
	opts  Options
}

var (
	_ tokenkeep.TokenStore = (*Store)(nil)
	_ tokenkeep.Pinger     = (*Store)(nil)
	_ io.Closer            = (*Store)(nil)
)

// New returns a Store that seals with keys what it keeps in inner. It touches
// neither. The error says that one of them is nil.
func New(inner tokenkeep.TokenStore, keys *Keyring, opts *Options) (*Store, error) {
	if inner == nil || keys == nil {
		return nil, errors.New("sealed: a store and a key ring are needed")
	}
	s := &Store{inner: inner, keys: keys}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if s.opts.Progress == nil {
		s.opts.Progress = func(int) {}
	}
	return s, nil
}

// Keys returns the key ring of the store.
func (s *Store) Keys() *Keyring { return s.keys }

// Inner returns the store that holds the sealed rows.
func (s *Store) Inner() tokenkeep.TokenStore { return s.inner }

// Close closes the inner store, if it can be closed.
func (s *Store) Close() error {
	if c, ok := s.inner.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Ping implements [tokenkeep.Pinger]: it asks the inner store, if that can be asked,
// and makes sure that what the primary key seals can be opened, and that the key of the
// first row is there: a Keeper finds out that it has the wrong keys before it redeems a
// code.
func (s *Store) Ping(ctx context.Context) error {
	sealed, err := s.keys.Seal([]byte("ping"), nil)
	if err == nil {
		_, err = s.keys.Open(sealed, nil)
	}
	if err != nil {
		return err
	}
	for _, err := range s.GetTokens(ctx) {
		if errors.Is(err, ErrKeyMissing) {
			return err
		}
		break // what else is wrong with that row is its own affair
	}
	return ping(ctx, s.inner)
}

// DeleteToken implements [tokenkeep.TokenStore]. It deletes rows that cannot be
// opened too: an id is given on purpose.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return wrap("delete", s.inner.DeleteToken(ctx, id))
}

// DeleteTokens implements [tokenkeep.TokenStore].
func (s *Store) DeleteTokens(ctx context.Context) error {
	return wrap("delete all", s.inner.DeleteTokens(ctx))
}

// wrap prefixes err with the operation.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sealed: %s: %w", op, err)
}
