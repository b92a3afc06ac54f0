package sqlitestore_test

import (
	"os"
	"path/filepath"
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
// and its rows read as they were. Another program's new refresh token ends the
// candidates of the earlier login.
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
		column     string
		candidates int
	}{{"access_token", 1}, {"refresh_token", 0}} {
		execute(t, db, "UPDATE oauthtoken SET "+c.column+" = 'other' WHERE id = '1000000000'")
		got, err := s.FindTokenByID(t.Context(), old.ID)
		if err != nil || len(got.Logins) != 1 || len(got.Candidates) != c.candidates {
			t.Errorf("after another %s: %d logins, %d candidates, %v", c.column, len(got.Logins), len(got.Candidates), err)
		}
	}
}
