package filestore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// fields are the ten columns of a token.
type fields [10]string

const headerLine = "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_url,api_domain\n"

func fieldsOf(t *tokenkeep.Token) fields {
	expiry := ""
	if !t.Expiry.IsZero() {
		expiry = t.Expiry.UTC().Format(time.RFC3339Nano)
	}
	return fields{
		t.ID, t.UserName, t.ClientID, t.ClientSecret.Reveal(), t.RefreshToken.Reveal(), t.AccessToken.Reveal(),
		t.GrantToken.Reveal(), expiry, t.RedirectURL, t.APIDomain,
	}
}

func parseAll(tb testing.TB, data []byte) []fields {
	tb.Helper()
	tokens, _, err := filestore.Parse(bytes.NewReader(data))
	if err != nil {
		tb.Fatalf("Parse: %v", err)
	}
	all := []fields{}
	for _, t := range tokens {
		all = append(all, fieldsOf(t))
	}
	return all
}

func checkFields(tb testing.TB, got, want []fields) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("got %d tokens, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			tb.Errorf("token %d:\n got %q\nwant %q", i, got[i], want[i])
		}
	}
}

const com = "https://www.zohoapis.com"

var samples = map[string][]fields{
	"node_sdk_tokens.header_only.txt": {},
	"node_sdk_tokens.txt": {
		{"1", "alice@example.com:60001", "1000.CLIENT1", "secret1", "1000.refresh1", "1000.access1", "", "2026-01-01T00:00:00.001Z", "", com},
		{"2", "bob@example.com:60002", "1000.CLIENT2", "secret2", "1000.refresh2", "1000.access2", "1000.grant2", "2026-01-01T00:00:00.002Z", "https://app.example/oauth/callback", com},
		{"3", "", "1000.CLIENT3", "secret3", "1000.refresh3", "1000.access3", "", "2026-01-01T00:00:00.003Z", "", com},
	},
	"node_sdk_tokens.final.txt": {
		{"2", "bob@example.com:60002", "1000.CLIENT2", "secret2", "1000.refresh2", "1000.access2", "1000.grant2", "2026-01-01T00:00:00.002Z", "https://app.example/cb?x=1,2", com},
		{"3", "", "1000.CLIENT3", "secret3", "1000.refresh3", "1000.access3", "", "2026-01-01T00:00:00.003Z", "", com},
		{"4", "erin", "1000.CLIENT5", "secret5", "1000.refresh5", "1000.access5", "", "2026-01-01T00:00:00.005Z", "", com},
	},
	"python_sdk_tokens.crlf_quoted.txt": {
		{"1", "u1", "1000.CID1", "sec1", "1000.ref.1", "1000.acc.1", "", "2026-11-23T18:39:50.603Z", "", com},
		{"2", `Doe, Jane "JD"`, "1000.CID2", "sec2", "1000.ref.2", "1000.acc.2", "", "2026-11-23T18:39:50.603Z", "https://app.example/cb?a=1,2", com},
		{"3", "u3", "1000.CID3", "sec3", "1000.ref.3", "1000.acc.3", "", "2026-11-23T18:39:50.603Z", "", com},
	},
	"python_sdk_tokens.real_flow.txt": {
		{"1", "alice@example.com:60001234", "1000.CID", "csecret", "1000.ref.1", "1000.acc.1", "1000.grant", "2026-11-23T18:50:07.584Z", "https://app.example/cb", "http://127.0.0.1:18190"},
	},
	"java_sdk_tokens.txt": {
		{"1", "alice@example.com:60001", "1000.CID1", "sec1", "1000.ref.1", "1000.acc.1", "", "2099-01-01T00:00:00Z", "", com},
		{"2", `Doe, "JD"`, "1000.CID2", "backslash", "1000.ref.2", "1000.acc.2", "", "2099-01-01T00:00:00Z", "https://app.example/cb?a=1,2", com},
		{"3", "", "1000.C", "s", "", "", "g", "", "", ""},
	},
}

func TestParseSamples(t *testing.T) {
	for name, want := range samples {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			checkFields(t, parseAll(t, data), want)
			if !filestore.IsTokenFile(data[:min(len(data), 512)]) {
				t.Error("IsTokenFile = false")
			}
		})
	}
}

// row returns a row of plain values that differ by n.
func row(n string) string {
	return n + ",user" + n + ",1000.C,sec,1000.r" + n + ",1000.a" + n + ",,1767225600000,https://app.example/cb," + com
}

func rowFields(n string) fields {
	return fields{
		n, "user" + n, "1000.C", "sec", "1000.r" + n, "1000.a" + n, "", "2026-01-01T00:00:00Z",
		"https://app.example/cb", com,
	}
}

func TestParseDialects(t *testing.T) {
	nine := strings.TrimSuffix(headerLine, ",api_domain\n") + "\n"
	v1 := "user_mail,client_id,refresh_token,access_token,grant_token,expiry_time\n"
	noDomain := rowFields("1")
	noDomain[9] = ""
	renamed := rowFields("2")
	renamed[8] = "https://app.example/cb?a=1,2,3"
	byName := rowFields("2")
	byName[1] = "Doe, Jane, Dr"
	multi := rowFields("2")
	multi[1] = "Doe\nJane"
	loose := rowFields("2")
	loose[1] = `"Doe`
	inner := rowFields("2")
	inner[1] = `Jane "JD" Doe`

	for name, c := range map[string]struct {
		in   string
		want []fields
	}{
		"empty":                 {"", nil},
		"header only, LF":       {headerLine, nil},
		"BOM":                   {"\ufeff" + headerLine + row("1") + "\n", []fields{rowFields("1")}},
		"CRLF":                  {strings.ReplaceAll(headerLine+row("1")+"\n"+row("2")+"\n", "\n", "\r\n"), []fields{rowFields("1"), rowFields("2")}},
		"mixed ends":            {headerLine + row("1") + "\r\n" + row("2") + "\n", []fields{rowFields("1"), rowFields("2")}},
		"doubled CR":            {headerLine + row("1") + "\r\r\n" + row("2"), []fields{rowFields("1"), rowFields("2")}},
		"no final line end":     {headerLine + row("1"), []fields{rowFields("1")}},
		"blank and comma lines": {headerLine + "\n,\n" + row("1") + "\n\n,,,,,,,,,\n,\n" + row("2") + "\n,", []fields{rowFields("1"), rowFields("2")}},
		"lost header":           {row("1") + "\n" + row("2"), []fields{rowFields("1"), rowFields("2")}},
		"header in the middle":  {headerLine + row("1") + "\n" + headerLine + row("2"), []fields{rowFields("1"), rowFields("2")}},
		"foreign header names":  {"id,user_mail,a,b,c,d,e,f,redirect_uri,g\n" + row("1"), []fields{rowFields("1")}},
		"nine columns":          {nine + strings.TrimSuffix(row("1"), ","+com), []fields{noDomain}},
		"nine, torn URL":        {nine + strings.Replace(strings.TrimSuffix(row("1"), ","+com), "/cb", "/cb?a=1,2", 1), []fields{{"1", "user1", "1000.C", "sec", "1000.r1", "1000.a1", "", "2026-01-01T00:00:00Z", "https://app.example/cb?a=1,2", ""}}},
		"nine, then ten":        {nine + row("1"), []fields{rowFields("1")}},
		"nine without header":   {strings.TrimSuffix(row("1"), ","+com), []fields{noDomain}},
		"first generation": {v1 + "jane@example.com,1000.C,1000.r,1000.a,,1767225600000\n", []fields{
			{"", "jane@example.com", "1000.C", "", "1000.r", "1000.a", "", "2026-01-01T00:00:00Z", "", ""},
		}},
		"first generation without header": {"jane@example.com,1000.C,1000.r,1000.a,,1767225600000\n", []fields{
			{"", "jane@example.com", "1000.C", "", "1000.r", "1000.a", "", "2026-01-01T00:00:00Z", "", ""},
		}},
		"torn redirect URL": {headerLine + strings.Replace(row("2"), "/cb", "/cb?a=1,2,3", 1), []fields{renamed}},
		"torn user name":    {headerLine + strings.Replace(row("2"), "user2", "Doe, Jane, Dr", 1), []fields{byName}},
		"quoted line end":   {headerLine + strings.Replace(row("2"), "user2", "\"Doe\nJane\"", 1) + "\n" + row("1"), []fields{multi, rowFields("1")}},
		"loose quote":       {headerLine + strings.Replace(row("2"), "user2", `"Doe`, 1) + "\n" + row("1"), []fields{loose, rowFields("1")}},
		"inner quotes":      {headerLine + strings.Replace(row("2"), "user2", `Jane "JD" Doe`, 1), []fields{inner}},
		"needless quotes":   {headerLine + `"` + strings.ReplaceAll(row("2"), ",", `","`) + `"`, []fields{rowFields("2")}},
		"eleven columns":    {strings.TrimSpace(headerLine) + ",further\n" + row("1") + ",x\n" + row("2") + ",y", []fields{rowFields("1"), rowFields("2")}},
		"repeated row":      {headerLine + row("1") + "\n" + row("1"), []fields{rowFields("1")}},
		"text between":      {headerLine + "# a note\n" + row("1") + "\nend", []fields{rowFields("1")}},
	} {
		t.Run(name, func(t *testing.T) { checkFields(t, parseAll(t, []byte(c.in)), c.want) })
	}
}

func TestParseExpiry(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"1767225600000":        "2026-01-01T00:00:00Z",
		"1767225600000.0":      "2026-01-01T00:00:00Z",
		"1767225600":           "1970-01-21T10:53:45.6Z", // seconds
		"1767225600000000":     "1970-01-01T00:00:00Z",   // microseconds
		"NaN":                  "1970-01-01T00:00:00Z",
		"-5":                   "1970-01-01T00:00:00Z",
		"99999999999999999999": "1970-01-01T00:00:00Z",
	} {
		got := parseAll(t, []byte(headerLine+strings.Replace(row("1"), "1767225600000", in, 1)))
		if len(got) != 1 || got[0][7] != want {
			t.Errorf("expiry %q: got %q, want %q", in, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"binary":        headerLine + "\x00\x01\x02",
		"SQLite":        "SQLite format 3\x00" + strings.Repeat("\x00", 100),
		"JSON":          `{"access_token":"1000.a","refresh_token":"1000.r"}`,
		"HTML":          "<!doctype html>\n<html><body>,,,,,,,,,</body></html>\n",
		"other CSV":     "name,street,town\nJane,Main Road,Springfield\n",
		"seven columns": "id,a,b,c,d,e,f\n1,2,3,4,5,6,7\n",
	} {
		_, _, err := filestore.Parse(strings.NewReader(in))
		if !errors.Is(err, tokenkeep.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
		if filestore.IsTokenFile([]byte(in)) {
			t.Errorf("%s: IsTokenFile = true", name)
		}
	}
}

func TestWriteRefusesWhatNodeCannotRead(t *testing.T) {
	for _, bad := range []string{",", `"`, `\`, "\r", "\n"} {
		var buf bytes.Buffer
		good := &tokenkeep.Token{ID: "1000000000", UserName: "ann", RefreshToken: tokenkeep.NewSecret("1000.r")}
		tok := &tokenkeep.Token{ID: "1000000001", UserName: "eve", ClientSecret: tokenkeep.NewSecret("canary" + bad)}
		err := filestore.Write(&buf, []*tokenkeep.Token{good, tok})
		fe, ok := errors.AsType[*filestore.FieldError](err)
		if !ok || fe.Field != "client_secret" || fe.Token != "1000000001" || !errors.Is(err, tokenkeep.ErrInvalid) {
			t.Errorf("%q: got %v", bad, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error shows the secret", bad)
		}
		if buf.Len() > 0 {
			t.Errorf("%q: %d bytes were written", bad, buf.Len())
		}
	}
}

func TestWriteThenParse(t *testing.T) {
	data, err := os.ReadFile("testdata/node_sdk_tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	tokens, _, err := filestore.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := filestore.Write(&buf, tokens); err != nil {
		t.Fatal(err)
	}
	if got, want := buf.String(), string(data)+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
