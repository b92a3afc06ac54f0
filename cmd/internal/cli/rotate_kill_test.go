//go:build unix

package cli_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// The rows that processes refresh while keys are rotated.
const rotatedRows = 40

func rotatedName(i int) string { return fmt.Sprintf("user%d", i) }

// minter is a provider that mints whenever it is asked.
type minter struct{ tokenkeep.Provider }

func (minter) Refresh(context.Context, *tokenkeep.Token) (*tokenkeep.Token, error) {
	return &tokenkeep.Token{AccessToken: tokenkeep.NewSecret("1000." + rand.Text()), Expiry: time.Now().Add(time.Hour)}, nil
}

func (minter) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	return tokenkeep.Audience{BaseURL: "https://www.zohoapis.eu", Hosts: []string{"www.zohoapis.eu"}}, nil
}

func (minter) Limits() tokenkeep.Limits { return tokenkeep.Limits{} }

// openSealed opens a database sealed with the keys in a file.
func openSealed(ctx context.Context, path, key string) (*sealedstore.Store, error) {
	keys, err := sealedstore.OpenKeyring(ctx, sealedstore.KeyFile(key))
	if err != nil {
		return nil, err
	}
	inner, err := sqlitestore.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	return sealedstore.New(inner, keys, nil)
}

// A tally is what a process did.
type tally struct {
	Calls int
	Fails []string
}

// refresher is a process with a Keeper that lives through all rotations: it refreshes
// rows of the database in $ROTATED_DB until its standard input ends.
func refresher() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	s, err := openSealed(ctx, os.Getenv("ROTATED_DB"), os.Getenv("ROTATED_KEY"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	k := tokenkeep.New(s, minter{}, &tokenkeep.Options{Journal: os.Getenv("ROTATED_DB") + ".journal", Sealer: s.Keys()})
	fmt.Println("ready")
	var sum tally
	for ctx.Err() == nil {
		sum.Calls++
		if err := refreshOne(context.WithoutCancel(ctx), k); err != nil {
			sum.Fails = append(sum.Fails, err.Error())
		}
	}
	if err := errors.Join(k.Close(), s.Close(), json.NewEncoder(os.Stdout).Encode(sum)); err != nil {
		return 1
	}
	return 0
}

func refreshOne(ctx context.Context, k *tokenkeep.Keeper) error {
	session, err := k.Session(ctx, rotatedName(mathrand.N(rotatedRows)))
	if err != nil {
		return err
	}
	_, err = session.Refresh(ctx)
	return err
}

// A rotating test is a sealed database with processes that use it.
type rotating struct {
	db, key string
	env     []string
}

// program runs this test's program under another name.
func (r *rotating) program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Args, cmd.Env = args, r.env
	return cmd
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	dir := t.TempDir()
	r := &rotating{db: filepath.Join(dir, "tokens.db"), key: filepath.Join(dir, "keys", "key")}
	r.env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME=", "XDG_STATE_HOME=", "XDG_DATA_HOME=",
		"TOKENKEEP_STORE=sqlite:"+r.db, "TOKENKEEP_KEY_FILE="+r.key, "ROTATED_DB="+r.db, "ROTATED_KEY="+r.key)
	if _, err := sealedstore.GenerateKey(r.key); err != nil {
		t.Fatal(err)
	}
	s, err := openSealed(t.Context(), r.db, r.key)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range rotatedRows {
		row := killToken(i)
		row.UserName = rotatedName(i)
		if err := s.SaveToken(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// start starts a process that refreshes; the function that it returns ends it.
func (r *rotating) start(t *testing.T) (end func() tally) {
	t.Helper()
	cmd := r.program(t, "refresher")
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	pipe, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return func() (sum tally) {
		_ = in.Close()
		if err := errors.Join(json.NewDecoder(out).Decode(&sum), cmd.Wait()); err != nil {
			t.Errorf("a process that refreshes: %v", err)
		}
		return sum
	}
}

// rotation is a run of rotate-key.
func (r *rotating) rotation(t *testing.T) *exec.Cmd {
	return r.program(t, "tokenkeep", "store", "rotate-key", "--json", "--journal", r.db+".journal")
}

// rotate runs one to its end, and reports whether it went on with an earlier one.
func (r *rotating) rotate(t *testing.T) (resumed bool) {
	t.Helper()
	out, err := r.rotation(t).CombinedOutput()
	if err != nil {
		t.Errorf("rotate-key: %v\n%s", err, out)
	}
	return strings.Contains(string(out), `"resumed": true`)
}

// killRotation kills one a while after it has made a new key, and reports whether it
// was still running.
func (r *rotating) killRotation(t *testing.T, after time.Duration) bool {
	t.Helper()
	before, err := os.Stat(r.key)
	if err != nil {
		t.Fatal(err)
	}
	cmd := r.rotation(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait(t, "new key", func() bool {
		now, err := os.Stat(r.key)
		return err == nil && !os.SameFile(before, now)
	})
	time.Sleep(after)
	_ = cmd.Process.Kill() // it may have ended
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	return ok && !exit.Exited()
}

// TestRotateKeyKilled begins 20 rotations by the command line while 8 processes
// refresh, and kills every second one (SIGKILL) somewhere behind its new key: no call
// fails, every row can be read in the end, and the last key alone opens all of them
// (I32). Short processes of the program see the same.
func TestRotateKeyKilled(t *testing.T) {
	processes, rotations := 8, 20
	if testing.Short() {
		processes, rotations = 2, 4
	}
	r := newRotating(t)
	var ends []func() tally
	for range processes {
		ends = append(ends, r.start(t))
	}
	killed, resumed := 0, 0
	for range rotations / 2 {
		if r.killRotation(t, mathrand.N(150*time.Millisecond)) {
			killed++
		}
		if r.rotate(t) {
			resumed++
		}
		if out, err := r.program(t, "tokenkeep", "tokens", "list").CombinedOutput(); err != nil {
			t.Errorf("tokens list: %v\n%s", err, out)
		}
	}
	calls := 0
	for _, end := range ends {
		sum := end()
		calls += sum.Calls
		for _, why := range sum.Fails[:min(len(sum.Fails), 3)] {
			t.Errorf("a call failed: %s", why)
		}
	}
	t.Logf("%d processes refreshed %d times during %d rotations; %d were killed, %d went on with a killed one", processes, calls, rotations, killed, resumed)
	if killed == 0 || calls == 0 {
		t.Error("nothing was tested")
	}
	r.check(t)
}

// check tells when a row cannot be read with the last key alone, or is not what it was.
func (r *rotating) check(t *testing.T) {
	t.Helper()
	s, err := openSealed(t.Context(), r.db, r.key)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if ids := s.Keys().IDs(); len(ids) != 1 {
		t.Errorf("keys in the end: %v", ids)
	}
	uses, err := s.KeysInUse(t.Context())
	if err != nil || len(uses) != 1 || uses[s.Keys().Primary()] != rotatedRows {
		t.Errorf("rows by key: %v, %v", uses, err)
	}
	for i := range rotatedRows {
		row, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: rotatedName(i)})
		if err != nil {
			t.Errorf("find: %v", err)
			continue
		}
		if !row.RefreshToken.Equal(killToken(i).RefreshToken) || row.Claim.Held() {
			t.Errorf("%s lost its refresh token, or is still claimed", row.UserName)
		}
	}
}
