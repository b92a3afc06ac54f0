package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stubProvider is a Provider whose answers a test scripts.
type stubProvider struct {
	refreshes atomic.Int64 // requests sent
	exchanges atomic.Int64
	mints     atomic.Int64
	refresh   func(ctx context.Context, n int64, t *Token) (*Token, error) // nil: mint
	exchange  func(ctx context.Context, g *Grant) (*Token, error)
	identify  func(t *Token) (string, error)
	revoke    func(t *Token) error
	limits    Limits
	audience  Audience

	mu      sync.Mutex
	revoked []string
}

func (p *stubProvider) ClientID() string { return "1000.CLIENT" }

func (p *stubProvider) mint() *Token {
	return &Token{
		AccessToken: NewSecret(fmt.Sprintf("1000.access.%d", p.mints.Add(1))),
		Expiry:      time.Now().Add(time.Hour),
	}
}

func (p *stubProvider) Refresh(ctx context.Context, t *Token) (*Token, error) {
	n := p.refreshes.Add(1)
	if p.refresh != nil {
		return p.refresh(ctx, n, t)
	}
	return p.mint(), nil
}

func (p *stubProvider) Exchange(ctx context.Context, g *Grant) (*Token, error) {
	n := p.exchanges.Add(1)
	if p.exchange != nil {
		return p.exchange(ctx, g)
	}
	t := p.mint()
	t.ClientID, t.DataCentre = "1000.CLIENT", "eu"
	t.RefreshToken = NewSecret(fmt.Sprintf("1000.refresh.%d", n))
	return t, nil
}

func (p *stubProvider) Revoke(_ context.Context, t *Token) error {
	p.mu.Lock()
	p.revoked = append(p.revoked, t.RefreshToken.Reveal()+"|"+t.AccessToken.Reveal())
	p.mu.Unlock()
	if p.revoke != nil {
		return p.revoke(t)
	}
	return nil
}

func (p *stubProvider) Identify(_ context.Context, t *Token) (string, error) {
	if p.identify != nil {
		return p.identify(t)
	}
	return "", errors.New("nobody knows")
}

func (p *stubProvider) Audience(*Token) (Audience, error) {
	if p.audience.BaseURL != "" {
		return p.audience, nil
	}
	return Audience{
		Scheme: "Zoho-oauthtoken", BaseURL: "https://www.zohoapis.eu",
		Hosts: []string{"www.zohoapis.eu", "content.zohoapis.eu"}, Rewrite: []string{"www.zohoapis.com"},
	}, nil
}

func (p *stubProvider) Limits() Limits {
	if p.limits == (Limits{}) {
		return Limits{Mints: 10, Window: 10 * time.Minute}
	}
	return p.limits
}

func (p *stubProvider) Refused(_ http.Header, body []byte) bool {
	return string(body) != "scope"
}

// faultyStore lets a test stand between a Keeper and its store.
type faultyStore struct {
	TokenStore
	onSave func(t *Token) error
	onFind func() error
}

func (s *faultyStore) SaveToken(ctx context.Context, t *Token) error {
	if s.onSave != nil {
		if err := s.onSave(t); err != nil {
			return err
		}
	}
	return s.TokenStore.SaveToken(ctx, t)
}

func (s *faultyStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	if s.onFind != nil {
		if err := s.onFind(); err != nil {
			return nil, err
		}
	}
	return s.TokenStore.FindTokenByID(ctx, id)
}

// stored saves a login whose access token is good for left and returns its row.
func stored(t *testing.T, s TokenStore, left time.Duration) *Token {
	t.Helper()
	row := &Token{
		UserName: "patricia@zylker.com", ClientID: "1000.CLIENT", DataCentre: "eu",
		RefreshToken: NewSecret("1000.refresh.0"), AccessToken: NewSecret("1000.access.0"),
		Expiry: time.Now().Add(left), APIDomain: "https://www.zohoapis.eu", Scopes: []string{"ZohoCRM.modules.ALL"},
	}
	if err := s.SaveToken(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	return row
}

func open(t *testing.T, k *Keeper, id string) *Session {
	t.Helper()
	s, err := k.SessionByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, s TokenStore, id string) *Token {
	t.Helper()
	row, err := s.FindTokenByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
