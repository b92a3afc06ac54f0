package servertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tokenkeep/tokenkeep"
)

// nodeSDK is what npm installs for these tests.
const nodeSDK = "@zohocrm/nodejs-sdk-8.0@2.0.0"

// installNode returns a folder with Zoho's own Node SDK, kept between runs in the
// user's cache folder.
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

// npmInstall installs into a folder of its own and renames it, so that tests that
// run at once do not meet half of it.
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

// node runs testdata/nodedbstore.mjs on the place's table and returns what it
// printed. Without npm the test is skipped, except in CI.
func (p *place) node(tb testing.TB, args ...string) string {
	tb.Helper()
	dir, err := installNode()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		tb.Skip("npm is not installed: not tested against Zoho's own Node SDK")
	}
	if err != nil {
		tb.Fatal(err)
	}
	script, err := os.ReadFile("testdata/nodedbstore.mjs")
	if err != nil {
		tb.Fatal(err)
	}
	// Modules are looked up from the script's own folder.
	local := filepath.Join(dir, fmt.Sprintf("nodedbstore-%d.mjs", os.Getpid()))
	if err := os.WriteFile(local, script, 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.Remove(local) })
	cmd := exec.CommandContext(tb.Context(), "node", append([]string{local}, args...)...)
	cmd.Env = append(os.Environ(), "DBSTORE="+p.nodeParams(tb))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("node %s: %v\n%s", args[0], err, stderr.String())
	}
	return string(out)
}

// nodeParams returns the place as parameters of the DBStore.
func (p *place) nodeParams(tb testing.TB) string {
	tb.Helper()
	config, err := mysql.ParseDSN(p.dsn)
	if err != nil {
		tb.Fatal(err)
	}
	host, port, found := strings.Cut(config.Addr, ":")
	if !found {
		tb.Skip("Zoho's own Node SDK knows no sockets, and the server's address is " + config.Addr)
	}
	text, err := json.Marshal(map[string]string{
		"host": host, "port": port, "database": config.DBName, "table": p.table, "user": config.User, "password": config.Passwd,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// fields are Zoho's ten values of a token.
type fields [10]string

func fieldsOf(t *tokenkeep.Token) fields {
	expiry := ""
	if !t.Expiry.IsZero() {
		expiry = strconv.FormatInt(t.Expiry.UnixMilli(), 10)
	}
	return fields{
		t.ID, t.UserName, t.ClientID, t.ClientSecret.Reveal(), t.RefreshToken.Reveal(),
		t.AccessToken.Reveal(), t.GrantToken.Reveal(), expiry, t.RedirectURL, t.APIDomain,
	}
}

func (p *place) nodeTokens(tb testing.TB, args ...string) []fields {
	tb.Helper()
	var rows []fields
	if err := json.Unmarshal([]byte(p.node(tb, args...)), &rows); err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b fields) int { return tokenkeep.CompareIDs(a[0], b[0]) })
	return rows
}

// nodeLogin is what the script saves for a user.
func nodeLogin(name string) fields {
	return fields{
		"", name, "1000.NODE", "secret", "1000.refresh." + name, "1000.access." + name, "", "1767225600000",
		"https://app.example/cb", "https://www.zohoapis.com",
	}
}

// Zoho's own Node SDK and a store take turns on one table, which either of them
// may have made: 25 users of each. Both read the 50 right rows, and each refreshes a
// token of the other.
func TestShareWithNode(t *testing.T) {
	for name, setup := range map[string][]string{
		"our table":      nil,
		"official table": {officialDDL + " CHARACTER SET latin1"},
		"cured table with rows": {
			officialDDL, "INSERT INTO {table} (" + officialColumns + ") VALUES ('9', 'old', 'c', 's', 'r', 'a', NULL, '1', NULL, NULL)",
			"ALTER TABLE {table} MODIFY id BIGINT NOT NULL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && len(setup) > 1 {
				t.Skip("the other tables show it")
			}
			p := mariadb.bare(t)
			for _, statement := range setup {
				p.exec(t, statement)
			}
			p.take(t)
			for i := range 25 {
				p.save(t, fullToken(fmt.Sprint("go", i)))
				if i == 12 {
					p.node(t, "save", "0", "25")
				}
			}
			p.checkShared(t, 50+min(len(setup), 3)/3)
			p.checkTurns(t)
		})
	}
}

// checkShared compares what both see with what was saved.
func (p *place) checkShared(t *testing.T, rows int) {
	t.Helper()
	ours, theirs := []fields{}, p.nodeTokens(t, "list")
	ids := map[string]bool{}
	for _, tok := range p.all(t) {
		ours = append(ours, fieldsOf(tok))
		ids[tok.ID] = true
	}
	if len(ours) != rows || len(ids) != rows {
		t.Errorf("%d rows with %d ids, want %d", len(ours), len(ids), rows)
	}
	if !slices.Equal(ours, theirs) {
		t.Errorf("we read  %v\nNode reads %v", ours, theirs)
	}
	found := map[string]fields{}
	for _, f := range ours {
		id := f[0]
		f[0] = ""
		found[f[1]] = f
		if len(id) != 10 && f[1] != "old" {
			t.Errorf("user %s has the id %s", f[1], id)
		}
	}
	for i := range 25 {
		want := fieldsOf(fullToken(fmt.Sprint("go", i)))
		if got := found[want[1]]; got != want {
			t.Errorf("%v, want %v", got, want)
		}
		want = nodeLogin(fmt.Sprint("node", i))
		if got := found[want[1]]; got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// checkTurns lets each refresh, and find, what the other saved.
func (p *place) checkTurns(t *testing.T) {
	t.Helper()
	mine := p.byUser(t, fullToken("go7").UserName)
	p.node(t, "refresh", mine.UserName, "1000.minted.by.node")
	got := p.byID(t, mine.ID)
	if got.AccessToken.Reveal() != "1000.minted.by.node" || got.Version != mine.Version+1 || got.DataCentre != "eu" {
		t.Errorf("after Node's refresh: %s, version %d, data centre %q", got.AccessToken.Masked(), got.Version, got.DataCentre)
	}
	if err := p.SaveToken(t.Context(), mine); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("a save over Node's refresh: %v", err)
	}
	theirs := p.byUser(t, "node7")
	theirs.AccessToken, theirs.Expiry = tokenkeep.NewSecret("1000.minted.by.us"), time.UnixMilli(1767229200000)
	p.save(t, theirs)
	for _, seen := range p.nodeTokens(t, "find", "node7") {
		if seen != fieldsOf(theirs) {
			t.Errorf("Node finds %v, want %v", seen, fieldsOf(theirs))
		}
	}
	p.node(t, "delete", theirs.ID)
	if err := p.SaveToken(t.Context(), theirs); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("a save of what Node deleted: %v", err)
	}
}
