package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"time"
)

// reusedID is a store in which the row with its id has become another user's, as
// happens where one of Zoho's SDKs shares the table.
type reusedID struct {
	TokenStore
	row *Token
}

func (s *reusedID) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	if s.row != nil {
		return s.row.Clone(), nil
	}
	return s.TokenStore.FindTokenByID(ctx, id)
}

func TestSessionDoesNotFollowAReusedID(t *testing.T) {
	for name, look := range map[string]func(t *testing.T, s *Session) error{
		"token": func(t *testing.T, s *Session) error {
			_, err := s.TokenFor(t.Context(), 30*time.Minute)
			return err
		},
		"row": func(t *testing.T, s *Session) error { _, err := s.Row(t.Context()); return err },
	} {
		store := &reusedID{TokenStore: NewMemoryStore()}
		k := New(store, &stubProvider{}, nil)
		mine := open(t, k, stored(t, store, 10*time.Minute).ID)
		store.row = &Token{
			ID: mine.ID(), Version: 99, UserName: "boyle@zylker.eu", ClientID: "1000.CLIENT",
			RefreshToken: NewSecret("1000.refresh.boyle"), AccessToken: NewSecret("1000.access.boyle"), Expiry: time.Now().Add(time.Hour),
		}
		if err := look(t, mine); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: error %v", name, err)
		}
		if tok, err := mine.Token(t.Context()); err == nil {
			t.Errorf("%s: a session of one user got a token of another: %t", name, tok.Reveal() == "1000.access.boyle")
		}
		if tok, err := open(t, k, mine.ID()).Token(t.Context()); err != nil || tok.Reveal() != "1000.access.boyle" {
			t.Errorf("%s: the other user's own session: %v", name, err)
		}
		if _, err := mine.Token(t.Context()); !errors.Is(err, ErrNeedsLogin) {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}
