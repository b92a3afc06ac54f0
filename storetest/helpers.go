package storetest

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// save saves t and ends the check when that fails.
func (x *trial) save(s tokenkeep.TokenStore, t *tokenkeep.Token) *tokenkeep.Token {
	x.must(s.SaveToken(x.ctx, t), "save")
	return t
}

// get reads a row that must be there.
func (x *trial) get(s tokenkeep.TokenStore, id string) *tokenkeep.Token {
	t, err := s.FindTokenByID(x.ctx, id)
	x.must(err, "find by id")
	if t == nil {
		x.fatalf("find by id: no error and no token")
	}
	return t
}

// all reads every row.
func (x *trial) all(s tokenkeep.TokenStore) []*tokenkeep.Token {
	rows, err := collect(s.GetTokens(x.ctx))
	x.must(err, "list")
	return rows
}

// collect reads a list up to its end or its error.
func collect(seq iter.Seq2[*tokenkeep.Token, error]) ([]*tokenkeep.Token, error) {
	var rows []*tokenkeep.Token
	for t, err := range seq {
		if err != nil {
			return rows, err
		}
		if t == nil {
			return rows, fmt.Errorf("yielded no token and no error")
		}
		rows = append(rows, t)
	}
	return rows, nil
}

// unchanged tells of the fields in which the stored row differs from want.
func (x *trial) unchanged(s tokenkeep.TokenStore, want *tokenkeep.Token, what string) {
	got := x.get(s, want.ID)
	if d := diff(got, want); len(d) > 0 {
		x.errorf("%s: %s differ", what, strings.Join(d, ", "))
	}
	if got.Version != want.Version {
		x.errorf("%s: version %d, want %d", what, got.Version, want.Version)
	}
}

const (
	testClient = "1000.STORETESTCLIENT"
	testURL    = "http://127.0.0.1:8080/callback"
)

func secret(s string) tokenkeep.Secret { return tokenkeep.NewSecret(s) }

// plain returns a small token of user.
func plain(user string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: user, ClientID: testClient,
		RefreshToken: secret("1000.refresh." + user), AccessToken: secret("1000.access." + user),
		Expiry: time.Now().Add(time.Hour).Truncate(time.Millisecond),
	}
}

// full returns a token of user with every field set, each to another value.
func full(user string) *tokenkeep.Token {
	at := time.Date(2041, time.March, 4, 5, 6, 7, 0, time.UTC)
	ms := func(n int) time.Time { return at.Add(time.Duration(n)*time.Hour + time.Duration(n)*time.Millisecond) }
	return &tokenkeep.Token{
		UserName: user, ClientID: testClient,
		ClientSecret: secret("client-secret." + user), RefreshToken: secret("1000.refresh." + user),
		AccessToken: secret("1000.access." + user), GrantToken: secret("1000.grant." + user),
		Expiry: ms(1), RedirectURL: testURL, APIDomain: "https://www.zohoapis.eu",
		AccountsServer: "https://accounts.zoho.eu", DataCentre: "eu",
		Scopes: []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "AaaServer.profile.READ"},
		State: tokenkeep.State{
			Class: tokenkeep.Throttled, Reason: "ten tokens in ten minutes", Until: ms(2), Since: ms(3), Failures: 7,
		},
		Claim: tokenkeep.Claim{Owner: "host/4711/1", Since: ms(4)},
		Mints: []time.Time{ms(5), ms(6), ms(999)}, UsedAt: ms(8),
		Logins:     []time.Time{ms(10), ms(11)},
		Candidates: []tokenkeep.Secret{secret("1000.candidate." + user), secret("1000.candidate.older." + user)},
	}
}

// diff names the fields, but for the version and the store's own times, in which
// two tokens differ. Times are compared to the millisecond.
func diff(a, b *tokenkeep.Token) []string {
	var names []string
	note := func(same bool, name string) {
		if !same {
			names = append(names, name)
		}
	}
	note(a.ID == b.ID, "ID")
	note(a.UserName == b.UserName, "UserName")
	note(a.ClientID == b.ClientID, "ClientID")
	note(a.ClientSecret.Equal(b.ClientSecret), "ClientSecret")
	note(a.RefreshToken.Equal(b.RefreshToken), "RefreshToken")
	note(a.AccessToken.Equal(b.AccessToken), "AccessToken")
	note(a.GrantToken.Equal(b.GrantToken), "GrantToken")
	note(sameTime(a.Expiry, b.Expiry), "Expiry")
	note(a.RedirectURL == b.RedirectURL, "RedirectURL")
	note(a.APIDomain == b.APIDomain, "APIDomain")
	note(a.AccountsServer == b.AccountsServer, "AccountsServer")
	note(a.DataCentre == b.DataCentre, "DataCentre")
	note(slices.Equal(a.Scopes, b.Scopes), "Scopes")
	note(sameState(a.State, b.State), "State")
	note(a.Claim.Owner == b.Claim.Owner && sameTime(a.Claim.Since, b.Claim.Since), "Claim")
	note(slices.EqualFunc(a.Mints, b.Mints, sameTime), "Mints")
	note(sameTime(a.UsedAt, b.UsedAt), "UsedAt")
	note(slices.EqualFunc(a.Logins, b.Logins, sameTime), "Logins")
	note(slices.EqualFunc(a.Candidates, b.Candidates, tokenkeep.Secret.Equal), "Candidates")
	return names
}

func sameState(a, b tokenkeep.State) bool {
	return a.Class == b.Class && a.Reason == b.Reason && a.Failures == b.Failures &&
		sameTime(a.Until, b.Until) && sameTime(a.Since, b.Since)
}

func sameTime(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Truncate(time.Millisecond).Equal(b.Truncate(time.Millisecond))
}
