package storetest

import (
	"errors"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func valueChecks() []check {
	return []check{
		{name: "functional/values-awkward", level: Basic, run: checkAwkward},
		{name: "functional/values-long", level: Basic, run: checkLong},
		{name: "functional/values-alike", level: Basic, run: checkAlike},
		{name: "functional/values-times", level: Basic, run: checkTimes},
	}
}

// awkward are values that have broken stores.
func awkward() []string {
	return []string{
		"O'Brien", `a';drop table oauthtoken;--`, `","`, `"`, `\`, `a\b\\c`, `a,b`, "%s%d%n%!", "?", "$1", ":name", "@p",
		"%", "_", "NULL", "null", "0", "1000000000", "=1+1", "#", "tab\there", " leading", "trailing ", "  ", "{}", `{"a":1}`,
		"<b>&amp;</b>", "https://x.example/?a=1&b=2#c", "Zoë", "Zoe\u0308", "名前", "👩‍🚀😀", "\ufeffbom", "\u2028", "\u202eltr", "\x7f\x01",
	}
}

// textFields is in how many fields everywhere puts its value.
const textFields = 11

// everywhere returns a token that has v in every text field.
func everywhere(v string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: v, ClientID: v, ClientSecret: secret(v), RefreshToken: secret(v), AccessToken: secret(v),
		GrantToken: secret(v), RedirectURL: v, APIDomain: v, AccountsServer: v, DataCentre: v, Scopes: []string{"s"},
		Candidates: []tokenkeep.Secret{secret(v)},
	}
}

// keeps tells when a token with v in every field neither comes back nor is
// refused where the store may.
func (x *trial) keeps(s tokenkeep.TokenStore, v, what string) {
	want, t := everywhere(v), everywhere(v)
	err := s.SaveToken(x.ctx, t)
	if errors.Is(err, tokenkeep.ErrInvalid) && x.suite.cfg.mayRefuse(v) {
		if t.ID != "" {
			x.errorf("%s: refused, and yet given an id", what)
		}
		return
	}
	if err != nil {
		x.errorf("save of %s: %v", what, err)
		return
	}
	want.ID, want.Version = t.ID, t.Version
	x.unchanged(s, want, what)
	x.finds(s, &tokenkeep.Token{UserName: v}, t.ID, what+" by user name")
	x.finds(s, &tokenkeep.Token{AccessToken: secret(v)}, t.ID, what+" by access token")
	x.finds(s, &tokenkeep.Token{ClientID: v, GrantToken: secret(v)}, t.ID, what+" by grant token")
	x.finds(s, &tokenkeep.Token{ClientID: v, DataCentre: v, RefreshToken: secret(v)}, t.ID, what+" by refresh token")
}

// mayRefuse reports whether the store may refuse a token with v in every field.
func (c *Config) mayRefuse(v string) bool {
	return strings.ContainsAny(v, c.Unwritable) || (c.MaxBytes > 0 && textFields*len(v) > c.MaxBytes)
}

// checkAwkward: quotes, commas, SQL, patterns, and text of all languages come
// back as they were, and leave the neighbours alone.
func checkAwkward(x *trial) {
	s := x.fresh()
	neighbour := x.save(s, full("neighbour"))
	for _, v := range awkward() {
		x.keeps(s, v, "the value "+quote(v))
	}
	x.unchanged(s, neighbour, "the row beside the awkward ones")
}

// checkLong: values of 4 KB, and of the greatest length that is allowed.
func checkLong(x *trial) {
	s := x.fresh()
	x.keeps(s, strings.Repeat("0123456789abcdef", 16), "a value of 256 bytes")
	x.keeps(s, strings.Repeat("0123456789abcdeF", 256), "a value of 4 KB")
	x.keeps(s, strings.Repeat("0123456789abcdEF", 256)+"x", "a value that begins like it")
	x.keeps(s, strings.Repeat("ü", tokenkeep.MaxFieldBytes/2), "a value of 64 KB")
}

// checkAlike: values that people or collations take for equal are different
// users and different tokens.
func checkAlike(x *trial) {
	s := x.fresh()
	var alike []string
	for _, v := range []string{"straße", "strasse", "STRASSE", "strasse ", " strasse", "Strasse", "strassé", "strasse\u0301", "stra\u200dsse"} {
		alike = append(alike, v, strings.Repeat("x", 300)+v)
	}
	ids := map[string]string{}
	for _, v := range alike {
		t := everywhere(v)
		if err := s.SaveToken(x.ctx, t); err != nil {
			x.errorf("save of the value %.20s: %v", quote(v), err)
			continue
		}
		ids[v] = t.ID
	}
	if n := len(x.all(s)); n != len(alike) {
		x.errorf("%d rows for %d users whose names are only alike", n, len(alike))
	}
	for v, id := range ids {
		x.finds(s, &tokenkeep.Token{UserName: v}, id, "a user name among those alike")
		x.finds(s, &tokenkeep.Token{AccessToken: secret(v)}, id, "an access token among those alike")
	}
}

// checkTimes: times come back to the millisecond, whatever their zone and year;
// no time stays no time.
func checkTimes(x *trial) {
	s := x.fresh()
	east := time.FixedZone("east", 5*3600+1800)
	for _, at := range []time.Time{
		{},
		time.Now(), time.Now().In(east), time.UnixMilli(1), time.UnixMilli(999), time.Unix(1<<31, 0),
		time.Date(2026, 10, 25, 0, 59, 59, 999_000_000, time.UTC), time.Date(2199, 12, 31, 23, 59, 59, 1_000_000, east),
	} {
		t := full("ann")
		t.Expiry, t.UsedAt, t.State.Until, t.State.Since, t.Claim.Since = at, at, at, at, at
		t.Mints = []time.Time{time.UnixMilli(1700000000001), at.Add(time.Hour)}
		t.Logins = []time.Time{at.Add(2 * time.Hour), time.UnixMilli(1700000000999)}
		old, err := s.FindToken(x.ctx, &tokenkeep.Token{UserName: "ann"})
		if err == nil {
			t.ID, t.Version = old.ID, old.Version
		}
		x.save(s, t)
		x.unchanged(s, t, "times of "+at.String())
	}
}
