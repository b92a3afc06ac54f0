package filestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// nodeSDK is what npm installs for these tests.
const nodeSDK = "@zohocrm/nodejs-sdk-8.0@2.0.0"

// installNode returns a folder with Zoho's own Node SDK, kept between runs in
// the user's cache folder. Without npm the test is skipped, except in CI.
var installNode = sync.OnceValues(func() (string, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "tokenkeep-test", "nodejs-sdk-8.0-2.0.0")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@zohocrm")); err == nil {
		return dir, nil
	}
	return dir, npmInstall(dir)
})

// npmInstall installs into a folder of its own and renames it, so that tests
// that run at once do not meet half of it.
func npmInstall(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	npm := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", temp, nodeSDK)
	if out, err := npm.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("npm install %s: %w\n%s", nodeSDK, err, out), os.RemoveAll(temp))
	}
	if err := os.Rename(temp, dir); err != nil { // another test was faster
		return os.RemoveAll(temp)
	}
	return nil
}

// node runs testdata/nodestore.mjs and returns what it printed.
func node(tb testing.TB, args ...string) string {
	tb.Helper()
	dir, err := installNode()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		tb.Skip("npm is not installed: not tested against Zoho's own Node SDK")
	}
	if err != nil {
		tb.Fatal(err)
	}
	script, err := os.ReadFile("testdata/nodestore.mjs")
	if err != nil {
		tb.Fatal(err)
	}
	// Modules are looked up from the script's own folder.
	local := filepath.Join(dir, fmt.Sprintf("nodestore-%d.mjs", os.Getpid()))
	if err := os.WriteFile(local, script, 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.Remove(local) })
	cmd := exec.CommandContext(tb.Context(), "node", append([]string{local}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("node %s: %v\n%s", args[0], err, stderr.String())
	}
	return string(out)
}

func nodeList(tb testing.TB, path string) []fields {
	tb.Helper()
	var rows []fields
	if err := json.Unmarshal([]byte(node(tb, "list", path)), &rows); err != nil {
		tb.Fatal(err)
	}
	for i := range rows {
		rows[i][7] = fieldsOf(&tokenkeep.Token{Expiry: expiryOf(tb, rows[i][7])})[7]
	}
	return rows
}

func expiryOf(tb testing.TB, ms string) time.Time {
	tb.Helper()
	if ms == "" {
		return time.Time{}
	}
	var n int64
	if _, err := fmt.Sscan(ms, &n); err != nil {
		tb.Fatal(err)
	}
	return time.UnixMilli(n).UTC()
}

// Zoho's own Node SDK reads an export exactly.
func TestNodeReadsExport(t *testing.T) {
	var tokens []*tokenkeep.Token
	want := []fields{}
	for i, user := range []string{"ann@example.com:60001", "O'Brien", "%s", "Zoë 🦊", strings.Repeat("x", 4096)} {
		tok := login(user)
		tok.ID = fmt.Sprint(tokenkeep.FirstID + i)
		tok.ClientSecret, tok.GrantToken = tokenkeep.NewSecret("a';drop table"), tokenkeep.NewSecret("1000.grant")
		tok.RedirectURL = "https://app.example/cb?a=1&b=%2C"
		tokens, want = append(tokens, tok), append(want, fieldsOf(tok))
	}
	tokens = append(tokens, &tokenkeep.Token{ID: "1000000009", AccessToken: tokenkeep.NewSecret("1000.only")})
	want = append(want, fieldsOf(tokens[len(tokens)-1]))
	path := filepath.Join(t.TempDir(), "sdk_tokens.txt")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(filestore.Write(f, tokens), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	checkFields(t, nodeList(t, path), want)
}

// A store and Zoho's own Node SDK take turns on one file: 25 users of each, and
// each refreshes a token of the other.
func TestShareWithNode(t *testing.T) {
	path := file(t, "")
	s := open(t, path, nil)
	for i := range 25 {
		save(t, s, login(fmt.Sprint("go", i)))
		if i == 12 {
			node(t, "save", path, "0", "25")
		}
	}
	rows := list(t, s)
	if len(rows) != 50 {
		t.Errorf("%d tokens", len(rows))
	}

	ours, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "go7"})
	if err != nil {
		t.Fatal(err)
	}
	node(t, "refresh", path, ours.ID, "1000.minted.by.node")
	if got := byID(t, s, ours.ID); got.AccessToken.Reveal() != "1000.minted.by.node" || got.Version <= ours.Version || got.DataCentre != "us" {
		t.Errorf("after Node's refresh: %s, version %d, data centre %q", got.AccessToken.Masked(), got.Version, got.DataCentre)
	}
	theirs, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "node7"})
	if err != nil {
		t.Fatal(err)
	}
	theirs.AccessToken = tokenkeep.NewSecret("1000.minted.by.us")
	save(t, s, theirs)
	checkFields(t, sortedByID(nodeList(t, path)), list(t, s))
}

func sortedByID(rows []fields) []fields {
	slices.SortFunc(rows, func(a, b fields) int { return tokenkeep.CompareIDs(a[0], b[0]) })
	return rows
}

// BenchmarkAgainstNode compares with the FileStore of Zoho's own Node SDK, which
// does not sync.
func BenchmarkAgainstNode(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s, path := filled(b, n)
			user := benchToken(n / 2).UserName
			var theirs struct{ Find, Save float64 }
			if err := json.Unmarshal([]byte(node(b, "bench", path, user, "30")), &theirs); err != nil {
				b.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			tok, err := s.FindToken(b.Context(), &tokenkeep.Token{UserName: user})
			if err != nil {
				b.Fatal(err)
			}
			var finds, saves []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if _, err := s.FindToken(b.Context(), &tokenkeep.Token{UserName: user}); err != nil {
					b.Fatal(err)
				}
				finds = append(finds, time.Since(start))
				tok.AccessToken = tokenkeep.NewSecret(fmt.Sprint("1000.", i))
				start = time.Now()
				if err := s.SaveToken(b.Context(), tok); err != nil {
					b.Fatal(err)
				}
				saves = append(saves, time.Since(start))
			}
			us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
			b.ReportMetric(theirs.Find, "node-find-us")
			b.ReportMetric(us(median(finds)), "find-us")
			b.ReportMetric(theirs.Save, "node-save-us")
			b.ReportMetric(us(median(saves)), "save-us")
		})
	}
}
