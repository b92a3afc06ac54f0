//go:build unix

package matrix

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	clientID   = "1000.MATRIX"
	dataCentre = "eu"
)

// policies are the rotation policies: one table each.
var policies = []tokenkeep.Rotation{tokenkeep.RotationNone}

// An authority is the authorization server of the cells of one policy. It runs in
// this process, on a socket of its own, and counts.
type authority struct {
	policy tokenkeep.Rotation
	fake   *zohotest.Fake
	secret string
	users  atomic.Int64
}

func newAuthority(t *testing.T, policy tokenkeep.Rotation) *authority {
	t.Helper()
	a := &authority{policy: policy, secret: "matrix-client-secret"}
	a.fake = zohotest.NewServer(t, &zohotest.Options{DataCentres: []string{dataCentre}})
	a.fake.AddClient(zohotest.Client{ID: clientID, Secret: a.secret, DC: dataCentre})
	return a
}

func (a *authority) server() server {
	return server{Accounts: a.fake.AccountsURL(dataCentre), API: a.fake.APIDomain(dataCentre), ClientSecret: a.secret}
}

// login makes a login of a new user.
func (a *authority) login() *seed {
	email := fmt.Sprintf("user%d@example.com", a.users.Add(1))
	a.fake.AddUser(zohotest.User{Email: email, DC: dataCentre})
	i := a.fake.Issue(clientID, email)
	return &seed{User: email, Refresh: i.RefreshToken, Access: i.AccessToken}
}

// counts are what the authority saw of one login.
type counts struct {
	requests int // for access tokens
	mints    int
	replayed int // refresh tokens that were sent though they were spent
}

func (a *authority) counts(s *seed) counts {
	c := a.fake.Counters().ByRefreshToken[s.Refresh]
	return counts{requests: c.Requests, mints: c.Mints}
}

// alive reports whether an access token works.
func (a *authority) alive(access string) bool {
	ok, _ := a.fake.AccessTokenAlive(access)
	return ok
}

// disturb makes the next request with the login's refresh token fail.
func (a *authority) disturb(s *seed, f zohotest.Fault) (remove func()) {
	f.Token, f.Grant, f.Times = s.Refresh, "refresh_token", 1
	return a.fake.AddFault(f)
}

// newProvider returns the client of an authority.
func newProvider(policy tokenkeep.Rotation, at server) (tokenkeep.Provider, error) {
	dc, err := zoho.Custom(dataCentre, at.Accounts, at.API)
	if err != nil {
		return nil, err
	}
	return zoho.New(zoho.Config{
		ClientID: clientID, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(at.ClientSecret)},
		DataCentre: dc, DataCentres: []zoho.DataCentre{dc}, Timeout: 30 * time.Second,
	})
}
