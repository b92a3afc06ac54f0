package servertest

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// populate makes rows by SQL, as the store would: users user0000000 and up.
func (p *place) populate(tb testing.TB, rows int) {
	tb.Helper()
	t := fullToken("@@@@@@@")
	number, from, digits, mark := "seq", fmt.Sprintf("seq_0_to_%d", rows-1), "lpad(seq, 7, '0')", "touched"
	value := "NULL"
	if p.driver == "pgx" {
		number, from, digits, mark = "seq", fmt.Sprintf("generate_series(0, %d) AS seq", rows-1), "lpad(seq::text, 7, '0')", "writer"
		value = "txid_current() % 4294967296"
	}
	text := func(v string) string {
		return "replace('" + v + "', '@@@@@@@', concat('user', " + digits + "))"
	}
	p.exec(tb, strings.Join([]string{
		"INSERT INTO {table} (id, user_name, client_id, refresh_token, access_token, expiry_time, api_domain, accounts_server, data_centre,",
		"scopes, created_at, updated_at, version, seen,", mark, ")",
		"SELECT", number, "+ 1000000000,", text(t.UserName), ", '1000.CLIENT',", text(t.RefreshToken.Reveal()), ",", text(t.AccessToken.Reveal()),
		", '1795459190603', 'https://www.zohoapis.eu', 'https://accounts.zoho.eu', 'eu', 'ZohoCRM.modules.ALL', 1795459190603, 1795459190603, 1, 'a b c',",
		value, "FROM", from,
	}, " "))
	p.exec(tb, "UPDATE {meta} SET value = "+strconv.Itoa(999999999+rows)+" WHERE name = 'last_id'")
	p.exec(tb, map[string]string{"mysql": "ANALYZE TABLE {table}", "pgx": "VACUUM ANALYZE {table}"}[p.driver])
}

// A listing holds one page in memory, however many rows there are.
func TestListStreams(t *testing.T) {
	const rows = 100_000
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		p.populate(t, rows)
		n, before, peak := 0, heap(), uint64(0)
		for tok, err := range p.GetTokens(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := strconv.Itoa(1_000_000_000 + n); tok.ID != want || tok.Version != 1 {
				t.Fatalf("row %d has the id %s, version %d", n, tok.ID, tok.Version)
			}
			if n++; n%10_000 == 0 {
				peak = max(peak, heap())
			}
		}
		if n != rows {
			t.Errorf("%d rows, want %d", n, rows)
		}
		if grown := int64(peak) - int64(before); grown > 4<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
	})
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
