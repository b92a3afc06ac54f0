package zoho

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/internal/wire"
)

func TestLife(t *testing.T) {
	for _, c := range []struct {
		fields  string
		want    time.Duration
		guessed bool
	}{
		{`"expires_in":3600`, time.Hour, false},
		{`"expires_in":"3600"`, time.Hour, false},
		{`"expires_in":" 1800 "`, 30 * time.Minute, false},
		{`"expires_in":3600.0`, time.Hour, false},
		{`"expires_in":3.6e3`, time.Hour, false},
		{`"expires_in":1`, time.Second, false},
		{`"expires_in":86400`, 24 * time.Hour, false},
		{`"expires_in":3600000`, time.Hour, false},
		{`"expires_in":"3600000"`, time.Hour, false},
		{`"expires_in":3600000,"expires_in_sec":3600`, time.Hour, false},
		{`"expires_in":1800,"expires_in_sec":"3600"`, time.Hour, false},
		{`"expires_in":1800,"expires_in_sec":0`, 30 * time.Minute, false},
		{`"expires_in":1800,"expires_in_sec":"soon"`, 30 * time.Minute, false},
		{`"a":1`, time.Hour, true},
		{`"expires_in":0`, time.Hour, true},
		{`"expires_in":-1`, time.Hour, true},
		{`"expires_in":0.5`, time.Hour, true},
		{`"expires_in":null`, time.Hour, true},
		{`"expires_in":""`, time.Hour, true},
		{`"expires_in":"NaN"`, time.Hour, true},
		{`"expires_in":"Inf"`, time.Hour, true},
		{`"expires_in":true`, time.Hour, true},
		{`"expires_in":[3600]`, time.Hour, true},
		{`"expires_in":1e300`, time.Hour, true},
		{`"expires_in":99999999999`, time.Hour, true},
	} {
		a, ok := parseTokenAnswer([]byte("{" + c.fields + "}"))
		if !ok || a.life != c.want || a.lifeGuessed != c.guessed {
			t.Errorf("%s: %v, guessed %v, JSON %v", c.fields, a.life, a.lifeGuessed, ok)
		}
	}
}

func TestScopesOfAnAnswer(t *testing.T) {
	for in, want := range map[string][]string{
		`"A.b.ALL C.d.READ"`: {"A.b.ALL", "C.d.READ"},
		`"A.b.ALL,C.d.READ"`: {"A.b.ALL", "C.d.READ"},
		`" A , C "`:          {"A", "C"},
		`""`:                 nil,
		`["A"]`:              nil,
	} {
		a, _ := parseTokenAnswer([]byte(`{"scope":` + in + `}`))
		if !slices.Equal(a.scopes, want) {
			t.Errorf("%s: %q", in, a.scopes)
		}
	}
}

func TestParseTakesAByteOrderMark(t *testing.T) {
	if a, ok := parseTokenAnswer([]byte("\xef\xbb\xbf {\"access_token\":\"a\"}\n")); !ok || a.access != "a" {
		t.Errorf("%+v, %v", a, ok)
	}
}

func FuzzParseTokenAnswer(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"1000.a.b","refresh_token":"1000.c.d","scope":"A B","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}`,
		`{"access_token":"a","expires_in":3600000,"expires_in_sec":3600}`,
		`{"error":"invalid_code"}`, `{"error_description":"x","error":"Access Denied","status":"failure"}`,
		`{"error":"other_dc","user_location":"eu"}`, `<html>`, `{"access_token":`, `{}`, `null`, `[]`, `{"expires_in":1e400}`,
	} {
		f.Add([]byte(s), 200)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		a, _ := parseTokenAnswer(body)
		if a.life < 0 || a.life > mostLife {
			t.Errorf("life %v", a.life)
		}
		q := &question{op: "refresh", grant: grantRefresh}
		r := &wire.Reply{Status: status, Body: body, Host: "accounts.zoho.com"}
		got, err := q.classify(r)
		switch {
		case err != nil && err.Class == "":
			t.Errorf("an error without a class: %v", err)
		case err == nil && (got.access == "" || strings.ContainsAny(got.access+got.refresh, "\r\n\x00 ") || status >= 500):
			t.Errorf("a success: HTTP %d %q", status, body)
		}
	})
}
