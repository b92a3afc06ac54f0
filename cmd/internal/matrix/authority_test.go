//go:build unix

package matrix

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	clientID   = "1000.MATRIX"
	dataCentre = "eu"
	graceTime  = 2 * time.Minute // longer than any cell
)

// policies are the rotation policies: one table each.
func policies() []tokenkeep.Rotation {
	return []tokenkeep.Rotation{tokenkeep.RotationNone, tokenkeep.RotationGrace, tokenkeep.RotationStrict}
}

// An authority is the authorization server of one cell: Zoho's, or a plain OAuth
// server that rotates. It runs in this process, on a socket of its own, and counts.
type authority struct {
	policy tokenkeep.Rotation
	fake   *zohotest.Fake
	secret string
	user   string // whom no other cell of a store on a server has
}

func newAuthority(t *testing.T, policy tokenkeep.Rotation) *authority {
	t.Helper()
	opts := &zohotest.Options{DataCentres: []string{dataCentre}}
	if policy != tokenkeep.RotationNone {
		opts.Profile = &zohotest.Profile{Rotation: zohotest.Rotation(policy), Grace: graceTime}
	}
	a := &authority{policy: policy, secret: "matrix-client-secret", user: strings.ToLower(rand.Text()) + "@example.com", fake: zohotest.NewServer(t, opts)}
	a.fake.AddClient(zohotest.Client{ID: clientID, Secret: a.secret, DC: dataCentre})
	a.fake.AddUser(zohotest.User{Email: a.user, DC: dataCentre})
	return a
}

func (a *authority) server() server {
	return server{Accounts: a.fake.AccountsURL(dataCentre), API: a.fake.APIDomain(dataCentre), ClientSecret: a.secret}
}

// login makes a login.
func (a *authority) login() *seed {
	i := a.fake.Issue(clientID, a.user)
	return &seed{User: a.user, Refresh: i.RefreshToken, Access: i.AccessToken}
}

// counts are what the authority saw.
type counts struct {
	requests int // for access tokens
	mints    int
	replayed int // refresh tokens that were sent though they were spent or dead
	revoked  int // logins that ended because of that
}

func (a *authority) counts() counts {
	c := a.fake.Counters()
	return counts{
		requests: c.TokenRequests, mints: c.Mints,
		replayed: c.SpentRepresented + c.DeadRepresented, revoked: c.FamiliesRevoked,
	}
}

// alive reports whether an access token works.
func (a *authority) alive(access string) bool {
	ok, _ := a.fake.AccessTokenAlive(access)
	return ok
}

// disturb makes the next request for an access token fail.
func (a *authority) disturb(f zohotest.Fault) (remove func()) {
	f.Grant, f.Times = "refresh_token", 1
	return a.fake.AddFault(f)
}
