package cli_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// killRows is how many tokens are migrated while the program is killed.
const killRows = 150

// TestMigrateKilled kills "store migrate" (SIGKILL) at several moments, runs it
// again, and finds each token once, as it was.
func TestMigrateKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	for _, tt := range []struct{ from, to string }{
		{"file", "sqlite"},
		{"sqlite", "file"},
		{"sqlite", "mysql"},
		{"mysql", "sqlite"},
		{"sqlite", "postgres"},
		{"postgres", "redis"},
		{"redis", "file"},
	} {
		for _, how := range []string{"--move", "--keep-source"} {
			t.Run(tt.from+" "+tt.to+" "+how, func(t *testing.T) {
				testKilled(t, newEnd(t, tt.from, "from"), newEnd(t, tt.to, "to"), how)
			})
		}
	}
}

func testKilled(t *testing.T, from, to end, how string) {
	t.Helper()
	source := from.open(t)
	want := make([]string, killRows)
	for i := range killRows {
		tok := killToken(i)
		if err := source.SaveToken(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		want[i] = killText(tok)
	}
	target := to.open(t)
	killed := 0
	for _, rows := range []int{killRows / 5, killRows / 2, 4 * killRows / 5} {
		if killMigration(t, from, to, how, func() bool { return count(t, target) >= rows }) {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("the program was never killed: it ended first")
	}
	out, err := command(t, from, to, how).CombinedOutput()
	if err != nil && strings.Contains(string(out), "another program added") {
		// It was the killed one, whose last save the server ended meanwhile.
		out, err = command(t, from, to, how).CombinedOutput()
	}
	if err != nil {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	if got := texts(t, target); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%d rows in the target, want %d, or they differ", len(got), len(want))
	}
	left := texts(t, source)
	if how == "--move" && len(left) != 0 || how != "--move" && len(left) != killRows {
		t.Errorf("%d rows are left in the source", len(left))
	}
}

func killToken(i int) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: fmt.Sprintf("u%d@example.com:%d", i, i), ClientID: "1000.C", RefreshToken: tokenkeep.NewSecret(fmt.Sprintf("1000.r%d", i)),
		AccessToken: tokenkeep.NewSecret(fmt.Sprintf("1000.a%d", i)), Expiry: time.UnixMilli(1795459190603 + int64(i)),
		APIDomain: "https://www.zohoapis.eu", AccountsServer: "https://accounts.zoho.eu", DataCentre: "eu", Scopes: []string{"A", "B"},
	}
}

// killText is a row but for its id, version and times of saves.
func killText(t *tokenkeep.Token) string {
	return strings.Join([]string{
		t.UserName, t.ClientID, t.RefreshToken.Reveal(), t.AccessToken.Reveal(), fmt.Sprint(t.Expiry.UnixMilli()),
		t.APIDomain, t.AccountsServer, t.DataCentre, strings.Join(t.Scopes, " "), string(t.State.Class), t.Claim.Owner,
	}, ",")
}

// killMigration starts a migration, kills it when it is time, and reports whether
// it was still running then.
func killMigration(t *testing.T, from, to end, how string, when func() bool) bool {
	t.Helper()
	cmd := command(t, from, to, how)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !when() {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("the program failed by itself: %v", err)
			}
			return false
		default:
		}
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	return <-ended != nil
}

// command runs this test's program as tokenkeep.
func command(t *testing.T, from, to end, how string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Args = []string{"tokenkeep", "store", "migrate", from.url, to.url, how}
	cmd.Env = append(os.Environ(),
		"HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "TOKENKEEP_STORE=", "TOKENKEEP_STORE_PASSWORD=",
		"TOKENKEEP_FROM_PASSWORD="+from.password, "TOKENKEEP_TO_PASSWORD="+to.password)
	return cmd
}

// An end is one end of a migration.
type end struct{ url, password string }

func newEnd(t *testing.T, kind, name string) end {
	t.Helper()
	if kind == "file" || kind == "sqlite" {
		return end{url: kind + ":" + filepath.Join(t.TempDir(), name)}
	}
	p := freshPlace(t, kind)
	return end{p.url, p.password}
}

// open opens the store in this process too.
func (e end) open(t *testing.T) tokenkeep.TokenStore {
	t.Helper()
	l, err := stores.Parse(e.url, "")
	if err != nil {
		t.Fatal(err)
	}
	l.Server.Password = tokenkeep.NewSecret(e.password)
	s, c, err := stores.Open(t.Context(), l, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func count(t *testing.T, s tokenkeep.TokenStore) int {
	t.Helper()
	n := 0
	for _, err := range s.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func texts(t *testing.T, s tokenkeep.TokenStore) []string {
	t.Helper()
	var all []string
	for tok, err := range s.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, killText(tok))
	}
	slices.Sort(all)
	return all
}
