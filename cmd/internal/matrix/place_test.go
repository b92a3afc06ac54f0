//go:build unix

package matrix

import (
	"context"
	"log/slog"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A place is where the store of a cell is.
type place struct {
	URL      string
	Password string // of a server
	Key      string // the key file of a sealed store; empty: it is not sealed
}

// open opens the store there. It stays open until the process or, with closeStore,
// its user ends. The sealer, if there is one, is for the journal.
func (p place) open(ctx context.Context) (tokenkeep.TokenStore, tokenkeep.Sealer, error) {
	s, _, sealer, err := p.openStore(ctx)
	return s, sealer, err
}

func (p place) openStore(ctx context.Context) (s tokenkeep.TokenStore, closeStore func() error, sealer tokenkeep.Sealer, err error) {
	l, err := stores.Parse(p.URL, "")
	if err != nil {
		return nil, nil, nil, err
	}
	l.Server.Password = tokenkeep.NewSecret(p.Password)
	inner, closer, err := stores.Open(ctx, l, slog.New(slog.DiscardHandler))
	if err != nil || p.Key == "" {
		return inner, closerOf(closer), nil, err
	}
	keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile(p.Key))
	if err != nil {
		return nil, nil, nil, err
	}
	sealed, err := sealedstore.New(inner, keys, &sealedstore.Options{RequireSealed: true})
	if err != nil {
		return nil, nil, nil, err
	}
	return sealed, closer.Close, keys, nil
}

func closerOf(c interface{ Close() error }) func() error {
	if c == nil {
		return func() error { return nil }
	}
	return c.Close
}

// row returns the login with an access token that has expired.
func (s *seed) row(at server) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: s.User, ClientID: clientID, RefreshToken: tokenkeep.NewSecret(s.Refresh),
		AccessToken: tokenkeep.NewSecret(s.Access), Expiry: time.Now().Add(-time.Minute).Truncate(time.Millisecond),
		APIDomain: at.API, AccountsServer: at.Accounts, DataCentre: dataCentre, Scopes: []string{"ZohoCRM.modules.ALL"},
	}
}
