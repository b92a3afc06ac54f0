//go:build unix

package cli_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// TestMovedCiphertextByTheCommandLine: what was sealed for one row does not open in
// another: exit code 7, which row it is, and how to go on. Others are not concerned, and
// the row is deleted by nobody but a person (I31).
func TestMovedCiphertextByTheCommandLine(t *testing.T) {
	f := newFarm(t, true)
	f.logins(t)
	s, err := sqlitestore.Open(t.Context(), f.database(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ann, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	victim, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "second"})
	if err != nil {
		t.Fatal(err)
	}
	victim.ClientSecret, victim.RefreshToken, victim.AccessToken, victim.GrantToken = ann.ClientSecret, ann.RefreshToken, ann.AccessToken, ann.GrantToken
	if err := s.SaveToken(t.Context(), victim); err != nil {
		t.Fatal(err)
	}
	asked := f.fake.Counters().TokenRequests
	for _, args := range [][]string{
		{"token", "second"},
		{"token", victim.ID},
		{"refresh", "second"},
		{"tokens", "show", "second"},
		{"tokens", "delete", "second"},
		{"logout", "second"},
		{"status"},
		{"store", "check"},
		{"tokens", "delete-all", "--yes"},
	} {
		text := f.exits(t, 7, "", args...)
		if !strings.Contains(text, "token "+victim.ID+" cannot be opened") || !strings.Contains(text, "belongs to another row") || !strings.Contains(text, "next: restore the row") {
			t.Errorf("%s says: %s", args, text)
		}
	}
	f.exits(t, 8, "", "store", "rotate-key")
	if n := f.fake.Counters().TokenRequests; n != asked {
		t.Errorf("%d token requests for it", n-asked)
	}
	f.run(t, "", "token", "ann")
	f.exits(t, 2, "", "tokens", "delete", "--unreadable", ann.ID)
	f.exits(t, 2, "", "tokens", "delete", "--unreadable", "second")
	f.exits(t, 3, "", "tokens", "delete", "--unreadable", "1999999999")
	f.run(t, "", "tokens", "delete", "--unreadable", victim.ID)
	f.run(t, "", "status")
}

// TestRotationKeepsTheKeyOfTheJournal: a key that a record of the rescue journal needs
// is not removed, and is once the record can be sealed anew.
func TestRotationKeepsTheKeyOfTheJournal(t *testing.T) {
	f := newFarm(t, true)
	f.logins(t)
	f.dieUnsaved(t)
	record := f.records(t)[0]
	moved := strings.TrimSuffix(record, ".rec") + "-moved.rec"
	if err := os.Rename(record, moved); err != nil { // bound to its name, it does not open
		t.Fatal(err)
	}
	for range 2 {
		text := f.exits(t, 8, "", "store", "rotate-key")
		if !strings.Contains(text, "stays") || !strings.Contains(text, "records beside the store are sealed with") {
			t.Errorf("rotate-key says: %s", text)
		}
	}
	if err := os.Rename(moved, record); err != nil {
		t.Fatal(err)
	}
	if text := f.exits(t, 0, "", "store", "rotate-key"); !strings.Contains(text, "was removed") || !strings.Contains(text, "1 records of the rescue journal") {
		t.Errorf("rotate-key says: %s", text)
	}
	minted := f.fake.Counters().Mints
	f.run(t, "", "token", "ann")
	if n := f.fake.Counters().Mints; n != minted {
		t.Errorf("the token in the record was not used: %d more mints", n-minted)
	}
}

// TestKeyIsNotInherited: a program that exec runs gets one access token, and not the
// key to all of them.
func TestKeyIsNotInherited(t *testing.T) {
	f := newFarm(t, true)
	f.env = append(f.env, "TOKENKEEP_KEY_FILE=", "TOKENKEEP_KEY="+f.key)
	f.logins(t)
	f.run(t, "", "exec", "ann", "--", "sh", "-c", `test -n "$ZOHO_ACCESS_TOKEN" && test -z "$TOKENKEEP_KEY"`)
}
