package sealedstore_test

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
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// childEnv names the variable that makes the test binary a process that refreshes;
// its value is the folder of the store.
const childEnv = "SEALEDSTORE_TEST_CHILD"

// TestMain plays a child process when the environment says so.
func TestMain(m *testing.M) {
	if folder := os.Getenv(childEnv); folder != "" {
		if err := playRefresher(context.Background(), folder); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// provider mints a new access token whenever it is asked.
type provider struct{ tokenkeep.Provider }

func (provider) Refresh(context.Context, *tokenkeep.Token) (*tokenkeep.Token, error) {
	return &tokenkeep.Token{
		AccessToken: tokenkeep.NewSecret("1000.canary-" + rand.Text()), Expiry: time.Now().Add(time.Hour),
	}, nil
}

func (provider) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	return tokenkeep.Audience{BaseURL: "https://www.zohoapis.eu", Hosts: []string{"www.zohoapis.eu"}}, nil
}

func (provider) Limits() tokenkeep.Limits { return tokenkeep.Limits{} }

const sharedRows = 48

func rowName(i int) string { return fmt.Sprintf("user%d", i) }

// A tally is what a process did.
type tally struct {
	Calls int
	Fails []string
}

// playRefresher refreshes tokens of all rows until its standard input ends.
func playRefresher(ctx context.Context, folder string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent says so, or dies
	}()
	s, err := openSQLite(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { _ = s.(io.Closer).Close() }()
	k := tokenkeep.New(s, provider{}, nil)
	fmt.Println("ready")
	var sum tally
	for ctx.Err() == nil {
		sum.Calls++
		if err := use(context.WithoutCancel(ctx), k, s, rowName(mathrand.N(sharedRows))); err != nil {
			sum.Fails = append(sum.Fails, err.Error())
		}
	}
	if err := k.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(sum)
}

// use makes the calls that the life of a login is made of.
func use(ctx context.Context, k *tokenkeep.Keeper, s tokenkeep.TokenStore, user string) error {
	session, err := k.Session(ctx, user)
	if err != nil {
		return err
	}
	if _, err := session.Refresh(ctx); err != nil {
		return err
	}
	t := token(user)
	if _, err := s.FindToken(ctx, &tokenkeep.Token{ClientID: t.ClientID, RefreshToken: t.RefreshToken}); err != nil {
		return err
	}
	return s.SaveToken(ctx, &tokenkeep.Token{UserName: user, ClientID: t.ClientID, RefreshToken: t.RefreshToken})
}

// A refresher is a process that refreshes.
type refresher struct {
	in  io.Closer
	out *bufio.Reader
	cmd *exec.Cmd
}

func startRefresher(t *testing.T, folder string) *refresher {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+folder)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	r := &refresher{in: in, out: bufio.NewReader(out), cmd: cmd}
	if line, err := r.out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	return r
}

// end ends the process and returns what it did.
func (r *refresher) end(t *testing.T) tally {
	t.Helper()
	_ = r.in.Close()
	var sum tally
	if err := json.NewDecoder(r.out).Decode(&sum); err != nil {
		t.Errorf("child: %v", err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	return sum
}

// Keys are rotated and retired 20 times while 8 processes refresh: no call fails and
// every row can be read (I32).
func TestRotationsWhileProcessesRefresh(t *testing.T) {
	processes, rotations := 8, 20
	if testing.Short() {
		processes, rotations = 2, 3
	}
	folder := newFolder(t)
	opened, err := openSQLite(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*sealedstore.Store)
	defer func() { _ = s.Close() }()
	for i := range sharedRows {
		save(t, s, token(rowName(i)))
	}
	var crowd []*refresher
	for range processes {
		crowd = append(crowd, startRefresher(t, folder))
	}
	for range rotations {
		old := s.Keys().Primary()
		if _, err := s.Rotate(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Retire(t.Context(), old); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	for _, r := range crowd {
		sum := r.end(t)
		calls += sum.Calls
		for _, why := range sum.Fails[:min(len(sum.Fails), 3)] {
			t.Errorf("a call failed: %s", why)
		}
	}
	t.Logf("%d processes made %d rounds of calls during %d rotations", processes, calls, rotations)
	readable(t, s, folder)
}

// readable tells when a row is not what it has to be in the end, or is sealed with
// another key than the last.
func readable(t *testing.T, s *sealedstore.Store, folder string) {
	t.Helper()
	for i := range sharedRows {
		want := token(rowName(i))
		got, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: want.UserName})
		if err != nil {
			t.Errorf("find in the end: %v", err)
			continue
		}
		if !got.RefreshToken.Equal(want.RefreshToken) || !got.ClientSecret.Equal(want.ClientSecret) || got.Claim.Held() {
			t.Errorf("%s lost its refresh token or client secret, or is still claimed", want.UserName)
		}
	}
	usedBy(t, s, map[string]int{s.Keys().Primary(): sharedRows})
	if file := grep(t, folder, "canary"); file != "" {
		t.Errorf("a secret is in %s", file)
	}
}
