package cli_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// The client of every script.
const (
	clientID     = "1000.A1B2C3D4E5F6G7H8I9J0K1L2M3N4O5"
	clientSecret = "c11e0000canary0000c11e0000canary0000c11e00"
	otherClient  = "1000.Z9Y8X7W6V5U4T3S2R1Q0P9O8N7M6L5"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tokenkeep": func() { os.Exit(cli.Main(os.Args[1:])) },
		"browser":   func() { os.Exit(browser(os.Args[1])) },
		"refresher": func() { os.Exit(refresher()) },
	})
}

// TestScripts runs testdata/script. Each script has a fake Zoho of its own with
// the users ann@example.com and cleo@example.com (us) and bob@example.com (eu), and these commands
// besides testscript's:
//
//	tk CODE ARG...       runs tokenkeep, wants the exit code, and no secret in any output
//	tk-secret CODE ARG.. the same, but secrets may be on standard output
//	zoho login USER FILE [SCOPE] writes a refresh token into FILE
//	zoho code USER FILE  writes a code of a self client into FILE
//	zoho advance 2h      moves the fake's clock
//	zoho revoke FILE     revokes the refresh token in FILE
//	zoho other-login USER FILE  is zoho login with the client $OTHER_CLIENT
//	zoho logins N USER   lets the user log in N times elsewhere
//	zoho password USER   changes the password and ends all API tokens
//	zoho remove-app USER removes the client from the user's connected apps
//	zoho delete-client   deletes the client in the API console
//	zoho fault KIND PATH STATUS [DELAY]
//	zoho heal            removes all faults
//	zoho wants COUNTER N
//	places N             lets each login in the default store hold N places for refresh tokens
//	fresh KIND NAME      puts the URL of a store on a server that is not there yet into $NAME;
//	                     $NAME_TABLE, $NAME_PASSWORD and $NAME_WITH_PASSWORD (a URL) go with it
//	sql NAME STATEMENT   runs a statement there, with {table} for its table
//	sdk FILE USER        writes a dead login over USER's in a file, as one of Zoho's SDKs would
//	expire               lets every access token in the store end
//	age USER 48h         moves the times of USER's login in the store back
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tk":        func(ts *testscript.TestScript, _ bool, args []string) { runTK(ts, args, false) },
			"tk-secret": func(ts *testscript.TestScript, _ bool, args []string) { runTK(ts, args, true) },
			"zoho":      func(ts *testscript.TestScript, _ bool, args []string) { zoho(ts, args) },
			"fresh":     func(ts *testscript.TestScript, _ bool, args []string) { freshServer(ts, args) },
			"sql":       func(ts *testscript.TestScript, _ bool, args []string) { execServer(ts, args) },
			"age":       func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(age(ts, args[0], args[1])) },
			"sdk": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(sdkWrites(ts.MkAbs(args[0]), args[1]))
			},
			"expire": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(expire(ts)) },
			"places": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(holdPlaces(ts, args[0])) },
		},
		Condition:           hasServer,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

type fakeKey struct{}

// setup starts a fake and points the environment at it.
func setup(env *testscript.Env) error {
	f := zohotest.New(&zohotest.Options{
		AutoApprove: "ann@example.com", ExtraScopes: []string{"ZohoCRM.modules.READ"},
		Limits: zohotest.Limits{DevicePoll: time.Second},
	})
	if err := f.Listen(); err != nil {
		return err
	}
	env.Defer(f.Close)
	env.Values[fakeKey{}] = f
	all := scriptPlaces{}
	env.Values[placesKey{}] = all
	env.Defer(all.drop)
	closed, err := closedPort()
	if err != nil {
		return err
	}
	callback, err := freeCallback()
	if err != nil {
		return err
	}
	f.AddUser(zohotest.User{Email: "ann@example.com", First: "Ann", Last: "Lee", DC: "us"})
	f.AddUser(zohotest.User{Email: "bob@example.com", DC: "eu"})
	f.AddUser(zohotest.User{Email: "cleo@example.com", DC: "us"})
	f.AddClient(zohotest.Client{ID: otherClient, Secret: clientSecret})
	f.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, DCs: []string{"eu"}, RedirectURIs: []string{callback}})
	samples, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	for k, v := range map[string]string{
		"HOME": env.WorkDir + "/home", "NO_COLOR": "1", "GORACE": "atexit_sleep_ms=0", "BROWSER": "browser", "TZ": "UTC",
		"XDG_CONFIG_HOME": env.WorkDir + "/config", "XDG_DATA_HOME": env.WorkDir + "/data", "XDG_STATE_HOME": env.WorkDir + "/state",
		"ZOHO_CLIENT_ID": clientID, "ZOHO_CLIENT_SECRET": clientSecret,
		"ZOHO_DC": "us", "ZOHO_ACCOUNTS_SERVER": f.AccountsURL("us"), "ZOHO_API_DOMAIN": f.APIDomain("us"),
		"SAMPLES": samples, "ACCOUNTS_EU": f.AccountsURL("eu"), "API_EU": f.APIDomain("eu"), "CLOSED": closed, "CLIENT": clientID, "OTHER_CLIENT": otherClient, "CALLBACK": callback,
	} {
		env.Setenv(k, v)
	}
	return os.MkdirAll(env.WorkDir+"/home", 0o700)
}

// freeCallback returns a redirect URI whose port nobody has.
func freeCallback() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return fmt.Sprintf("http://localhost:%d/callback", l.Addr().(*net.TCPAddr).Port), nil
}

// tokenShape is every token and code that the fake makes.
var tokenShape = regexp.MustCompile(`1000\.[0-9a-f]{32}\.[0-9a-f]{32}`)

// runTK runs tokenkeep and checks its exit code and its outputs.
func runTK(ts *testscript.TestScript, args []string, secretsOut bool) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("tokenkeep", args[1:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("tokenkeep: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if !secretsOut {
		noSecrets(ts, "stdout")
	}
	noSecrets(ts, "stderr")
}

// keyShape is every key of a store.
var keyShape = regexp.MustCompile(`[0-9A-Za-z+/_-]{43}=`)

func noSecrets(ts *testscript.TestScript, stream string) {
	text := ts.ReadFile(stream)
	if tokenShape.MatchString(text) || keyShape.MatchString(text) || strings.Contains(text, clientSecret) {
		ts.Fatalf("a secret is on %s", stream)
	}
}

// zoho acts on the fake.
func zoho(ts *testscript.TestScript, args []string) {
	f := ts.Value(fakeKey{}).(*zohotest.Fake)
	switch args[0] {
	case "login":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(f.Issue(clientID, args[1], args[3:]...).RefreshToken+"\n"), 0o600))
	case "code":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(f.SelfClientCode(clientID, args[1], nil)+"\n"), 0o600))
	case "advance":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		f.Advance(d)
	case "revoke":
		if !f.RevokeRefreshToken(strings.TrimSpace(ts.ReadFile(args[1]))) {
			ts.Fatalf("nothing to revoke")
		}
	case "other-login":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(f.Issue(otherClient, args[1]).RefreshToken+"\n"), 0o600))
	case "logins":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		for range n {
			f.Issue(clientID, args[2])
		}
	case "password":
		f.ChangePassword(args[1], true)
	case "remove-app":
		f.RemoveApp(clientID, args[1])
	case "delete-client":
		f.DeleteClient(clientID)
	case "fault":
		status, err := strconv.Atoi(args[3])
		ts.Check(err)
		ft := zohotest.Fault{Kind: zohotest.FaultKind(args[1]), Path: args[2], Status: status}
		if len(args) > 4 {
			ft.Delay, err = time.ParseDuration(args[4])
			ts.Check(err)
		}
		f.AddFault(ft)
	case "heal":
		f.ClearFaults()
	case "wants":
		wantCounter(ts, f.Counters(), args[1], args[2])
	default:
		ts.Fatalf("zoho: no command %q", args[0])
	}
}

// age moves the times of the user's login back by d.
func age(ts *testscript.TestScript, user, d string) error {
	by, err := time.ParseDuration(d)
	if err != nil {
		return err
	}
	return edit(ts, func(t *tokenkeep.Token) bool {
		if t.UserName != user {
			return false
		}
		for _, at := range []*time.Time{&t.UsedAt, &t.CreatedAt, &t.State.Since} {
			if !at.IsZero() {
				*at = at.Add(-by)
			}
		}
		for i := range t.Logins {
			t.Logins[i] = t.Logins[i].Add(-by)
		}
		return true
	})
}

// expire sets the expiry of every token in the default store to an hour ago.
func expire(ts *testscript.TestScript) error {
	return edit(ts, func(t *tokenkeep.Token) bool {
		t.Expiry = time.Now().Add(-time.Hour)
		return true
	})
}

// holdPlaces gives every token in the default store n logins, one in a day.
func holdPlaces(ts *testscript.TestScript, n string) error {
	days, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	return edit(ts, func(t *tokenkeep.Token) bool {
		t.Logins = nil
		for i := range days {
			t.Logins = append(t.Logins, time.Now().AddDate(0, 0, i-days+1))
		}
		return true
	})
}

// edit saves the tokens of the default store that change has changed.
func edit(ts *testscript.TestScript, change func(*tokenkeep.Token) bool) error {
	ctx := context.Background()
	s, err := sqlitestore.Open(ctx, ts.Getenv("XDG_DATA_HOME")+"/tokenkeep/tokens.db", nil)
	if err != nil {
		return err
	}
	for t, err := range s.GetTokens(ctx) {
		if err != nil {
			return err
		}
		if !change(t) {
			continue
		}
		if err := s.SaveToken(ctx, t); err != nil {
			return err
		}
	}
	return s.Close()
}

// sdkWrites replaces both tokens of a user in a file of Zoho's SDKs.
func sdkWrites(path, user string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row[1] == user {
			row[4], row[5] = "1000."+strings.Repeat("d", 32)+".0", "1000."+strings.Repeat("e", 32)+".0"
		}
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

func wantCounter(ts *testscript.TestScript, c zohotest.Counters, name, want string) {
	got, ok := map[string]int{
		"token-requests": c.TokenRequests, "mints": c.Mints, "exchanges": c.Exchanges, "revokes": c.Revokes,
		"dead": c.DeadRepresented, "api": c.APIRequests, "throttles": c.Throttles,
	}[name]
	if !ok || strconv.Itoa(got) != want {
		ts.Fatalf("counter %s is %d, want %s", name, got, want)
	}
}

// browser stands in for a browser: it follows the redirects from the consent page
// to the callback and keeps the page it ends on in $PAGE. $FORGE changes the
// callback on its way.
func browser(address string) int {
	client := &http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Hostname() == "localhost" {
			forge(req.URL)
		}
		return nil
	}}
	resp, err := client.Get(address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		return 1
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return 1
	}
	if path := os.Getenv("PAGE"); path != "" {
		page = append([]byte(resp.Header.Get("Content-Security-Policy")+"\n"), page...)
		if os.WriteFile(path+".tmp", page, 0o600) != nil || os.Rename(path+".tmp", path) != nil {
			return 1
		}
	}
	return 0
}

func forge(u *url.URL) {
	q := u.Query()
	switch os.Getenv("FORGE") {
	case "state":
		q.Set("state", "forged")
	case "accounts-server":
		q.Set("accounts-server", "https://accounts.zoho.evil.example")
	case "deny":
		q = url.Values{"error": {"access_denied"}, "state": {q.Get("state")}}
	case "host":
		u.Host = strings.Replace(u.Host, "localhost", "127.0.0.1", 1)
	case "path":
		u.Path = "/other"
	}
	u.RawQuery = q.Encode()
}

// TestScriptsCoverEverything fails when a command or an exit code has no script.
func TestScriptsCoverEverything(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	for _, c := range []string{
		"login", "status", "token", "refresh", "logout", "switch", "tokens list", "tokens show", "tokens delete",
		"tokens delete-all", "tokens import", "tokens export", "store check", "store migrate", "store new-key", "store seal",
		"store rotate-key", "api", "exec", "doctor", "why", "version", "completion",
	} {
		if !regexp.MustCompile(`(?m)^tk(-secret)? \d+ ` + c + `\b`).MatchString(all.String()) {
			t.Errorf("no script runs %q", c)
		}
	}
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 75} {
		if !regexp.MustCompile(`(?m)^tk(-secret)? ` + strconv.Itoa(code) + ` `).MatchString(all.String()) {
			t.Errorf("no script ends with exit code %d", code)
		}
	}
}
