package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// countName names the secret whose version is the number of ids given so far. It
// has no other content.
const countName = "count"

// A Store keeps tokens in AWS Secrets Manager. Its fields must not be changed
// while it is in use; it is safe for concurrent use by goroutines and processes.
type Store struct {
	// Endpoint is the URL of the service in your region.
	Endpoint string
	// Prefix begins the name of each secret of this store, such as "myapp/zoho/".
	Prefix string
	// Sign adds AWS's signature to a request. Nil: requests are sent unsigned.
	Sign func(*http.Request) error
	// Client sends the requests. Required; give it a Timeout.
	Client *http.Client
}

var _ tokenkeep.TokenStore = (*Store)(nil)

// FindTokenByID implements [tokenkeep.TokenStore], by one request.
func (s *Store) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if !isID(id) { // or a caller could name another secret
		return nil, fmt.Errorf("secretsmanager: find id %q: %w", id, tokenkeep.ErrNotFound)
	}
	var r record
	version, err := s.get(ctx, "token/"+id, &r)
	if err != nil {
		return nil, fmt.Errorf("secretsmanager: find id %q: %w", id, err)
	}
	return r.token(version), nil
}

// nthID returns the id of the nth row, from 1.
func nthID(n int64) string { return strconv.FormatInt(tokenkeep.FirstID-1+n, 10) }

func isID(id string) bool {
	n, err := strconv.ParseInt(id, 10, 64)
	return err == nil && n >= tokenkeep.FirstID && strconv.FormatInt(n, 10) == id
}

// GetTokens implements [tokenkeep.TokenStore], by one request for each id that
// was ever given.
func (s *Store) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		count, err := s.count(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("secretsmanager: list: %w", err))
			return
		}
		for n := int64(1); n <= count; n++ {
			t, err := s.FindTokenByID(ctx, nthID(n))
			if errors.Is(err, tokenkeep.ErrNotFound) {
				continue // deleted
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// count returns how many ids were given.
func (s *Store) count(ctx context.Context) (int64, error) {
	n, err := s.get(ctx, countName, &struct{}{})
	if errors.Is(err, tokenkeep.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// FindToken implements [tokenkeep.TokenStore], by reading all tokens.
func (s *Store) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	m, err := tokenkeep.MatchFor(partial)
	if err != nil {
		return nil, fmt.Errorf("secretsmanager: find: %w", err)
	}
	rows, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	return m.One(slices.Values(rows))
}

func (s *Store) all(ctx context.Context) (rows []*tokenkeep.Token, err error) {
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, t)
	}
	return rows, nil
}

// SaveToken implements [tokenkeep.TokenStore].
func (s *Store) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := t.Validate(); err != nil {
		return fmt.Errorf("secretsmanager: save: %w", err)
	}
	for {
		row, err := s.next(ctx, t)
		if err == nil {
			err = s.write(ctx, row)
		}
		if err == nil {
			t.ID, t.Version = row.ID, row.Version
			return nil
		}
		if t.Version > 0 || !errors.Is(err, tokenkeep.ErrConflict) {
			return fmt.Errorf("secretsmanager: save: %w", err)
		}
		time.Sleep(rand.N(20 * time.Millisecond)) //nolint:gosec // somebody was faster: look again, at another moment than others
	}
}

// next returns the row that saving t makes, with the version that it replaces.
func (s *Store) next(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	old, err := s.FindTokenByID(ctx, t.ID)
	missing := errors.Is(err, tokenkeep.ErrNotFound)
	switch {
	case err != nil && !missing:
		return nil, err
	case t.Version > 0 && (missing || old.Version != t.Version):
		return nil, tokenkeep.ErrConflict
	case t.Version > 0:
		return t.Clone(), nil
	case missing:
		return s.meant(ctx, t)
	}
	return tokenkeep.Merge(old, t), nil
}

// meant does so for a token without a known id.
func (s *Store) meant(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	count, err := s.count(ctx) // before the rows, so that none is overlooked
	if err != nil {
		return nil, err
	}
	rows, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	old, err := tokenkeep.FindMeant(t, slices.Values(rows))
	if err != nil {
		return nil, err
	}
	if old != nil {
		return tokenkeep.Merge(old, t), nil
	}
	row := t.Clone()
	row.ID, row.CreatedAt = nthID(count+1), time.Now()
	return row, nil
}

// write saves row as the next version of the one that it replaces.
func (s *Store) write(ctx context.Context, row *tokenkeep.Token) error {
	row.UpdatedAt = time.Now()
	row.Version++
	err := s.put(ctx, "token/"+row.ID, row.Version, newRecord(row))
	if row.Version > 1 || (err != nil && !errors.Is(err, tokenkeep.ErrConflict)) {
		return err
	}
	// A new row is there, ours or another's. Whoever finds it counts it, so that
	// a process that dies before it has counted its row holds up nobody.
	n, _ := strconv.ParseInt(row.ID, 10, 64) // the id is one of nthID
	if e := s.put(ctx, countName, n-tokenkeep.FirstID+1, struct{}{}); e != nil && !errors.Is(e, tokenkeep.ErrConflict) {
		return e
	}
	return err
}

// DeleteToken implements [tokenkeep.TokenStore]. For seven days an operator can
// restore the secret, and nobody can make another of its name.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	if _, err := s.FindTokenByID(ctx, id); err != nil {
		return err
	}
	if err := s.drop(ctx, "token/"+id); err != nil {
		return fmt.Errorf("secretsmanager: delete id %q: %w", id, err)
	}
	return nil
}

// DeleteTokens implements [tokenkeep.TokenStore].
func (s *Store) DeleteTokens(ctx context.Context) error {
	for t, err := range s.GetTokens(ctx) {
		if err == nil {
			err = s.DeleteToken(ctx, t.ID)
		}
		if err != nil && !errors.Is(err, tokenkeep.ErrNotFound) {
			return err
		}
	}
	return nil
}
