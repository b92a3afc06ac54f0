package servertest

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// version1 makes the tables as the first version of the schema had them.
func version1(t *testing.T, pr product) *place {
	t.Helper()
	p := pr.bare(t)
	script, err := os.ReadFile("testdata/v1_" + pr.name + ".sql")
	if err != nil {
		t.Fatal(err)
	}
	_, statements, _ := strings.Cut(string(script), "\n\n")
	for statement := range strings.SplitSeq(statements, ";\n") {
		if strings.TrimSpace(statement) != "" {
			p.exec(t, strings.ReplaceAll(statement, "{name}", p.table))
		}
	}
	return p
}

// Tables of the previous version are brought up to date, once, and their rows read
// as they were: none counts as written by another program.
func TestPreviousVersion(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := version1(t, pr)
		p.take(t)
		old := p.byID(t, "1000000000")
		want := fullToken("a")
		want.ID, want.Version = old.ID, 2
		if !sameLogin(old, want) || old.Version != want.Version || old.State.Failures != 3 || old.Claim.Owner != "host:1:AAAA:BB" ||
			len(old.Mints) != 2 || !old.UsedAt.Equal(time.UnixMilli(1795459190006)) || old.Logins != nil || old.Candidates != nil {
			t.Errorf("the row of the previous version reads as %+v", old)
		}
		old.Logins = []time.Time{time.UnixMilli(1795459190007)}
		old.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("1000.candidate")}
		p.save(t, old)
		again := p.open(t, p.dsn, p.table)
		got, err := again.FindTokenByID(t.Context(), old.ID)
		if err != nil || len(got.Logins) != 1 || len(got.Candidates) != 1 || got.Version != 3 {
			t.Errorf("after a save: %+v, %v", got, err)
		}
		if next := p.save(t, fullToken("b")); next.ID != "1000000002" {
			t.Errorf("the next id is %s", next.ID)
		}
		p.settledID(t, "1000000001")
	})
}

func sameLogin(a, b *tokenkeep.Token) bool {
	return a.ID == b.ID && a.UserName == b.UserName && a.ClientID == b.ClientID && a.RefreshToken.Equal(b.RefreshToken) &&
		a.AccessToken.Equal(b.AccessToken) && a.Expiry.Equal(b.Expiry) && a.APIDomain == b.APIDomain && strings.Join(a.Scopes, " ") == strings.Join(b.Scopes, " ")
}

// An upgrade that ended half-way on MySQL is finished by the next start.
func TestInterruptedUpgrade(t *testing.T) {
	p := version1(t, mariadb)
	p.exec(t, "ALTER TABLE {table} ADD COLUMN candidates mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, "+
		"ADD COLUMN logins mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL")
	p.take(t)
	p.settled(t, p.byID(t, "1000000000"))
}

// A refresh token that another program changed is a login of that moment, as policies
// and quotas count: it ends the candidates of the earlier login and was not used yet.
func TestForeignLoginEndsCandidates(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := fullToken("a")
		tok.Logins, tok.Candidates = []time.Time{time.UnixMilli(1)}, []tokenkeep.Secret{tokenkeep.NewSecret("1000.candidate")}
		tok.UsedAt = time.UnixMilli(2)
		p.save(t, tok)
		p.exec(t, "UPDATE {table} SET access_token = 'other' WHERE id = '"+tok.ID+"'")
		if got := p.byID(t, tok.ID); len(got.Candidates) != 1 || len(got.Logins) != 1 {
			t.Errorf("after another access token: %v, %v", got.Candidates, got.Logins)
		}
		p.exec(t, "UPDATE {table} SET refresh_token = 'other' WHERE id = '"+tok.ID+"'")
		for range 2 { // the second read is of what the first one adopted
			got := p.byID(t, tok.ID)
			if len(got.Candidates) != 0 || len(got.Logins) != 2 || !got.UsedAt.IsZero() || got.CreatedAt.IsZero() {
				t.Fatalf("after another refresh token: %v, %v, used %v", got.Candidates, got.Logins, got.UsedAt)
			}
			if age := time.Since(got.Logins[1]); got.Logins[0].UnixMilli() != 1 || age.Abs() > time.Minute {
				t.Errorf("the logins %v", got.Logins)
			}
		}
	})
}
