package servertest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// officialDDL is that of the README of every one of Zoho's SDKs.
const officialDDL = `CREATE TABLE {table} (id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255), client_secret varchar(255),
	refresh_token varchar(255), access_token varchar(255), grant_token varchar(255), expiry_time varchar(20),
	redirect_url varchar(255), api_domain varchar(255), primary key (id))`

// bare returns a place without a store.
func (p product) bare(tb testing.TB) *place {
	tb.Helper()
	dsn := p.shared(tb)
	return &place{product: p, dsn: dsn, table: p.freshTable(tb, dsn), raw: p.db(tb, dsn)}
}

// take opens the store of a bare place.
func (p *place) take(tb testing.TB) *place {
	tb.Helper()
	p.Store = p.open(tb, p.dsn, p.table)
	return p
}

// The suite on tables that were made for Zoho's SDKs, with other character sets,
// engines and types of the id.
func TestOfficialTables(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     product
		setup []string
	}{
		{"latin1", mariadb, []string{officialDDL + " CHARACTER SET latin1 COLLATE latin1_swedish_ci"}},
		{"utf8mb3 MyISAM", mariadb, []string{officialDDL + " ENGINE=MyISAM ROW_FORMAT=FIXED CHARACTER SET utf8mb3"}},
		{"cured", mariadb, []string{officialDDL, "ALTER TABLE {table} MODIFY id BIGINT NOT NULL"}},
		{"PHP", mariadb, []string{strings.Replace(officialDDL, "user_name varchar(255)", "user_name varchar(255) NOT NULL", 1)}},
		{"varchar", postgres, []string{officialDDL}},
		{"not null", postgres, []string{strings.Replace(officialDDL, "user_name varchar(255)", "user_name varchar(255) NOT NULL", 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := ""
			if !storetest.IsChild() {
				dsn = c.p.shared(t)
			}
			storetest.Run(t, storetest.Config{
				Open: c.p.openDSN,
				NewDSN: func(tb testing.TB) string {
					place := c.p.bare(tb)
					for _, statement := range c.setup {
						place.exec(tb, statement)
					}
					return place.table + " " + dsn
				},
				Short: true,
				Level: storetest.Basic,
			})
		})
	}
}

// loadSample makes the table of the sample, a dump of one that Zoho's SDKs wrote,
// under the place's name.
func (p *place) loadSample(tb testing.TB) {
	tb.Helper()
	dump, err := os.ReadFile("testdata/mysql_oauthtoken.sql")
	if err != nil {
		tb.Fatal(err)
	}
	for statement := range strings.SplitSeq(string(dump), ";\n") {
		statement = strings.TrimSpace(statement)
		if strings.HasPrefix(statement, "CREATE TABLE") || strings.HasPrefix(statement, "INSERT INTO") {
			p.exec(tb, strings.ReplaceAll(statement, "`oauthtoken`", "{table}"))
		}
	}
}

func TestSample(t *testing.T) {
	for _, cured := range []bool{false, true} {
		t.Run(fmt.Sprint("cured ", cured), func(t *testing.T) {
			p := mariadb.bare(t)
			p.loadSample(t)
			p.take(t)
			if cured { // while the store is open
				p.exec(t, "ALTER TABLE {table} MODIFY id BIGINT NOT NULL")
			}
			p.checkSample(t)
			if tok := p.save(t, fullToken("new")); tok.ID != "1000000000" {
				t.Errorf("the first new id is %s", tok.ID)
			}
			p.exec(t, "UPDATE {table} SET access_token='1000.acc.new' WHERE user_name='u2@example.com:60002' limit 1")
			got := p.byID(t, "2")
			if got.Version < 2 || got.AccessToken.Reveal() != "1000.acc.new" {
				t.Errorf("version %d of access token %s", got.Version, got.AccessToken.Masked())
			}
			p.settled(t, got)
			if err := p.DeleteToken(t.Context(), "3"); err != nil {
				t.Error(err)
			}
			if n := len(p.all(t)); n != 3 {
				t.Errorf("%d rows, want 3", n)
			}
		})
	}
}

func (p *place) checkSample(t *testing.T) {
	t.Helper()
	tokens := p.all(t)
	if len(tokens) != 3 {
		t.Fatalf("%d tokens, want 3", len(tokens))
	}
	for i, got := range tokens {
		n := i + 1
		user := fmt.Sprintf("u%d@example.com:6000%d", n, n)
		if n == 3 {
			user = "" // NULL
		}
		for what, pair := range map[string][2]string{
			"id":            {got.ID, fmt.Sprint(n)},
			"version":       {fmt.Sprint(got.Version), "1"},
			"user name":     {got.UserName, user},
			"client id":     {got.ClientID, fmt.Sprintf("1000.CID%d", n)},
			"client secret": {got.ClientSecret.Reveal(), fmt.Sprintf("sec%d", n)},
			"refresh token": {got.RefreshToken.Reveal(), fmt.Sprintf("1000.ref.%d", n)},
			"access token":  {got.AccessToken.Reveal(), fmt.Sprintf("1000.acc.%d", n)},
			"grant token":   {got.GrantToken.Reveal(), ""},
			"redirect URL":  {got.RedirectURL, ""},
			"API domain":    {got.APIDomain, "https://www.zohoapis.com"},
			"expiry":        {got.Expiry.String(), time.UnixMilli(1795459190603).UTC().String()},
		} {
			if pair[0] != pair[1] {
				t.Errorf("row %d: %s %q, want %q", n, what, pair[0], pair[1])
			}
		}
	}
}

// What Zoho's SDKs read by position, they find there, as they write it: NULL for
// what is absent, the expiry in milliseconds.
func TestColumnsAsOfficial(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := fullToken("a")
		tok.ClientID = ""
		p.save(t, tok)
		rows, err := p.raw.QueryContext(t.Context(), p.fill("SELECT * FROM {table}"))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(columns[:10], ", "); got != officialColumns {
			t.Errorf("the first ten columns are %s", got)
		}
		var values [10]*string
		targets := make([]any, len(columns))
		for i := range targets {
			if targets[i] = new(any); i < len(values) {
				targets[i] = &values[i]
			}
		}
		if !rows.Next() || rows.Scan(targets...) != nil {
			t.Fatal("no row", rows.Err())
		}
		got := make([]string, len(values))
		for i, v := range values {
			if got[i] = "NULL"; v != nil {
				got[i] = *v
			}
		}
		want := []string{
			"1000000000", tok.UserName, "NULL", "NULL", tok.RefreshToken.Reveal(), tok.AccessToken.Reveal(), "NULL",
			"1795459190603", "NULL", tok.APIDomain,
		}
		if !slices.Equal(got, want) {
			t.Errorf("the columns hold %q, want %q", got, want)
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	})
}

// Ids that Zoho's SDKs or other programs left are read, ordered and deleted as they
// are; values that are no ids are not found, and none is an error of the server.
func TestOddIDs(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.bare(t)
		p.exec(t, officialDDL)
		for _, id := range []string{"10", "NaN", "9", "2147483648", "1000000005", "0000000001"} {
			p.exec(t, "INSERT INTO {table} (id, refresh_token) VALUES ('"+id+"', 'r"+id+"')")
		}
		p.take(t)
		ids := []string{}
		for _, tok := range p.all(t) {
			ids = append(ids, tok.ID)
		}
		if want := []string{"9", "10", "NaN", "0000000001", "1000000005", "2147483648"}; !slices.Equal(ids, want) {
			t.Errorf("ids %v, want %v", ids, want)
		}
		if tok := p.save(t, fullToken("new")); tok.ID != "1000000006" {
			t.Errorf("the first new id is %s, want 1000000006", tok.ID)
		}
		for _, id := range []string{"nan", "NaN ", " 9", "9 ", "09", "9.0", "🦊", "é", "", "1e1", "10000000050"} {
			p.refuses(t, id)
		}
		p.settledID(t, "NaN")
		if err := p.DeleteToken(t.Context(), "NaN"); err != nil {
			t.Error(err)
		}
		if p.driver == "mysql" {
			p.exec(t, "ALTER TABLE {table} MODIFY id BIGINT NOT NULL")
			for _, id := range []string{"NaN", "9 ", "09", "9.0", "🦊", "", "1e1", "99999999999999999999"} {
				p.refuses(t, id)
			}
		}
	})
}

func (p *place) settledID(t *testing.T, id string) {
	t.Helper()
	tok := p.byID(t, id)
	p.save(t, tok)
	if got := p.byID(t, id); got.Version != tok.Version {
		t.Errorf("id %s: version %d, want %d", id, got.Version, tok.Version)
	}
}

// refuses makes sure that there is no row with this id.
func (p *place) refuses(t *testing.T, id string) {
	t.Helper()
	if got, err := p.FindTokenByID(t.Context(), id); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("find %q: %v, %v", id, got, err)
	}
	if err := p.DeleteToken(t.Context(), id); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("delete %q: %v", id, err)
	}
	tok := fullToken("nobody")
	tok.ID, tok.Version = id, 1
	if err := p.SaveToken(t.Context(), tok); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save %q: %v", id, err)
	}
}
