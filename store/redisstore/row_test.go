package redisstore

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func TestRow(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	full := &tokenkeep.Token{
		ID: "1000000007", Version: 12, UserName: "ann", ClientID: `c\n`, ClientSecret: tokenkeep.NewSecret(`\`), RefreshToken: tokenkeep.NewSecret(" r "),
		AccessToken: tokenkeep.NewSecret(`a\\nb`), GrantToken: tokenkeep.NewSecret("g"), Expiry: at(0), RedirectURL: "r", APIDomain: "d", AccountsServer: "s",
		DataCentre: "eu", Scopes: []string{"a,b", "", "c d"}, Mints: []time.Time{at(-5), at(0), at(7)}, CreatedAt: at(1), UpdatedAt: at(2), UsedAt: at(3),
		State: tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "two\nlines\\n\r\x00", Until: at(4), Since: at(5), Failures: 6},
		Claim: tokenkeep.Claim{Owner: "host\n1", Since: at(8)}, Logins: []time.Time{at(9), at(-10)},
		Candidates: []tokenkeep.Secret{tokenkeep.NewSecret(`c\n,`), {}, tokenkeep.NewSecret(" ")},
	}
	for _, want := range []*tokenkeep.Token{full, {ID: "1000000007", Version: 1, UpdatedAt: at(2)}} {
		value := strings.Join([]string{"1", want.ID, "12", "ab", strings.Join(members(want), ",")}, " ") + "\n" + body(want, at(2))
		got, err := parse(want.ID, value)
		if err != nil {
			t.Fatal(err)
		}
		got.Version = want.Version
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a row did not come back as it was:\n%s", strings.ReplaceAll(value, "\n", "\n\t"))
		}
	}
}

// FuzzParse: whatever a row holds, it is read or refused, and what was read can be
// written and read again.
func FuzzParse(f *testing.F) {
	f.Add("1 1000000000 1 ab uX\nuser_name ann\nscope a\nmint 5\nstate_reason a\\nb\n")
	f.Add("1 1000000000 1 ab uX\nlogin 5\ncandidate \ncandidate 1000.a\\\\b\n")
	f.Add("1 1000000000 1 ab \n")
	f.Add("2 x")
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		got, err := parse("1000000000", value)
		if err != nil {
			if !errors.Is(err, tokenkeep.ErrCorrupt) && !errors.Is(err, tokenkeep.ErrSchema) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		again, err := parse("1000000000", "1 1000000000 1 ab \n"+body(got, got.UpdatedAt))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		again.Version = got.Version
		if !reflect.DeepEqual(got, again) {
			t.Error("what was read reads differently the second time")
		}
	})
}

// FuzzEvent: whatever a member of the history holds, it is read or passed over, and
// what was read can be written and read again.
func FuzzEvent(f *testing.F) {
	f.Add(`7 {"kind":"refreshed","time":"2026-11-26T00:00:00Z"}`)
	f.Add(`{"kind":"refreshed"}`)
	f.Add("7 {")
	f.Fuzz(func(t *testing.T, member string) {
		e, ok := parseEvent(member)
		if !ok {
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Skip() // a time that JSON can hold and Go cannot write
		}
		again, ok := parseEvent("8 " + string(text))
		if !ok || again.Kind != e.Kind || again.Reason != e.Reason || !again.Time.Equal(e.Time) {
			t.Errorf("%q came back as %+v", text, again)
		}
	})
}
