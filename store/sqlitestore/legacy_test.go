package sqlitestore_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// sample is a copy of a file that the sample of Zoho's article wrote.
func sample(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/zohooauth.db")
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, data)
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zohooauth.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustOpen opens a store that is closed at the end of the test.
func mustOpen(t *testing.T, path string, opts *sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openSQL opens the database as another program would.
func openSQL(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, s tokenkeep.TokenStore) []*tokenkeep.Token {
	t.Helper()
	var tokens []*tokenkeep.Token
	for tok, err := range s.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, tok)
	}
	return tokens
}

// checkSample compares the n-th of the sample's ten rows with what Zoho's program
// put into it.
func checkSample(t *testing.T, n int, got *tokenkeep.Token) {
	t.Helper()
	for what, pair := range map[string][2]string{
		"user name":     {got.UserName, fmt.Sprintf("u%d@example.com:6000%d", n, n)},
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

func TestReadLegacy(t *testing.T) {
	path := sample(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for tok, err := range sqlitestore.ReadLegacy(t.Context(), path, nil) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		checkSample(t, n, tok)
		if tok.ID != "" || tok.Version != 0 {
			t.Errorf("row %d: id %q, version %d, want none", n, tok.ID, tok.Version)
		}
	}
	if n != 10 {
		t.Errorf("%d tokens, want 10", n)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed (%v)", err)
	}
	if names := siblings(t, path); len(names) != 1 {
		t.Errorf("files beside it: %v", names)
	}
}

func siblings(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestReadLegacyStops(t *testing.T) {
	for range sqlitestore.ReadLegacy(t.Context(), sample(t), nil) {
		break
	}
}

// The tables of older SDKs have fewer columns and other names.
func TestReadLegacyOlder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	db := openSQL(t, path)
	execute(t, db, "CREATE TABLE OAuthToken (id int, user_mail text, client_id text, refresh_token text, access_token text, grant_token text, expiry_time text)")
	execute(t, db, "INSERT INTO OAuthToken VALUES (1, 'a@x', 'c', 'r', 'a', NULL, 'soon'), (2, 'b@x', 'c', NULL, '', NULL, NULL), (3, 'c@x', 'c', 'r3', NULL, '', '')")
	var got []*tokenkeep.Token
	for tok, err := range sqlitestore.ReadLegacy(t.Context(), path, nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, tok)
	}
	if len(got) != 2 || got[0].UserName != "a@x" || got[1].UserName != "c@x" {
		t.Fatalf("tokens %v, want those of a@x and c@x", got)
	}
	if got[0].Valid(time.Now(), 0) {
		t.Error("a token whose expiry is \"soon\" counts as valid")
	}
	if !got[1].Expiry.IsZero() {
		t.Errorf("no expiry reads as %v", got[1].Expiry)
	}
}

func TestReadLegacyErrors(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.db")
	execute(t, openSQL(t, empty), "CREATE TABLE other (x)")
	for name, c := range map[string]struct {
		path string
		want error
	}{
		"missing":  {filepath.Join(t.TempDir(), "none.db"), fs.ErrNotExist},
		"no table": {empty, tokenkeep.ErrSchema},
		"garbage":  {writeFile(t, bytes.Repeat([]byte("no database "), 1000)), tokenkeep.ErrCorrupt},
	} {
		n := 0
		for tok, err := range sqlitestore.ReadLegacy(t.Context(), c.path, nil) {
			n++
			if tok != nil || !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d errors, want one", name, n)
		}
	}
}

// A file of Zoho's sample becomes a store: every row is there under its id, new
// ids do not collide, and a copy is kept.
func TestOpenLegacy(t *testing.T) {
	path := sample(t)
	s := mustOpen(t, path, nil)
	tokens := all(t, s)
	if len(tokens) != 10 {
		t.Fatalf("%d tokens, want 10", len(tokens))
	}
	for i, tok := range tokens {
		checkSample(t, i+1, tok)
		if want := fmt.Sprint(i + 1); tok.ID != want || tok.Version != 1 {
			t.Errorf("id %s, version %d, want id %s, version 1", tok.ID, tok.Version, want)
		}
	}
	tok := fullToken("new")
	if err := s.SaveToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if tok.ID != "1000000000" {
		t.Errorf("the first new id is %s", tok.ID)
	}
	tokens[9].UserName = "renamed"
	if err := s.SaveToken(t.Context(), tokens[9]); err != nil {
		t.Error(err)
	}
	checkBackup(t, path)
	mustOpen(t, path, nil)
	if n := len(backups(t, path)); n != 1 {
		t.Errorf("%d copies after it was opened again, want 1", n)
	}
}

func backups(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + ".before-tokenkeep-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func checkBackup(t *testing.T, path string) {
	t.Helper()
	names := backups(t, path)
	if len(names) != 1 {
		t.Fatalf("copies %v, want one", names)
	}
	info, err := os.Stat(names[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v (%v), want 0600", info.Mode(), err)
	}
	n := 0
	for tok, err := range sqlitestore.ReadLegacy(t.Context(), names[0], nil) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		checkSample(t, n, tok)
	}
	if n != 10 {
		t.Errorf("the copy has %d tokens, want 10", n)
	}
}

// A program with Zoho's SDK goes on working with the table: it reads by position,
// inserts with named columns, and what it changes is noticed.
func TestSharedWithOfficial(t *testing.T) {
	path := sample(t)
	s := mustOpen(t, path, nil)
	db := openSQL(t, path)
	mine, err := s.FindTokenByID(t.Context(), "3")
	if err != nil {
		t.Fatal(err)
	}
	mine.State = tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "revoked"}
	mine.Claim = tokenkeep.Claim{Owner: "me"}
	if err := s.SaveToken(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	execute(t, db, "update oauthtoken set refresh_token='1000.ref.new', access_token='1000.acc.new' where user_name='u3@example.com:60003'")
	if err := s.SaveToken(t.Context(), mine); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("a save over what the other program wrote: %v, want a conflict", err)
	}
	got, err := s.FindTokenByID(t.Context(), "3")
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != mine.Version+1 || got.State != (tokenkeep.State{}) || got.Claim.Held() {
		t.Errorf("version %d, state %v, claim %v after a new login elsewhere", got.Version, got.State, got.Claim)
	}
	execute(t, db, "insert into oauthtoken (id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_url,api_domain) values (?,?,?,?,?,?,?,?,?,?)",
		"1000000007", "theirs", "c", "s", "r", "a", nil, "1795459190603", nil, "d")
	theirs, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "theirs"})
	if err != nil || theirs.Version < 1e12 { // no version that somebody holds of an earlier row with that id
		t.Errorf("their row: %v, %v", theirs, err)
	}
	stale := theirs.Clone()
	stale.Version = 1 // of a row that was deleted, and whose id the SDK gave again
	if err := s.SaveToken(t.Context(), stale); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("a save over another row with the same id: %v, want a conflict", err)
	}
	execute(t, db, "delete from oauthtoken where id= 1000000007;")
	tok := fullToken("next")
	if err := s.SaveToken(t.Context(), tok); err != nil || tok.ID != "1000000008" {
		t.Errorf("id %s (%v) after a row 1000000007 that another program made and deleted, want 1000000008", tok.ID, err)
	}
	checkPositions(t, db)
}

// checkPositions reads as Zoho's SDKs do.
func checkPositions(t *testing.T, db *sql.DB) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "select * from oauthtoken where user_name='u1@example.com:60001' limit 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"id", "user_name", "client_id", "client_secret", "refresh_token", "access_token", "grant_token",
		"expiry_time", "redirect_url", "api_domain",
	}
	if !slices.Equal(columns[:10], want) {
		t.Errorf("columns %v, want %v first", columns, want)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
