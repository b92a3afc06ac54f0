package tokenkeep

import (
	"context"
	"iter"
)

// FirstID is the smallest id that a store gives. Ids of one width keep Zoho's
// own SDKs sane when they share a table, because those take the largest id as
// text.
const FirstID = 1_000_000_000

// A TokenStore keeps tokens: the six operations of Zoho's TokenStore, and all
// that a custom store has to implement. Package storetest checks one.
//
// A store must be safe for concurrent use by goroutines and, unless its
// documentation says memory-only, by processes. It must honour ctx. A write must
// be durable when it returns. Tokens that go in and come out must be copies.
//
// Further powers ([Pinger]) are optional interfaces that tokenkeep finds by type
// assertion.
type TokenStore interface {
	// FindToken returns the one row that partial means; see [MatchFor], which
	// decides it. It must return an error that wraps ErrNoKey when partial has no
	// usable field, ErrNotFound when no row fits, and ErrAmbiguous when several do.
	FindToken(ctx context.Context, partial *Token) (*Token, error)

	// FindTokenByID returns the row with this id, or an error that wraps
	// ErrNotFound.
	FindTokenByID(ctx context.Context, id string) (*Token, error)

	// SaveToken writes t and, on success, sets t.ID and t.Version to those of the
	// row. It must refuse a token that t.Validate refuses.
	//
	// With t.Version == 0 it updates the row that t means: the one with t.ID, if
	// there is one, else the one that MatchFor(t) finds. The row becomes
	// Merge(row, t) with the next version. When no row fits, it inserts t with a
	// fresh id and version 1; when several fit, it must return ErrAmbiguous and
	// change nothing.
	//
	// With t.Version > 0 it replaces exactly that version of the row t.ID, every
	// field, by t with the next version. If the row has another version, or is
	// gone, it must return an error that wraps ErrConflict and change nothing, so
	// that nothing deleted comes back and no newer save is lost.
	SaveToken(ctx context.Context, t *Token) error

	// DeleteToken removes the row, or returns an error that wraps ErrNotFound.
	// Its id must never be given again.
	DeleteToken(ctx context.Context, id string) error

	// GetTokens yields every row in the order of ids, as they are read: a store
	// must not hold all of them in memory if it can stream. An error is yielded
	// last, with a nil token. An empty store yields nothing.
	GetTokens(ctx context.Context) iter.Seq2[*Token, error]

	// DeleteTokens removes all rows. Ids must not be given again.
	DeleteTokens(ctx context.Context) error
}

// A Pinger is a TokenStore that can say whether it works without touching a
// token. `tokenkeep doctor` uses it.
type Pinger interface {
	// Ping returns nil when the store can be read and written.
	Ping(ctx context.Context) error
}
