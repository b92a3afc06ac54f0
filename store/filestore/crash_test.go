//go:build unix

package filestore_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// In a child process, these say what to do, at which step to die, and where.
const (
	envDo   = "FILESTORE_TEST_DO"
	envStep = "FILESTORE_TEST_STEP"
	envPath = "FILESTORE_TEST_PATH"
)

// operations are the writes that a child dies in. Each gets the token of ann in
// version 2.
var operations = map[string]func(s *filestore.Store, t *tokenkeep.Token) error{
	"refresh": func(s *filestore.Store, t *tokenkeep.Token) error {
		t.AccessToken, t.Claim = tokenkeep.NewSecret("1000.access.child"), tokenkeep.Claim{}
		return s.SaveToken(bg, t)
	},
	"claim": func(s *filestore.Store, t *tokenkeep.Token) error {
		t.Claim = tokenkeep.Claim{Owner: "child"}
		return s.SaveToken(bg, t)
	},
	"insert": func(s *filestore.Store, _ *tokenkeep.Token) error { return s.SaveToken(bg, login("child")) },
	"delete": func(s *filestore.Store, t *tokenkeep.Token) error { return s.DeleteToken(bg, t.ID) },
}

// TestDyingChild is the child of TestProcessDiesInASave.
func TestDyingChild(t *testing.T) {
	do := operations[os.Getenv(envDo)]
	if do == nil {
		t.Skip("for child processes")
	}
	s, err := filestore.Open(os.Getenv(envPath), filestore.WithHook(func(step string) {
		if step == os.Getenv(envStep) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := s.FindToken(bg, &tokenkeep.Token{UserName: "ann"})
	if err == nil {
		err = do(s, tok)
	}
	t.Fatalf("still alive: %v", err)
}

// A process that is killed at any step of a write leaves the old content or the
// new one, under a version that never stood for another content, and nothing
// that blocks the others.
func TestProcessDiesInASave(t *testing.T) {
	for op := range operations {
		for _, step := range []string{"created", "appended", "renamed"} {
			if op == "claim" && step != "appended" {
				continue // it does not touch the token file
			}
			t.Run(op+" "+step, func(t *testing.T) { dieIn(t, op, step) })
		}
	}
}

func dieIn(t *testing.T, op, step string) {
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	save(t, s, tok)
	tok.Claim = tokenkeep.Claim{Owner: "parent"}
	save(t, s, tok)

	killChild(t, path, op, step)

	for _, s := range []*filestore.Store{s, open(t, path, nil)} {
		checkAfterDeath(t, s, op, step, tok)
	}
	if temps := leftovers(t, path); len(temps) > 0 {
		t.Errorf("left behind: %q", temps)
	}
}

// killChild runs a child that dies at a step of an operation.
func killChild(t *testing.T, path, op, step string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDyingChild$")
	child.Env = append(os.Environ(), envDo+"="+op, envStep+"="+step, envPath+"="+path)
	out, err := child.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v\n%s", err, out)
	}
}

// Process after process that dies between the two steps of a save takes nothing
// of what the row had.
func TestProcessesDieInARow(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	tok := login("ann")
	tok.Claim = tokenkeep.Claim{Owner: "parent"}
	save(t, s, tok)
	for range 3 {
		killChild(t, path, "refresh", "appended")
	}
	for _, s := range []*filestore.Store{s, open(t, path, nil)} {
		got := byID(t, s, tok.ID)
		if got.Claim.Owner != "parent" || got.DataCentre != "us" || !got.AccessToken.Equal(tok.AccessToken) {
			t.Errorf("claim of %q, data centre %q", got.Claim.Owner, got.DataCentre)
		}
	}
}

// checkAfterDeath checks the token of ann, which the child knew as tok, and that
// the store works.
func checkAfterDeath(t *testing.T, s *filestore.Store, op, step string, tok *tokenkeep.Token) {
	t.Helper()
	done := step == "renamed" || op == "claim" // and step == "appended"
	got, err := s.FindTokenByID(bg, tok.ID)
	if op == "delete" && done {
		if !errors.Is(err, tokenkeep.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	access, owner := tok.AccessToken.Reveal(), "parent"
	if op == "refresh" && done {
		access, owner = "1000.access.child", ""
	}
	if op == "claim" {
		owner = "child"
	}
	changed := access != tok.AccessToken.Reveal() || owner != "parent"
	if got.AccessToken.Reveal() != access || got.Claim.Owner != owner {
		t.Errorf("access token changed: %t, claim of %q; want claim of %q", got.AccessToken.Reveal() != access, got.Claim.Owner, owner)
	}
	if got.Version < tok.Version || changed && got.Version == tok.Version {
		t.Errorf("version %d after %d, changed: %t", got.Version, tok.Version, changed)
	}
	checkNextSave(t, s, got, tok.Version, changed)
}

// checkNextSave saves what the store shows as got. It may conflict, once, with
// the record of the dead process; then reading again gives what to save.
func checkNextSave(t *testing.T, s *filestore.Store, got *tokenkeep.Token, before int64, changed bool) {
	t.Helper()
	stale := got.Clone()
	stale.Version = before
	if err := s.SaveToken(bg, stale); changed && !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save over version %d: %v", before, err)
	}
	for range 2 {
		next := byID(t, s, got.ID)
		if next.Version < got.Version {
			t.Errorf("version %d after %d", next.Version, got.Version)
		}
		if err := s.SaveToken(bg, next); err == nil {
			if next.Version <= got.Version {
				t.Errorf("saved as version %d after %d", next.Version, got.Version)
			}
			// Put back what the next check expects.
			return
		} else if !errors.Is(err, tokenkeep.ErrConflict) {
			t.Error(err)
		}
	}
	t.Error("the token cannot be saved")
}

// leftovers lists temporary files next to path.
func leftovers(tb testing.TB, path string) []string {
	tb.Helper()
	entries, err := os.ReadDir(dirOf(path))
	if err != nil {
		tb.Fatal(err)
	}
	var temps []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") {
			temps = append(temps, e.Name())
		}
	}
	return temps
}
