package tokenkeep_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// The tests of this file run processes: this test binary, told by the environment
// to be a child.
const (
	childRole = "TOKENKEEP_RESCUE_CHILD"
	childDir  = "TOKENKEEP_RESCUE_DIR"
)

// A rescueDir is what the processes of one test share: the store, the journal and
// the list of requests.
type rescueDir string

func (d rescueDir) path(name string) string { return filepath.Join(string(d), name) }

func (d rescueDir) open(t *testing.T) tokenkeep.TokenStore {
	t.Helper()
	store, err := filestore.Open(d.path("tokens.txt"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func (d rescueDir) keeper(store tokenkeep.TokenStore) *tokenkeep.Keeper {
	return tokenkeep.New(store, countingProvider{d.path("requests")}, &tokenkeep.Options{
		Journal: d.path("journal"), ClaimTime: time.Minute, // the kill comes long before the flight ends
	})
}

// requests returns what the provider was asked.
func (d rescueDir) requests(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(d.path("requests"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

func (d rescueDir) records(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(d.path("journal/*.rec"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// child returns a child to be started.
func (d rescueDir) child(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRescueChild$")
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+string(d))
	cmd.Stderr = os.Stderr
	return cmd
}

// kill ends a child by SIGKILL once it has said "now".
func (d rescueDir) kill(t *testing.T, role string) {
	t.Helper()
	cmd := d.child(t, role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "now\n" {
		t.Errorf("%s: %q, %v", role, line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("%s ended by itself", role)
	}
}

// countingProvider writes every request into a file.
type countingProvider struct{ path string }

func (p countingProvider) ask(what string) *tokenkeep.Token {
	f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	_, err = fmt.Fprintln(f, what)
	if err = errors.Join(err, f.Close()); err != nil {
		panic(err)
	}
	return &tokenkeep.Token{AccessToken: tokenkeep.NewSecret("1000.access.new"), Expiry: time.Now().Add(time.Hour)}
}

func (countingProvider) ClientID() string { return "1000.CLIENT" }

func (p countingProvider) Refresh(context.Context, *tokenkeep.Token) (*tokenkeep.Token, error) {
	return p.ask("refresh"), nil
}

func (p countingProvider) Exchange(context.Context, *tokenkeep.Grant) (*tokenkeep.Token, error) {
	t := p.ask("exchange")
	t.ClientID, t.RefreshToken = "1000.CLIENT", tokenkeep.NewSecret("1000.refresh.new")
	return t, nil
}

func (p countingProvider) Revoke(context.Context, *tokenkeep.Token) error {
	p.ask("revoke")
	return nil
}

func (countingProvider) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	return tokenkeep.Audience{Scheme: "Zoho-oauthtoken", BaseURL: "https://www.zohoapis.eu"}, nil
}

func (countingProvider) Limits() tokenkeep.Limits { return tokenkeep.Limits{} }

// downStore takes no save once a request was sent: it is down from then on.
type downStore struct {
	tokenkeep.TokenStore
	dir rescueDir
}

func (s downStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if _, err := os.Stat(s.dir.path("requests")); err == nil {
		return errors.New("connection refused")
	}
	return s.TokenStore.SaveToken(ctx, t)
}

// haltingStore says "now" at one of its calls and stops there for good.
type haltingStore struct {
	tokenkeep.TokenStore
	at string
}

func (s haltingStore) halt(at string) {
	if at == s.at {
		fmt.Println("now")
		select {}
	}
}

func (s haltingStore) FindToken(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	s.halt("find")
	return s.TokenStore.FindToken(ctx, t)
}

func (s haltingStore) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	s.halt("find")
	return s.TokenStore.FindTokenByID(ctx, id)
}

func (s haltingStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	s.halt("before")
	err := s.TokenStore.SaveToken(ctx, t)
	s.halt("after")
	return err
}

// TestRescueChild is no test but what the children do.
func TestRescueChild(t *testing.T) {
	dir := rescueDir(os.Getenv(childDir))
	if dir == "" {
		t.Skip("it is run by other tests")
	}
	go func() { // a child whose parent is gone ends too
		time.Sleep(time.Minute)
		os.Exit(3)
	}()
	store := dir.open(t)
	role, at, _ := strings.Cut(os.Getenv(childRole), " ")
	switch role {
	case "refresh", "login":
		go sayWhenJournaled(dir)
		k := dir.keeper(downStore{store, dir})
		if role == "login" {
			_, err := k.Login(t.Context(), &tokenkeep.Grant{Code: tokenkeep.NewSecret("1000.code"), UserName: "new"})
			t.Fatal(err)
		}
		s, err := k.Session(t.Context(), "old")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Token(t.Context())
		t.Fatal(err)
	case "recover":
		r, err := dir.keeper(haltingStore{store, at}).Recover(t.Context())
		fmt.Printf("merged %d dropped %d left %d err %v\n", r.Merged, r.Dropped, r.Left, err)
	}
}

func sayWhenJournaled(dir rescueDir) {
	for {
		if names, _ := filepath.Glob(dir.path("journal/*.rec")); len(names) > 0 {
			fmt.Println("now")
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// lost makes a store whose process was killed while the store was down.
func lost(t *testing.T, role string) rescueDir {
	t.Helper()
	dir := rescueDir(t.TempDir())
	store := dir.open(t)
	err := store.SaveToken(t.Context(), &tokenkeep.Token{
		UserName: "old", ClientID: "1000.CLIENT", RefreshToken: tokenkeep.NewSecret("1000.refresh.old"),
		AccessToken: tokenkeep.NewSecret("1000.access.old"), Expiry: time.Now().Add(-time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	dir.kill(t, role)
	if n := len(dir.records(t)); n != 1 {
		t.Fatalf("%s: %d records after the kill", role, n)
	}
	return dir
}

// check tells whether the rescued token is there exactly once.
func (d rescueDir) check(t *testing.T, role string) {
	t.Helper()
	store := d.open(t)
	user, refresh, rows := "old", "1000.refresh.old", 1
	if role == "login" {
		user, refresh, rows = "new", "1000.refresh.new", 2
	}
	s, err := d.keeper(store).Session(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := s.Token(t.Context())
	row, rowErr := s.Row(t.Context())
	if err = errors.Join(err, rowErr); err != nil {
		t.Fatal(err)
	}
	if tok.Reveal() != "1000.access.new" || row.RefreshToken.Reveal() != refresh {
		t.Errorf("%s: token %s, row %+v", role, tok.Secret().Masked(), row)
	}
	for range store.GetTokens(t.Context()) {
		rows--
	}
	if asked := d.requests(t); rows != 0 || len(asked) != 1 || len(d.records(t)) != 0 {
		t.Errorf("%s: %d rows too few, requests %q, records %v", role, rows, asked, d.records(t))
	}
}

// The store is down after a redeemed refresh or login, the process is killed, and
// the store is back: the token is there, once, and nothing was asked again; also if
// the merge is killed at any of its steps.
func TestKilledProcessLosesNothingThatItMinted(t *testing.T) {
	for _, role := range []string{"refresh", "login"} {
		for _, at := range []string{"", "find", "before", "after"} {
			dir := lost(t, role)
			if at != "" {
				dir.kill(t, "recover "+at)
			}
			if r, err := dir.keeper(dir.open(t)).Recover(t.Context()); err != nil || r != (tokenkeep.RecoverReport{Merged: 1}) {
				t.Errorf("%s, killed %q: %+v, %v", role, at, r, err)
			}
			dir.check(t, role)
		}
	}
}

// Of many processes that start at once, one merges.
func TestProcessesThatRecoverAtOnce(t *testing.T) {
	for _, role := range []string{"refresh", "login"} {
		dir := lost(t, role)
		merged := 0
		var children [4]*exec.Cmd
		var said [len(children)]strings.Builder
		for i := range children {
			children[i] = dir.child(t, "recover")
			children[i].Stdout = &said[i]
			if err := children[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range children {
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
			switch out := said[i].String(); {
			case strings.Contains(out, "merged 1 dropped 0 left 0 err <nil>"):
				merged++
			case !strings.Contains(out, "merged 0 dropped 0 left 0 err <nil>"):
				t.Errorf("a child says %q", out)
			}
		}
		if merged != 1 {
			t.Errorf("%s: %d processes merged", role, merged)
		}
		dir.check(t, role)
	}
}
