package sqlstore

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func TestParseExpiry(t *testing.T) {
	past := time.UnixMilli(0)
	withSpace := " 1795459190603\r" // as a careless export leaves it
	for v, want := range map[string]time.Time{
		withSpace:              time.UnixMilli(1795459190603),
		"":                     {},
		"1795459190603":        time.UnixMilli(1795459190603),
		"1795459190":           time.UnixMilli(1795459190), // seconds: 21 January 1970
		"0":                    past,
		"-1":                   past,
		"tomorrow":             past,
		"1795459190603.0":      past,
		"99999999999999999999": past,
		"253402300800000":      past,
		"NaN":                  past,
	} {
		if got := ParseExpiry(v); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

// What a token says comes back from the columns, to the millisecond.
func TestRecordRoundTrip(t *testing.T) {
	now := time.UnixMilli(1795459190603).UTC()
	for _, tok := range []*tokenkeep.Token{
		{RefreshToken: tokenkeep.NewSecret("r")},
		{
			UserName: "O'Brien", ClientID: "c", ClientSecret: tokenkeep.NewSecret("s"), RefreshToken: tokenkeep.NewSecret("r"),
			AccessToken: tokenkeep.NewSecret("a"), GrantToken: tokenkeep.NewSecret("g"), Expiry: now, RedirectURL: "u",
			APIDomain: "d", AccountsServer: "h", DataCentre: "eu", Scopes: []string{"a b", "c,d", "e"},
			State:     tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "it was  revoked", Until: now, Since: now, Failures: 3},
			Claim:     tokenkeep.Claim{Owner: "host 1/2 x", Since: now},
			Mints:     []time.Time{now, now.Add(time.Millisecond), time.UnixMilli(-5).UTC()},
			CreatedAt: now, UsedAt: now,
		},
		{RefreshToken: tokenkeep.NewSecret("r"), State: tokenkeep.State{Reason: "only words"}, Claim: tokenkeep.Claim{Owner: "o"}},
	} {
		var rec record
		columns := values(tok, now)
		rec[colID] = "1000000000"
		copy(rec[1:], columns[:colVersion-1])
		rec[colVersion] = int64(7)
		copy(rec[colVersion+1:], columns[colVersion-1:])
		got, err := rec.token()
		if err != nil {
			t.Fatal(err)
		}
		want := tok.Clone()
		want.ID, want.Version, want.UpdatedAt = "1000000000", 7, now
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestRecordWithoutVersion(t *testing.T) {
	for _, v := range []any{nil, "", "x", int64(0), int64(-1), []byte("1.5"), true} {
		rec := record{colID: "5", colRefreshToken: "secret-canary", colVersion: v}
		tok, err := rec.token()
		if err == nil || tok != nil || !strings.Contains(err.Error(), `"5"`) {
			t.Errorf("version %v: %v, %v; want an error that names the row", v, tok, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Error("a secret in the error")
		}
	}
}

// No content of the compact columns makes them unreadable, and what was read is
// written so that it reads the same.
func FuzzColumns(f *testing.F) {
	for _, seed := range []string{"", "needs_login 0 5 1 why", "5 owner", "1,2,3", "a\nb", "x", " ", ",,", "-1 -1 -1", "9999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, v string) {
		state := parseState(v)
		if again := parseState(formatState(state)); again != state {
			t.Errorf("state %+v reads as %+v", state, again)
		}
		claim := parseClaim(v)
		if again := parseClaim(formatClaim(claim)); again != claim {
			t.Errorf("claim %+v reads as %+v", claim, again)
		}
		mints := parseTimes(v)
		if again := parseTimes(formatTimes(mints)); !slices.EqualFunc(again, mints, time.Time.Equal) {
			t.Errorf("mints %v read as %v", mints, again)
		}
		expiry := ParseExpiry(v)
		if again := ParseExpiry(formatExpiry(expiry)); !again.Equal(expiry) {
			t.Errorf("expiry %v reads as %v", expiry, again)
		}
	})
}
