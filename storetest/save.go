package storetest

import (
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func quote(s string) string { return strconv.QuoteToASCII(s) }

func saveChecks() []check {
	return []check{
		{name: "functional/round-trip", level: Basic, run: checkRoundTrip},
		{name: "functional/round-trip-replaced", level: Basic, run: checkRoundTripReplaced},
		{name: "functional/reopen", level: Basic, shared: true, run: checkReopen},
		{name: "functional/copies", level: Basic, run: checkCopies},
		{name: "functional/delete", level: Basic, run: checkDelete},
		{name: "functional/validate", level: Basic, run: checkValidate},
	}
}

// checkRoundTrip: every field comes back by every way of reading, and saving
// leaves the caller's token as it was, but for the id and the version.
func checkRoundTrip(x *trial) {
	s := x.fresh()
	want, t := full("ann"), full("ann")
	x.save(s, t)
	want.ID = t.ID
	if d := diff(t, want); len(d) > 0 {
		x.errorf("save changed the caller's token: %s", strings.Join(d, ", "))
	}
	if t.Version != 1 {
		x.errorf("the first save gave version %d, want 1", t.Version)
	}
	want.Version = t.Version
	x.unchanged(s, want, "find by id after a save")
	byName, err := s.FindToken(x.ctx, &tokenkeep.Token{UserName: "ann"})
	x.must(err, "find")
	rows := x.all(s)
	if len(rows) != 1 {
		x.fatalf("%d rows after one save", len(rows))
	}
	for what, got := range map[string]*tokenkeep.Token{"find": byName, "list": rows[0]} {
		if d := diff(got, want); len(d) > 0 || got.Version != want.Version {
			x.errorf("%s: version %d, want %d; fields that differ: %s", what, got.Version, want.Version, strings.Join(d, ", "))
		}
		if got.CreatedAt.IsZero() || got.UpdatedAt.IsZero() {
			x.errorf("%s: the row lacks the time of its first or last save", what)
		}
	}
	checkSparse(x, s)
}

// checkSparse: what was not set comes back not set.
func checkSparse(x *trial, s tokenkeep.TokenStore) {
	for _, want := range []*tokenkeep.Token{
		{AccessToken: secret("1000.lonely")},
		{GrantToken: secret("1000.grant"), ClientID: "c9"},
		{RefreshToken: secret("1000.refresh"), UserName: "sparse"},
	} {
		t := want.Clone()
		x.save(s, t)
		want.ID, want.Version = t.ID, t.Version
		x.unchanged(s, want, "a token with few fields")
	}
}

// checkRoundTripReplaced: a save with a version replaces every field, also by
// nothing, and keeps the row's age.
func checkRoundTripReplaced(x *trial) {
	s := x.fresh()
	x.save(s, full("ann"))
	row, err := s.FindToken(x.ctx, &tokenkeep.Token{UserName: "ann"})
	x.must(err, "find")
	born := row.CreatedAt
	bare := &tokenkeep.Token{ID: row.ID, Version: row.Version, CreatedAt: born, AccessToken: secret("1000.only")}
	x.save(s, bare)
	x.unchanged(s, bare, "a save with a version that blanks fields")
	again := full("zoe")
	again.ID, again.Version, again.CreatedAt = bare.ID, bare.Version, born
	x.save(s, again)
	x.unchanged(s, again, "a save with a version that sets fields")
	if got := x.get(s, row.ID).CreatedAt; !sameTime(got, born) {
		x.errorf("the time of the first save changed by %v", got.Sub(born))
	}
	x.misses(s, &tokenkeep.Token{UserName: "ann"}, tokenkeep.ErrNotFound, "the user name of before")
	x.finds(s, &tokenkeep.Token{UserName: "zoe"}, row.ID, "the user name of after")
}

// checkReopen: another handle sees the same tokens.
func checkReopen(x *trial) {
	dsn := x.dsn()
	s, closeStore := x.open(dsn)
	ann := x.save(s, full("ann"))
	other, _ := x.open(dsn)
	x.unchanged(other, ann, "a second handle")
	bob := x.save(other, full("bob"))
	x.unchanged(s, bob, "the first handle, after a save by the second")
	closeStore()
	last, _ := x.open(dsn)
	x.unchanged(last, ann, "after closing and opening again")
	if n := len(x.all(last)); n != 2 {
		x.errorf("%d rows after opening again, want 2", n)
	}
}

// checkCopies: neither what went in nor what came out is shared with the caller.
func checkCopies(x *trial) {
	s := x.fresh()
	want, t := full("ann"), full("ann")
	x.save(s, t)
	want.ID, want.Version = t.ID, t.Version
	x.spoil(t)
	x.unchanged(s, want, "after the saved token was changed by its caller")
	x.spoil(x.get(s, want.ID))
	x.unchanged(s, want, "after a token found by id was changed by its caller")
	found, err := s.FindToken(x.ctx, &tokenkeep.Token{UserName: "ann"})
	x.must(err, "find")
	x.spoil(found)
	x.unchanged(s, want, "after a found token was changed by its caller")
	for _, row := range x.all(s) {
		x.spoil(row)
	}
	x.unchanged(s, want, "after a listed token was changed by its caller")
}

// spoil changes what t holds and points to.
func (x *trial) spoil(t *tokenkeep.Token) {
	t.UserName, t.RefreshToken, t.Claim.Owner = "spoiled", secret("1000.spoiled"), "spoiled"
	if len(t.Scopes) == 0 || len(t.Mints) == 0 || len(t.Logins) == 0 || len(t.Candidates) == 0 {
		x.fatalf("the token came back without its scopes, candidates, or times of mints and logins")
	}
	t.Scopes[0], t.Mints[0] = "spoiled", time.Unix(1, 0)
	t.Logins[0], t.Candidates[0] = time.Unix(1, 0), secret("1000.spoiled")
}

// checkDelete: delete takes exactly one row, once; delete all takes all.
func checkDelete(x *trial) {
	s := x.fresh()
	ann, bob := x.save(s, full("ann")), x.save(s, full("bob"))
	x.must(s.DeleteToken(x.ctx, ann.ID), "delete")
	x.want(s.DeleteToken(x.ctx, ann.ID), tokenkeep.ErrNotFound, "delete for the second time")
	_, err := s.FindTokenByID(x.ctx, ann.ID)
	x.want(err, tokenkeep.ErrNotFound, "find by id after delete")
	x.misses(s, &tokenkeep.Token{UserName: "ann"}, tokenkeep.ErrNotFound, "find after delete")
	x.unchanged(s, bob, "the row beside the deleted one")
	x.must(s.DeleteTokens(x.ctx), "delete all")
	if n := len(x.all(s)); n != 0 {
		x.errorf("%d rows after delete all", n)
	}
	x.misses(s, &tokenkeep.Token{UserName: "bob"}, tokenkeep.ErrNotFound, "find after delete all")
	x.unchanged(s, x.save(s, full("cid")), "a save after delete all")
}

// checkValidate: what Token.Validate refuses is refused, and changes nothing.
func checkValidate(x *trial) {
	s := x.fresh()
	ann := x.save(s, full("ann"))
	bad := map[string]*tokenkeep.Token{
		"a token without any token":  {UserName: "eve"},
		"a field that is too long":   {UserName: strings.Repeat("x", tokenkeep.MaxFieldBytes+1), AccessToken: secret("a")},
		"text that is not UTF-8":     {UserName: "\xff\xfe", AccessToken: secret("a")},
		"a line feed in a secret":    {UserName: "eve", RefreshToken: secret("a\nb")},
		"a carriage return":          {UserName: "eve\r", RefreshToken: secret("a")},
		"a NUL":                      {UserName: "eve", RefreshToken: secret("a"), APIDomain: "x\x00y"},
		"a line feed over a version": {ID: ann.ID, Version: ann.Version, RefreshToken: secret("a\nb")},
	}
	for what, t := range bad {
		x.want(s.SaveToken(x.ctx, t), tokenkeep.ErrInvalid, "save of "+what)
	}
	if n := len(x.all(s)); n != 1 {
		x.errorf("%d rows after saves that had to be refused, want 1", n)
	}
	x.unchanged(s, ann, "after saves that had to be refused")
}
