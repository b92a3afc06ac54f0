package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// SaveToken implements [tokenkeep.TokenStore]. With a version it is one round trip,
// without one it is two, and again two for each time that another save came in
// between.
//
// An error that ends a save because ctx ended or the connection broke leaves open
// whether the row was written. Saving the same version again finds out: it
// succeeds, or conflicts with what was written.
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := t.Validate(); err != nil {
		return s.fail(ctx, "save", err)
	}
	nonce := newNonce()
	var id string
	var version int64
	var err error
	if t.Version > 0 {
		id, version, err = s.replace(ctx, nonce, t)
	} else {
		id, version, err = s.upsert(ctx, nonce, t)
	}
	if err != nil {
		return s.fail(ctx, "save", err)
	}
	t.ID, t.Version = id, version
	return nil
}

// newNonce returns a name for one operation, by which it is known again when the
// client sends it twice.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// replace writes t over exactly its version.
func (s *Store) replace(ctx context.Context, nonce string, t *tokenkeep.Token) (string, int64, error) {
	if !isID(t.ID) {
		return "", 0, fmt.Errorf("%w: id %q names no row", tokenkeep.ErrConflict, t.ID)
	}
	return s.write(ctx, nonce, t, t.ID, t.Version, "", "")
}

// write writes row over exactly the version of id, or inserts it when id is "".
// Unless seen is "", it does so only if the bucket is as it was seen. The error
// wraps ErrConflict when something changed.
func (s *Store) write(ctx context.Context, nonce string, row *tokenkeep.Token, id string, version int64, bucket, seen string) (string, int64, error) {
	r, err := s.run(ctx, s.scripts.save,
		nonce, strings.Join(members(row), ","), body(row, time.Now()), id, version, bucket, seen)
	if err != nil {
		return "", 0, err
	}
	if r.word != "saved" {
		return "", 0, fmt.Errorf("%w: id %q, version %d", tokenkeep.ErrConflict, id, version)
	}
	next, err := strconv.ParseInt(r.rest[1], 10, 64)
	if err != nil {
		return "", 0, damaged(r.rest[0])
	}
	return r.rest[0], next, nil
}

// upsert merges t into the row that it means, or inserts it: it reads, decides, and
// writes if nothing of what it read has changed since.
func (s *Store) upsert(ctx context.Context, nonce string, t *tokenkeep.Token) (id string, version int64, err error) {
	m, err := tokenkeep.MatchFor(t)
	keyless := errors.Is(err, tokenkeep.ErrNoKey)
	if err != nil && !keyless {
		return "", 0, err
	}
	for {
		id, version, err = s.tryUpsert(ctx, nonce, t, m, keyless)
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return id, version, err
		}
	}
}

// tryUpsert is one try of upsert.
func (s *Store) tryUpsert(ctx context.Context, nonce string, t *tokenkeep.Token, m tokenkeep.Match, keyless bool) (string, int64, error) {
	place := ""
	if !keyless {
		place = bucket(m.Field, m.Value)
	}
	old, candidates, err := s.lookUp(ctx, place, knownID(t.ID))
	if err != nil {
		return "", 0, err
	}
	if old != nil {
		return s.write(ctx, nonce, tokenkeep.Merge(old, t), old.ID, old.Version, "", "")
	}
	if keyless {
		// Every token has a bucket; there its own nonce is found if it is sent twice.
		return s.insert(ctx, nonce, t, members(t)[0], "")
	}
	old, err = m.One(slices.Values(candidates))
	switch {
	case errors.Is(err, tokenkeep.ErrNotFound):
		return s.insert(ctx, nonce, t, place, snapshot(candidates))
	case err != nil:
		return "", 0, err
	}
	return s.write(ctx, nonce, tokenkeep.Merge(old, t), old.ID, old.Version, place, snapshot(candidates))
}

// insert writes t as a new row.
func (s *Store) insert(ctx context.Context, nonce string, t *tokenkeep.Token, bucket, seen string) (string, int64, error) {
	row := t.Clone()
	row.CreatedAt = time.Now()
	return s.write(ctx, nonce, row, "", 0, bucket, seen)
}

// knownID returns id if a row can have it, else "".
func knownID(id string) string {
	if isID(id) {
		return id
	}
	return ""
}

// snapshot says which rows were seen, in the words of the script save.
func snapshot(rows []*tokenkeep.Token) string {
	var b strings.Builder
	b.WriteByte('=')
	for _, t := range rows {
		b.WriteString(t.ID + " " + strconv.FormatInt(t.Version, 10) + " ")
	}
	return b.String()
}
