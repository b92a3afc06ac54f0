package filestore_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// withCandidates saves a login that has them and returns it with the path.
func withCandidates(t *testing.T) (*filestore.Store, *tokenkeep.Token, string) {
	t.Helper()
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	tok.Logins = []time.Time{time.UnixMilli(1767220000001).UTC(), time.UnixMilli(1767221000001).UTC()}
	tok.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("1000.canary-new"), tokenkeep.NewSecret(`1000.canary,"\old`)}
	save(t, s, tok)
	return s, tok, path
}

// revealed returns candidates to compare.
func revealed(t *tokenkeep.Token) string {
	var all []string
	for _, c := range t.Candidates {
		all = append(all, c.Reveal())
	}
	return strings.Join(all, "|")
}

// Candidates survive what leaves the refresh token alone, also a refresh by an
// official SDK, and are in no file but encrypted.
func TestCandidates(t *testing.T) {
	s, tok, path := withCandidates(t)
	want := revealed(tok)
	check := func(what string) {
		t.Helper()
		for _, s := range []*filestore.Store{s, open(t, path, nil)} {
			got := byID(t, s, tok.ID)
			if revealed(got) != want || fmt.Sprint(got.Logins) != fmt.Sprint(tok.Logins) {
				t.Errorf("%s: %d candidates, logins %v", what, len(got.Candidates), got.Logins)
			}
		}
		for _, p := range []string{path, path + ".tokenkeep"} {
			if strings.Contains(read(t, p), "canary") {
				t.Errorf("%s: %s holds a candidate in clear", what, filepath.Base(p))
			}
		}
	}
	check("saved")
	tok.Claim = tokenkeep.Claim{Owner: "somebody"}
	save(t, s, tok)
	check("claimed")
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	check("compacted")
	replaceInFile(t, path, "1000.access.ann", "1000.access.foreign")
	check("refreshed by another program")
	got := byID(t, s, tok.ID)
	got.Candidates = got.Candidates[:1]
	save(t, s, got)
	if left := byID(t, open(t, path, nil), tok.ID); revealed(left) != "1000.canary-new" {
		t.Errorf("%d candidates after one was dropped", len(left.Candidates))
	}
	got.Candidates = nil
	save(t, s, got)
	if left := byID(t, open(t, path, nil), tok.ID); left.Candidates != nil {
		t.Errorf("%d candidates after all were dropped", len(left.Candidates))
	}
}

// A login of another program ends the candidates of the one before, which keeps its
// place at the provider.
func TestCandidatesEndWithTheirLogin(t *testing.T) {
	s, tok, path := withCandidates(t)
	replaceInFile(t, path, "1000.refresh.ann", "1000.refresh.foreign")
	for _, s := range []*filestore.Store{s, open(t, path, nil)} {
		got := byID(t, s, tok.ID)
		if got.Candidates != nil {
			t.Errorf("%d candidates of the login before", len(got.Candidates))
		}
		if len(got.Logins) != 3 || fmt.Sprint(got.Logins[:2]) != fmt.Sprint(tok.Logins) || time.Since(got.Logins[2]) > time.Minute {
			t.Errorf("logins %v after one of another program", got.Logins)
		}
	}
}

// The file of a tokenkeep that knew neither logins nor candidates is read as it was,
// and gets them.
func TestFileOfAnEarlierTokenkeep(t *testing.T) {
	path := sample(t, "earlier_tokenkeep.txt")
	write(t, path+".tokenkeep", read(t, filepath.Join("testdata", "earlier_tokenkeep.txt.tokenkeep")))
	s := open(t, path, nil)
	ann, bob := byID(t, s, "1000000000"), byID(t, s, "1000000001")
	if ann.Version != 2 || ann.Claim.Owner != "host/4711/1" || ann.State.Failures != 2 || len(ann.Mints) != 2 || bob.Version != 1 {
		t.Errorf("read %+v and version %d", ann, bob.Version)
	}
	if ann.Logins != nil || ann.Candidates != nil {
		t.Error("logins or candidates out of nothing")
	}
	ann.Logins, ann.Candidates = []time.Time{time.UnixMilli(1).UTC()}, []tokenkeep.Secret{tokenkeep.NewSecret("1000.canary")}
	save(t, s, ann)
	eve := login("eve")
	save(t, s, eve)
	s = open(t, path, nil)
	if got := byID(t, s, ann.ID); got.Version != 3 || len(got.Logins) != 1 || revealed(got) != "1000.canary" {
		t.Errorf("version %d, %d logins, %d candidates", got.Version, len(got.Logins), len(got.Candidates))
	}
	if got := byID(t, s, bob.ID); got.Version != 1 {
		t.Errorf("version %d of the row beside", got.Version)
	}
	if eve.ID != "1000000003" {
		t.Errorf("id %s after 1000000002 was deleted", eve.ID)
	}
}
