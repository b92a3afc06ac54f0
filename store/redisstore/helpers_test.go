package redisstore_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// A place is a store of one test, with a client beside it.
type place struct {
	*redisstore.Store
	client            *redis.Client
	prefix            string
	rows, index, meta string
	history           string
}

// newPlace returns a fresh and empty store on the shared server.
func newPlace(tb testing.TB) *place {
	tb.Helper()
	return placeAt(tb, sharedServer(tb))
}

func placeAt(tb testing.TB, address string) *place {
	tb.Helper()
	prefix := freshPrefix(tb, address)
	s, err := redisstore.Open(tb.Context(), address, &redisstore.Options{Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	tag := "{" + prefix + "}:"
	return &place{s, newClient(tb, address), prefix, tag + "rows", tag + "index", tag + "meta", tag + "history"}
}

// login returns a token with every key.
func login(user string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: user, ClientID: "1000.CLIENT", DataCentre: "eu",
		RefreshToken: tokenkeep.NewSecret("1000.refresh." + user), AccessToken: tokenkeep.NewSecret("1000.access." + user),
		GrantToken: tokenkeep.NewSecret("1000.grant." + user), Expiry: time.Now().Add(time.Hour).Truncate(time.Millisecond),
		APIDomain: "https://www.zohoapis.eu", AccountsServer: "https://accounts.zoho.eu", Scopes: []string{"ZohoCRM.modules.ALL"},
	}
}

func save(tb testing.TB, s tokenkeep.TokenStore, t *tokenkeep.Token) *tokenkeep.Token {
	tb.Helper()
	if err := s.SaveToken(context.WithoutCancel(tb.Context()), t); err != nil {
		tb.Fatal(err)
	}
	return t
}

// listed returns all rows.
func listed(tb testing.TB, s tokenkeep.TokenStore) []*tokenkeep.Token {
	tb.Helper()
	var all []*tokenkeep.Token
	for t, err := range s.GetTokens(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, t)
	}
	return all
}

// dump returns what the four keys hold, to see that nothing changed.
func (p *place) dump(tb testing.TB) []string {
	tb.Helper()
	var all []string
	for _, key := range []string{p.rows, p.index, p.meta, p.history} {
		text, err := p.client.Dump(tb.Context(), key).Result()
		if err != nil && err != redis.Nil { //nolint:errorlint // the client returns it as it is
			tb.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// unchanged tells when do changed one of the keys.
func (p *place) unchanged(tb testing.TB, what string, do func()) {
	tb.Helper()
	before := p.dump(tb)
	do()
	if !slices.Equal(before, p.dump(tb)) {
		tb.Errorf("%s changed the keys", what)
	}
}
