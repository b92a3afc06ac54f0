package sqlitestore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// version1 makes a database as the first version of the schema had it.
func version1(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("testdata/v1.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tokens.db")
	execute(t, openSQL(t, path), string(script))
	return path
}

// A database of the previous version is brought up to date, after a copy was made,
// and its rows read as they were. Another program's new refresh token is a login of
// that moment, and ends the candidates of the earlier one.
func TestPreviousVersion(t *testing.T) {
	path := version1(t)
	s := mustOpen(t, path, nil)
	old, err := s.FindTokenByID(t.Context(), "1000000000")
	if err != nil {
		t.Fatal(err)
	}
	if old.UserName != fullToken("a").UserName || old.Version != 2 || old.State.Failures != 3 || old.Claim.Owner != "host:1:AAAA:BB" ||
		len(old.Mints) != 2 || !old.UsedAt.Equal(time.UnixMilli(1795459190006)) || old.Logins != nil || old.Candidates != nil {
		t.Errorf("the row of the previous version reads as %+v", old)
	}
	copies, err := filepath.Glob(path + ".before-tokenkeep-*")
	if err != nil || len(copies) != 1 {
		t.Errorf("copies %v, %v", copies, err)
	}
	old.Logins, old.Candidates = []time.Time{time.UnixMilli(1795459190007)}, []tokenkeep.Secret{tokenkeep.NewSecret("1000.candidate")}
	if err := s.SaveToken(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, path)
	for _, c := range []struct {
		column             string
		candidates, logins int
	}{{"access_token", 1, 1}, {"refresh_token", 0, 2}} {
		execute(t, db, "UPDATE oauthtoken SET "+c.column+" = 'other' WHERE id = '1000000000'")
		got, err := s.FindTokenByID(t.Context(), old.ID)
		if err != nil || len(got.Logins) != c.logins || len(got.Candidates) != c.candidates || got.UsedAt.IsZero() != (c.logins == 2) {
			t.Fatalf("after another %s: %d logins, %d candidates, used %v, %v", c.column, len(got.Logins), len(got.Candidates), got.UsedAt, err)
		}
		if c.logins == 2 && (!got.Logins[0].Equal(old.Logins[0]) || time.Since(got.Logins[1]).Abs() > time.Minute) {
			t.Errorf("the logins %v", got.Logins)
		}
	}
}

// Look-ups in the history use an index, also when both an id and a user are asked for.
func TestHistoryUsesIndexes(t *testing.T) {
	path := version1(t)
	s := mustOpen(t, path, nil)
	if err := s.AppendEvents(t.Context(), []tokenkeep.Event{{Kind: tokenkeep.Named, TokenID: "1", UserName: "a"}}); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, path)
	for _, query := range []string{
		"SELECT e.seq, e.body FROM oauthtoken_events e WHERE token_key = 'k' AND seq > 5 AND at >= 7 ORDER BY e.seq LIMIT 256",
		"SELECT e.seq, e.body FROM (SELECT seq FROM oauthtoken_events WHERE token_key = 'k' AND seq > 5 AND at >= 7 UNION " +
			"SELECT seq FROM oauthtoken_events WHERE user_key = 'k' AND seq > 5 AND at >= 7) k JOIN oauthtoken_events e ON e.seq = k.seq ORDER BY e.seq LIMIT 256",
		"DELETE FROM oauthtoken_events WHERE at < 7",
	} {
		plan := planOf(t, db, query)
		if strings.Contains(plan, "SCAN oauthtoken_events") || strings.Contains(plan, "SCAN e") || !strings.Contains(plan, "INDEX") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

func planOf(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var a, b, c int
		var step string
		if err := rows.Scan(&a, &b, &c, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
