package redisstore

import (
	"context"
	"fmt"

	"github.com/tokenkeep/tokenkeep"
)

// DeleteToken implements [tokenkeep.TokenStore] in one round trip. A damaged row
// can be deleted, too.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.fail(ctx, "delete", s.remove(ctx, id))
}

func (s *Store) remove(ctx context.Context, id string) error {
	r, err := s.run(ctx, s.scripts.remove, id, newNonce())
	if err == nil && r.word == "missing" {
		err = fmt.Errorf("%w: id %q", tokenkeep.ErrNotFound, id)
	}
	return err
}

// DeleteTokens implements [tokenkeep.TokenStore] in one round trip, however many
// rows there are. The counter of ids goes on from where it is.
func (s *Store) DeleteTokens(ctx context.Context) error {
	_, err := s.run(ctx, s.scripts.clear)
	return s.fail(ctx, "delete all", err)
}
