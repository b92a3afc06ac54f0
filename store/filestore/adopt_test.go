package filestore_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// An official SDK that changes a row brings it to a new version, in this process
// and in others, and a compare-and-swap with the old one conflicts.
func TestForeignChangeIsAdopted(t *testing.T) {
	path := file(t, "")
	a, b := open(t, path, nil), open(t, path, nil)
	tok := login("ann")
	tok.State = tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "revoked"}
	tok.Claim = tokenkeep.Claim{Owner: "p1"}
	save(t, a, tok)
	for range 3 { // to version 4
		tok.UsedAt = time.Now()
		save(t, a, tok)
	}

	replaceInFile(t, path, "1000.access.ann", "1000.access.new")

	for _, s := range []*filestore.Store{a, b, open(t, path, nil)} {
		got := byID(t, s, tok.ID)
		if got.Version <= tok.Version || got.AccessToken.Reveal() != "1000.access.new" {
			t.Errorf("version %d (was %d), access token new: %t", got.Version, tok.Version, got.AccessToken.Reveal() == "1000.access.new")
		}
		if got.State.Class != "" || got.Claim.Held() {
			t.Errorf("a new access token must end state and claim: %+v %+v", got.State, got.Claim)
		}
		if got.DataCentre != "us" || len(got.Scopes) != 1 {
			t.Errorf("data centre %q, scopes %q", got.DataCentre, got.Scopes)
		}
	}
	if err := b.SaveToken(t.Context(), tok); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("compare-and-swap with the old version: %v", err)
	}
	if byID(t, a, tok.ID).Version != byID(t, b, tok.ID).Version {
		t.Error("two stores see two versions")
	}
}

// A row that comes back to what it was before does not get its old version back.
func TestVersionsDoNotGoBack(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	save(t, s, tok)
	first, old := read(t, path), *tok
	tok.AccessToken = tokenkeep.NewSecret("1000.access.2")
	save(t, s, tok)

	write(t, path, first)

	if got := byID(t, s, tok.ID); got.Version <= tok.Version {
		t.Errorf("version %d after %d", got.Version, tok.Version)
	}
	for _, v := range []*tokenkeep.Token{&old, tok} {
		if err := open(t, path, nil).SaveToken(t.Context(), v); !errors.Is(err, tokenkeep.ErrConflict) {
			t.Errorf("version %d: %v", v.Version, err)
		}
	}
}

// Another user's login under an id that was used before inherits nothing: an
// official SDK gives ids again.
func TestReusedIDInheritsNothing(t *testing.T) {
	path := sample(t, "node_sdk_tokens.txt")
	s := open(t, path, nil)
	tok := byID(t, s, "3")
	tok.AccountsServer, tok.DataCentre = "https://accounts.zoho.eu", "eu"
	tok.State = tokenkeep.State{Class: tokenkeep.NeedsLogin}
	save(t, s, tok)

	write(t, path, headerLine+"3,eve,1000.E,s,1000.refresh9,1000.access9,,1767225600003,,https://www.zohoapis.in")

	got := byID(t, s, "3")
	if got.Version <= tok.Version {
		t.Errorf("version %d after %d", got.Version, tok.Version)
	}
	if got.AccountsServer != "" || got.DataCentre != "" || got.State.Class != "" {
		t.Errorf("inherited %q %q %q", got.AccountsServer, got.DataCentre, got.State.Class)
	}
}

// Legacy ids stay, new ids start at FirstID and are not given again, also when
// everything is deleted, reopened, and the sidecar is shortened.
func TestIDs(t *testing.T) {
	path := sample(t, "node_sdk_tokens.txt")
	s := open(t, path, nil)
	a, b := login("ann"), login("bea")
	save(t, s, a)
	save(t, s, b)
	if a.ID != "1000000000" || b.ID != "1000000001" {
		t.Errorf("ids %s %s", a.ID, b.ID)
	}
	for _, id := range []string{"1", "2", "3"} {
		byID(t, s, id)
	}
	if err := s.DeleteTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != headerLine {
		t.Errorf("after DeleteTokens the file is %q", got)
	}
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	c := login("cid")
	save(t, open(t, path, nil), c)
	if c.ID != "1000000002" {
		t.Errorf("id %s after deleting all", c.ID)
	}
	replaceInFile(t, path, "1000000002,", "1000000007,") // an official SDK gives max+1
	d := login("dan")
	save(t, s, d)
	if d.ID != "1000000008" {
		t.Errorf("id %s after 1000000007 was seen", d.ID)
	}
}

// Rows without an id, or with the id of another row, get one of their own.
func TestRowsWithoutTheirOwnID(t *testing.T) {
	v1 := "user_mail,client_id,refresh_token,access_token,grant_token,expiry_time\n" +
		"ann@example.com,1000.C,1000.r1,1000.a1,,1767225600000\n" +
		"bea@example.com,1000.C,1000.r2,1000.a2,,1767225600000\n"
	twice := headerLine + row("1") + "\n" + strings.Replace(row("1"), "user1", "user9", 1) + "\n" + row("2") + "\n"
	for name, c := range map[string]struct {
		in  string
		ids []string
	}{
		"v1":    {v1, []string{"1000000000", "1000000001"}},
		"twice": {twice, []string{"1", "2", "1000000000"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.in)
			for range 2 { // the second store finds the ids in the file
				s := open(t, path, nil)
				rows := list(t, s)
				for i, r := range rows {
					if r[0] != c.ids[i] {
						t.Errorf("row %d has id %q, want %q", i, r[0], c.ids[i])
					}
				}
				if len(rows) != len(c.ids) {
					t.Errorf("%d rows", len(rows))
				}
			}
			if name == "v1" && read(t, path+".before-tokenkeep") != c.in {
				t.Error("the copy differs from the old file")
			}
		})
	}
}

// A lost sidecar costs extras, and in a running process never a version.
func TestSidecarRemoved(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	save(t, s, tok)
	tok.AccessToken = tokenkeep.NewSecret("1000.access.2")
	save(t, s, tok)
	if err := os.Remove(path + ".tokenkeep"); err != nil {
		t.Fatal(err)
	}
	if got := byID(t, s, tok.ID); got.Version != tok.Version || got.DataCentre != "us" {
		t.Errorf("version %d, data centre %q", got.Version, got.DataCentre)
	}
	save(t, s, tok)
	if got := byID(t, open(t, path, nil), tok.ID); got.Version != 3 || got.DataCentre != "us" {
		t.Errorf("after the next save: version %d, data centre %q", got.Version, got.DataCentre)
	}
}

func TestSidecarHoldsNoSecret(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	tok.ClientSecret, tok.GrantToken = tokenkeep.NewSecret("canary-secret"), tokenkeep.NewSecret("canary-grant")
	tok.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("1000.canary-candidate")}
	save(t, s, tok)
	side := read(t, path+".tokenkeep")
	for _, secret := range []string{"canary", tok.RefreshToken.Reveal(), tok.AccessToken.Reveal()} {
		if strings.Contains(side, secret) {
			t.Error("the sidecar holds a secret")
		}
	}
}

func TestSidecarOfANewerProgram(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"newer":   {`{"tokenkeep_sidecar":2}`, tokenkeep.ErrSchema},
		"foreign": {"something else", tokenkeep.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, headerLine+row("1")+"\n")
			line := c.text + "\n"
			if name == "newer" {
				line = filestore.SidecarLine(c.text)
			}
			write(t, path+".tokenkeep", line)
			if _, err := filestore.Open(path, nil); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if read(t, path+".tokenkeep") != line {
				t.Error("the sidecar was changed")
			}
		})
	}
}
