package storetest

import (
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func mergeChecks() []check {
	return []check{
		{name: "functional/upsert-means-one-row", level: Basic, run: checkUpsert},
		{name: "functional/upsert-fills-only-what-is-set", level: Basic, run: checkUpsertFills},
		{name: "functional/upsert-never-blanks-refresh-token", level: Basic, run: checkNeverBlanks},
		{name: "functional/upsert-new-login-resets", level: Basic, run: checkNewLogin},
		{name: "functional/upsert-by-id-first", level: Basic, run: checkUpsertByID},
		{name: "functional/upsert-separates-logins", level: Basic, run: checkUpsertSeparates},
	}
}

// checkUpsert: saves that mean one row make one row, by every key.
func checkUpsert(x *trial) {
	s := x.fresh()
	ann := x.save(s, full("ann"))
	x.save(s, full("bob"))
	for what, t := range map[string]*tokenkeep.Token{
		"user name":     {UserName: "ann", AccessToken: ann.AccessToken},
		"access token":  {AccessToken: ann.AccessToken},
		"grant token":   {ClientID: testClient, GrantToken: ann.GrantToken},
		"refresh token": {ClientID: testClient, RefreshToken: ann.RefreshToken},
	} {
		before := x.get(s, ann.ID).Version
		x.save(s, t)
		if t.ID != ann.ID {
			x.errorf("a save that means a row by its %s went to another row", what)
		}
		if t.Version <= before {
			x.errorf("a save by %s gave version %d after %d", what, t.Version, before)
		}
	}
	if n := len(x.all(s)); n != 2 {
		x.errorf("%d rows for two users", n)
	}
}

// checkUpsertFills: what the caller did not set keeps its value.
func checkUpsertFills(x *trial) {
	s := x.fresh()
	want := full("ann")
	first := x.save(s, full("ann"))
	fresh := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	in := &tokenkeep.Token{UserName: "ann", AccessToken: secret("1000.access.new"), Expiry: fresh, APIDomain: "https://www.zohoapis.in"}
	x.save(s, in)
	want.ID, want.Version = first.ID, in.Version
	want.AccessToken, want.Expiry, want.APIDomain = in.AccessToken, fresh, in.APIDomain
	x.unchanged(s, want, "a save that sets three fields")
	if born := x.get(s, first.ID).CreatedAt; born.IsZero() {
		x.errorf("the time of the first save is gone after the second")
	}
	noExpiry := &tokenkeep.Token{UserName: "ann", AccessToken: secret("1000.access.newer")}
	x.save(s, noExpiry)
	want.Version, want.AccessToken, want.Expiry = noExpiry.Version, noExpiry.AccessToken, time.Time{}
	x.unchanged(s, want, "a new access token without an expiry must not get the old one's")
}

// checkNeverBlanks: no save without a version takes a refresh token away.
func checkNeverBlanks(x *trial) {
	s := x.fresh()
	want := x.save(s, full("ann"))
	for range 3 {
		x.save(s, &tokenkeep.Token{UserName: "ann", ClientID: testClient, AccessToken: secret("1000.a")})
		x.save(s, &tokenkeep.Token{ID: want.ID, GrantToken: secret("1000.g")})
	}
	got := x.get(s, want.ID)
	if !got.RefreshToken.Equal(want.RefreshToken) || !got.ClientSecret.Equal(want.ClientSecret) {
		x.errorf("a save without a refresh token or client secret changed the stored one")
	}
}

// checkNewLogin: a new refresh token begins anew; the same one does not.
func checkNewLogin(x *trial) {
	s := x.fresh()
	old := x.save(s, full("ann"))
	x.save(s, &tokenkeep.Token{UserName: "ann", RefreshToken: old.RefreshToken})
	same := x.get(s, old.ID)
	if !sameState(same.State, old.State) || same.Claim.Owner != old.Claim.Owner || len(same.Mints) != len(old.Mints) ||
		len(same.Candidates) != len(old.Candidates) {
		x.errorf("a save with the same refresh token changed state, claim, mint times or candidates")
	}
	x.save(s, &tokenkeep.Token{UserName: "ann", RefreshToken: secret("1000.refresh.second")})
	got := x.get(s, old.ID)
	if !got.RefreshToken.Equal(secret("1000.refresh.second")) {
		x.errorf("the new refresh token was not stored")
	}
	if got.State != (tokenkeep.State{}) || got.Claim.Held() || len(got.Mints) != 0 || len(got.Candidates) != 0 {
		x.errorf("a new refresh token must clear state, claim, mint times and candidates of the old login")
	}
	if !slices.EqualFunc(got.Logins, old.Logins, sameTime) {
		x.errorf("a new refresh token must leave the times of the logins alone")
	}
}

// checkUpsertByID: an id that exists decides, whatever the other fields say; one
// that does not exist is not taken.
func checkUpsertByID(x *trial) {
	s := x.fresh()
	ann, bob := x.save(s, full("ann")), x.save(s, full("bob"))
	t := &tokenkeep.Token{ID: ann.ID, UserName: "ann2", AccessToken: secret("1000.renamed")}
	x.save(s, t)
	if t.ID != ann.ID || x.get(s, ann.ID).UserName != "ann2" {
		x.errorf("a save by id did not update the row of that id")
	}
	x.unchanged(s, bob, "the row beside it")
	unknown := full("cid")
	unknown.ID = "9876543210"
	x.save(s, unknown)
	if unknown.ID == "9876543210" {
		x.errorf("a save with an unknown id took that id; the store must give a fresh one")
	}
	strayed := &tokenkeep.Token{ID: "9876543211", UserName: "bob", AccessToken: secret("1000.b2")}
	x.save(s, strayed)
	if strayed.ID != bob.ID {
		x.errorf("a save with an unknown id and a known user name did not update that user's row")
	}
}

// checkUpsertSeparates: another client or data centre is another login, and a row
// that did not know its data centre learns it.
func checkUpsertSeparates(x *trial) {
	s := x.fresh()
	ids := x.rowsOf(s, "ann", [][2]string{{"c1", "eu"}, {"c2", "eu"}, {"c1", "us"}, {"c1", "eu"}})
	if ids[0] == ids[1] || ids[0] == ids[2] || ids[0] != ids[3] {
		x.errorf("logins of other clients or data centres share a row, or one login has two")
	}
	first := x.save(s, &tokenkeep.Token{UserName: "bob", ClientID: "c1", RefreshToken: secret("1000.b")})
	second := x.save(s, &tokenkeep.Token{UserName: "bob", ClientID: "c1", DataCentre: "in", RefreshToken: secret("1000.b")})
	if first.ID != second.ID {
		x.errorf("a save with a data centre did not find the row without one")
	}
	if got := x.get(s, second.ID).DataCentre; got != "in" {
		x.errorf("the row without a data centre did not learn it")
	}
	var nameless []string
	for _, r := range []string{"1000.n1", "1000.n2"} {
		nameless = append(nameless, x.save(s, &tokenkeep.Token{RefreshToken: secret(r)}).ID)
	}
	if nameless[0] == nameless[1] {
		x.errorf("two tokens without any key were taken for one")
	}
}
