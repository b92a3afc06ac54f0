package redisstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
)

// FindToken implements [tokenkeep.TokenStore] in one round trip.
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, s.fail(ctx, "find", err)
	}
	_, candidates, err := s.lookUp(ctx, bucket(m.Field, m.Value), "")
	if err != nil {
		return nil, s.fail(ctx, "find", err)
	}
	t, err := m.One(slices.Values(candidates))
	return t, s.fail(ctx, "find", err)
}

// FindTokenByID implements [tokenkeep.TokenStore] in one round trip.
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	t, err := s.byID(ctx, id)
	return t, s.fail(ctx, "find", err)
}

func (s *Store) byID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	value, err := await(ctx, s, func(ctx context.Context) (string, error) {
		if !isID(id) {
			return "", redis.Nil
		}
		return s.client.HGet(ctx, s.keys[0], id).Result()
	})
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	if err != nil {
		return nil, err
	}
	return parse(id, value)
}

// lookUp returns the row with the id, if there is one, or else the rows in the
// bucket, in the order of ids. Either may be "".
func (s *Store) lookUp(ctx context.Context, bucket, id string) (row *tokenkeep.Token, candidates []*tokenkeep.Token, err error) {
	low, high := "", ""
	if bucket != "" {
		low, high = "["+bucket+":", "("+bucket+";" // a semicolon comes after a colon
	}
	r, err := s.run(ctx, s.scripts.find, low, high, id)
	if err != nil {
		return nil, nil, err
	}
	if r.word == "row" {
		row, err = parse(id, r.rest[0])
		return row, nil, err
	}
	candidates, err = parseAll(r.rest)
	return nil, candidates, err
}

// parseAll reads ids and rows in turns.
func parseAll(pairs []string) ([]*tokenkeep.Token, error) {
	var tokens []*tokenkeep.Token
	for pair := range slices.Chunk(pairs, 2) {
		t, err := parse(pair[0], pair[1])
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// pageSize is how many rows a listing reads at a time.
const pageSize = 256

// GetTokens implements [tokenkeep.TokenStore]. It reads pages of 256 rows in the
// order of ids, one round trip each, and holds nothing between them, so the loop's
// body may use the store. A row that is saved or deleted while the listing runs is
// seen as it is when its page is read.
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		last := ""
		for {
			r, err := s.run(ctx, s.scripts.page, last, pageSize)
			if err != nil {
				yield(nil, s.fail(ctx, "list", err))
				return
			}
			if !s.yieldPage(ctx, r.rest[1:], yield) || r.rest[0] == "" {
				return
			}
			last = r.rest[0]
		}
	}
}

// yieldPage yields the rows of a page and reports whether to go on.
func (s *Store) yieldPage(ctx context.Context, pairs []string, yield func(*tokenkeep.Token, error) bool) bool {
	for pair := range slices.Chunk(pairs, 2) {
		t, err := parse(pair[0], pair[1])
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(nil, s.fail(ctx, "list", err))
			return false
		}
		if !yield(t, nil) {
			return false
		}
	}
	return true
}
