package sqlitestore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// What is no sound database is refused, and stays as it is.
func TestOpenDamaged(t *testing.T) {
	sound, err := os.ReadFile("testdata/zohooauth.db")
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 20000)
	for i := range random {
		random[i] = byte(rand.N(256))
	}
	scribbled := bytes.Clone(sound)
	copy(scribbled[4096:], random[:4096])
	badIndex := bytes.Clone(sound)
	copy(badIndex[8192:], random[:4096])
	for name, data := range map[string][]byte{
		"text":      []byte(strings.Repeat("id,user_name,client_id\n", 300)),
		"random":    random,
		"header":    append([]byte("SQLite format 3\x00"), random...),
		"truncated": sound[:len(sound)-4096],
		"torn":      sound[:5000],
		"table":     scribbled,
		"index":     badIndex,
		"overlap":   overlapping(t),
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, data)
			s, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, tokenkeep.ErrCorrupt) || tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable {
				t.Errorf("open: %v, want %v", err, tokenkeep.ErrCorrupt)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, data) {
				t.Errorf("the file has changed (%v)", err)
			}
		})
	}
}

// overlapping is the sample with a list of free pages that names the first page of
// the table: what is written next would go over its rows.
func overlapping(t *testing.T) []byte {
	t.Helper()
	path := sample(t)
	db := openSQL(t, path)
	execute(t, db, "CREATE TABLE other (x)")
	execute(t, db, "DROP TABLE other")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	free := binary.BigEndian.Uint32(data[32:]) // the first page of the list
	list := data[(free-1)*4096:]
	binary.BigEndian.PutUint32(list[4:], 1)  // with one more page in it,
	binary.BigEndian.PutUint32(list[8:], 2)  // which is page 2,
	binary.BigEndian.PutUint32(data[36:], 2) // so that there are two
	return data
}

// A page that is damaged later is told where it is met, and nobody gets a row of
// somebody else.
func TestDamagedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	s, err := sqlitestore.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if err := s.SaveToken(t.Context(), fullToken(name(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	half := len(data) / 2 / 4096 * 4096
	for i := half; i < len(data); i++ {
		data[i] = byte(i)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = sqlitestore.Open(t.Context(), path, nil)
	if errors.Is(err, tokenkeep.ErrCorrupt) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	damaged := 0
	for i := range 300 {
		user := fullToken(name(i)).UserName
		tok, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: user})
		switch {
		case err == nil && tok.UserName != user:
			t.Errorf("%s got the token of %s", user, tok.UserName)
		case errors.Is(err, tokenkeep.ErrCorrupt):
			damaged++
		case err != nil && !errors.Is(err, tokenkeep.ErrNotFound):
			t.Errorf("find: %v", err)
		}
	}
	if damaged == 0 {
		t.Error("half of the file is damaged, and no lookup told so")
	}
}

func TestOpenOtherSchema(t *testing.T) {
	for name, statements := range map[string][]string{
		"newer":   {"UPDATE oauthtoken_meta SET value = 99 WHERE name = 'schema'"},
		"garbage": {"UPDATE oauthtoken_meta SET value = 'x' WHERE name = 'schema'"},
		"lost":    {"DELETE FROM oauthtoken_meta"},
		"foreign": {"DROP TABLE oauthtoken_meta"},
		"partial": {"DROP TABLE oauthtoken"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.db")
			mustOpen(t, path, nil)
			db := openSQL(t, path)
			for _, statement := range statements {
				execute(t, db, statement)
			}
			s, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, tokenkeep.ErrSchema) {
				t.Errorf("open: %v, want %v", err, tokenkeep.ErrSchema)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	folder := t.TempDir()
	file := writeFile(t, nil)
	for name, path := range map[string]string{
		"empty path":     "",
		"NUL":            "a\x00b",
		"a folder":       folder,
		"a file's child": filepath.Join(file, "tokens.db"),
	} {
		if s, err := sqlitestore.Open(t.Context(), path, nil); err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		}
	}
	for _, table := range []string{"a b", `x"; DROP TABLE oauthtoken; --`, "1st", "sqlite_x", strings.Repeat("x", 41), "ünïcode", "a.b"} {
		if s, err := sqlitestore.Open(t.Context(), sqlitestore.Memory, &sqlitestore.Options{Table: table}); err == nil {
			_ = s.Close()
			t.Errorf("the table %q was accepted", table)
		}
	}
	for _, table := range []string{"select", "Tokens_2"} {
		s := mustOpen(t, sqlitestore.Memory, &sqlitestore.Options{Table: table})
		if err := s.SaveToken(t.Context(), fullToken("a")); err != nil {
			t.Errorf("table %s: %v", table, err)
		}
	}
}

// Damage inside a row hurts that row alone.
func TestDamagedRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	s := mustOpen(t, path, nil)
	db := openSQL(t, path)
	for _, user := range []string{"expiry", "seconds", "huge", "version", "extras", "types", "sound"} {
		tok := fullToken(user)
		tok.UserName = user
		if err := s.SaveToken(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{
		"UPDATE oauthtoken SET expiry_time = 'tomorrow' WHERE user_name = 'expiry'",
		"UPDATE oauthtoken SET expiry_time = '1795459190' WHERE user_name = 'seconds'",
		"UPDATE oauthtoken SET expiry_time = '99999999999999999999' WHERE user_name = 'huge'",
		"UPDATE oauthtoken SET version = 'x' WHERE user_name = 'version'",
		"UPDATE oauthtoken SET state = 'what', claim = 'x', mints = ',,a,5', created_at = 'y', used_at = 1.5 WHERE user_name = 'extras'",
		"UPDATE oauthtoken SET access_token = x'31', client_id = 5, expiry_time = 1795459190603 WHERE user_name = 'types'",
	} {
		execute(t, db, statement)
	}
	find := func(user string) (*tokenkeep.Token, error) {
		return s.FindToken(t.Context(), &tokenkeep.Token{UserName: user})
	}
	for _, user := range []string{"expiry", "seconds", "huge"} {
		tok, err := find(user)
		if err != nil || tok.Valid(time.UnixMilli(1795459190603-3600_000), 0) {
			t.Errorf("%s: %v, valid; want it found and expired", user, err)
		}
	}
	if tok, err := find("version"); !errors.Is(err, tokenkeep.ErrCorrupt) {
		t.Errorf("a row without a version: %v, %v, want %v", tok, err, tokenkeep.ErrCorrupt)
	}
	for _, user := range []string{"extras", "types", "sound"} {
		if tok, err := find(user); err != nil || tok.UserName != user {
			t.Errorf("%s: %v", user, err)
		} else if err := s.SaveToken(t.Context(), tok); err != nil {
			t.Errorf("save of %s: %v", user, err)
		}
	}
}
