package storetest

import (
	"github.com/tokenkeep/tokenkeep"
)

func findChecks() []check {
	return []check{
		{name: "functional/empty", level: Basic, run: checkEmpty},
		{name: "functional/find-by-each-key", level: Basic, run: checkFindKeys},
		{name: "functional/find-order", level: Basic, run: checkFindOrder},
		{name: "functional/find-no-key", level: Basic, run: checkFindNoKey},
		{name: "functional/find-exact", level: Basic, run: checkFindExact},
		{name: "functional/find-narrow", level: Basic, run: checkFindNarrow},
		{name: "functional/find-ambiguous", level: Basic, run: checkFindAmbiguous},
		{name: "functional/find-by-id", level: Basic, run: checkFindByID},
	}
}

// checkEmpty: an empty store has nothing, and says so without failing.
func checkEmpty(x *trial) {
	s := x.fresh()
	_, err := s.FindToken(x.ctx, plain("ann"))
	x.want(err, tokenkeep.ErrNotFound, "find in an empty store")
	_, err = s.FindTokenByID(x.ctx, "1000000000")
	x.want(err, tokenkeep.ErrNotFound, "find by id in an empty store")
	x.want(s.DeleteToken(x.ctx, "1000000000"), tokenkeep.ErrNotFound, "delete in an empty store")
	x.must(s.DeleteTokens(x.ctx), "delete all in an empty store")
	if n := len(x.all(s)); n != 0 {
		x.errorf("an empty store lists %d tokens", n)
	}
}

// finds tells when partial does not find the row with id.
func (x *trial) finds(s tokenkeep.TokenStore, partial *tokenkeep.Token, id, what string) {
	got, err := s.FindToken(x.ctx, partial)
	switch {
	case err != nil:
		x.errorf("%s: %v", what, err)
	case got == nil:
		x.errorf("%s: no error and no token", what)
	case got.ID != id:
		x.errorf("%s: found token %s, want %s", what, got.ID, id)
	}
}

// misses tells when partial does not end in target.
func (x *trial) misses(s tokenkeep.TokenStore, partial *tokenkeep.Token, target error, what string) {
	_, err := s.FindToken(x.ctx, partial)
	x.want(err, target, what)
}

// checkFindKeys: every key finds its own row among others.
func checkFindKeys(x *trial) {
	s := x.fresh()
	x.save(s, full("zoe"))
	ann := x.save(s, full("ann"))
	x.save(s, full("bob"))
	x.finds(s, &tokenkeep.Token{UserName: "ann"}, ann.ID, "by user name")
	x.finds(s, &tokenkeep.Token{AccessToken: ann.AccessToken}, ann.ID, "by access token")
	x.finds(s, &tokenkeep.Token{ClientID: testClient, GrantToken: ann.GrantToken}, ann.ID, "by client and grant token")
	x.finds(s, &tokenkeep.Token{ClientID: testClient, RefreshToken: ann.RefreshToken}, ann.ID, "by client and refresh token")
	x.misses(s, &tokenkeep.Token{UserName: "eve"}, tokenkeep.ErrNotFound, "by an unknown user name")
	x.misses(s, &tokenkeep.Token{AccessToken: ann.RefreshToken}, tokenkeep.ErrNotFound, "by an unknown access token")
}

// checkFindOrder: the user name decides before the grant token, and that before
// the refresh token; the next key is never tried when the first finds nothing.
func checkFindOrder(x *trial) {
	s := x.fresh()
	ann, bob, cid := x.save(s, full("ann")), x.save(s, full("bob")), x.save(s, full("cid"))
	mixed := &tokenkeep.Token{
		UserName: "ann", ClientID: testClient, GrantToken: bob.GrantToken, RefreshToken: cid.RefreshToken,
		AccessToken: cid.AccessToken,
	}
	x.finds(s, mixed, ann.ID, "user name before the others")
	mixed.UserName = ""
	x.finds(s, mixed, bob.ID, "grant token before the refresh token")
	mixed.GrantToken = tokenkeep.Secret{}
	x.finds(s, mixed, cid.ID, "refresh token last")
	mixed.GrantToken = secret("1000.unknown")
	x.misses(s, mixed, tokenkeep.ErrNotFound, "an unknown grant token with a known refresh token")
	mixed.UserName = "eve"
	x.misses(s, mixed, tokenkeep.ErrNotFound, "an unknown user name with known tokens")
}

// checkFindNoKey: without a key nobody gets the first row of somebody else.
func checkFindNoKey(x *trial) {
	s := x.fresh()
	ann := x.save(s, full("ann"))
	for what, partial := range map[string]*tokenkeep.Token{
		"find with nothing":                        {},
		"find with an id alone":                    {ID: ann.ID},
		"find with a client alone":                 {ClientID: testClient},
		"find with a client and an access token":   {ClientID: testClient, AccessToken: ann.AccessToken},
		"find with a refresh token, but no client": {RefreshToken: ann.RefreshToken},
		"find with a grant token, but no client":   {GrantToken: ann.GrantToken},
		"find with a data centre alone":            {DataCentre: "eu"},
	} {
		x.misses(s, partial, tokenkeep.ErrNoKey, what)
	}
}

// checkFindExact: values are equal byte for byte or not at all.
func checkFindExact(x *trial) {
	s := x.fresh()
	ann := x.save(s, full("ann@example.com"))
	for _, user := range []string{
		"ANN@example.com", "Ann@Example.com", "ann@example.com ", " ann@example.com", "änn@example.com",
		"ann@example.co", "ann@example.com%", "%", "_nn@example.com", "ann*", "' OR '1'='1", `" OR ""="`,
	} {
		x.misses(s, &tokenkeep.Token{UserName: user}, tokenkeep.ErrNotFound, "a user name that is only like the stored one")
	}
	for _, v := range []string{"1000.ACCESS.ann@example.com", ann.AccessToken.Reveal() + " ", "%", "' OR 1=1 --"} {
		x.misses(s, &tokenkeep.Token{AccessToken: secret(v)}, tokenkeep.ErrNotFound, "an access token that is only like the stored one")
		x.misses(s, &tokenkeep.Token{ClientID: testClient, RefreshToken: secret(v)}, tokenkeep.ErrNotFound, "a refresh token that is only like the stored one")
	}
	x.misses(s, &tokenkeep.Token{UserName: ann.UserName, ClientID: testClient + " "}, tokenkeep.ErrNotFound, "a client that is only like the stored one")
}

// rowsOf saves one user's tokens of several clients and data centres.
func (x *trial) rowsOf(s tokenkeep.TokenStore, user string, places [][2]string) []string {
	var ids []string
	for _, p := range places {
		t := plain(user)
		t.ClientID, t.DataCentre = p[0], p[1]
		t.RefreshToken = secret("1000.refresh." + user + p[0] + p[1])
		ids = append(ids, x.save(s, t).ID)
	}
	return ids
}

// checkFindNarrow: client and data centre narrow a lookup, and a row without a
// data centre fits any.
func checkFindNarrow(x *trial) {
	s := x.fresh()
	ids := x.rowsOf(s, "ann", [][2]string{{"c1", "eu"}, {"c1", "us"}, {"c2", ""}})
	of := func(client, dc string) *tokenkeep.Token {
		return &tokenkeep.Token{UserName: "ann", ClientID: client, DataCentre: dc}
	}
	x.finds(s, of("c1", "eu"), ids[0], "user, client and data centre")
	x.finds(s, of("c1", "us"), ids[1], "user, client and another data centre")
	x.finds(s, of("c2", ""), ids[2], "user and client")
	x.finds(s, of("c2", "in"), ids[2], "a row without a data centre, asked with one")
	x.misses(s, of("c1", "in"), tokenkeep.ErrNotFound, "a data centre that no row has")
	x.misses(s, of("c3", ""), tokenkeep.ErrNotFound, "a client that no row has")
}

// checkFindAmbiguous: several rows that fit are an error, never a guess.
func checkFindAmbiguous(x *trial) {
	s := x.fresh()
	x.rowsOf(s, "ann", [][2]string{{"c1", "eu"}, {"c1", "us"}, {"c2", ""}})
	amb := tokenkeep.ErrAmbiguous
	x.misses(s, &tokenkeep.Token{UserName: "ann"}, amb, "user of two clients")
	x.misses(s, &tokenkeep.Token{UserName: "ann", ClientID: "c1"}, amb, "user and client in two data centres")
	x.misses(s, &tokenkeep.Token{UserName: "ann", DataCentre: "eu"}, amb, "a data centre, and a row without one")
	x.misses(s, &tokenkeep.Token{AccessToken: secret("1000.access.ann")}, amb, "an access token in three rows")

	before := x.all(s)
	t := &tokenkeep.Token{UserName: "ann", RefreshToken: secret("1000.refresh.other")}
	x.want(s.SaveToken(x.ctx, t), amb, "save of a token that means three rows")
	if t.ID != "" || t.Version != 0 {
		x.errorf("a save that failed has set the id or the version of its token")
	}
	if n := len(x.all(s)); n != len(before) {
		x.errorf("a save that is ambiguous changed the number of tokens from %d to %d", len(before), n)
	}
	for _, row := range before {
		x.unchanged(s, row, "after a save that is ambiguous")
	}
}

// checkFindByID: ids are looked up as text, not as numbers or as SQL.
func checkFindByID(x *trial) {
	s := x.fresh()
	x.save(s, full("ann"))
	bob := x.save(s, full("bob"))
	if got := x.get(s, bob.ID); got.UserName != "bob" {
		x.errorf("find by id: another user's token")
	}
	for _, id := range []string{
		"", "0", "-1", "9999999999", "99999999999999999999", bob.ID + " ", " " + bob.ID, "0" + bob.ID, "+" + bob.ID,
		bob.ID + ".0", bob.ID + "x", "1e9", "%", "x' OR '1'='1", "1 OR 1=1", "../" + bob.ID, "\x00", "\xff",
	} {
		_, err := s.FindTokenByID(x.ctx, id)
		x.want(err, tokenkeep.ErrNotFound, "find by the wrong id "+quote(id))
		x.want(s.DeleteToken(x.ctx, id), tokenkeep.ErrNotFound, "delete by the wrong id "+quote(id))
	}
	if n := len(x.all(s)); n != 2 {
		x.errorf("deletes by wrong ids left %d of 2 tokens", n)
	}
}
