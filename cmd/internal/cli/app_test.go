package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A bench is a program in this process with a fake Zoho.
type bench struct {
	fake *zohotest.Fake
	env  map[string]string
	app  *cli.App
	in   *strings.Reader
	out  syncBuffer
	err  syncBuffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	f := zohotest.NewServer(t, &zohotest.Options{AutoApprove: "ann@example.com", Limits: zohotest.Limits{DevicePoll: time.Second}})
	callback, err := freeCallback()
	if err != nil {
		t.Fatal(err)
	}
	f.AddUser(zohotest.User{Email: "ann@example.com"})
	f.AddClient(zohotest.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{callback}})
	dir := t.TempDir()
	b := &bench{fake: f, in: strings.NewReader(""), env: map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": filepath.Join(dir, "config"), "XDG_DATA_HOME": filepath.Join(dir, "data"), "XDG_STATE_HOME": filepath.Join(dir, "state"),
		"ZOHO_CLIENT_ID": clientID, "ZOHO_CLIENT_SECRET": clientSecret, "CALLBACK": callback,
		"ZOHO_DC": "us", "ZOHO_ACCOUNTS_SERVER": f.AccountsURL("us"), "ZOHO_API_DOMAIN": f.APIDomain("us"),
	}}
	return b
}

// run runs one command and returns its exit code.
func (b *bench) run(ctx context.Context, args ...string) int {
	b.out.Reset()
	b.err.Reset()
	b.app = &cli.App{
		IO:      &ui.IO{In: b.in, Out: &b.out, Err: &b.err},
		Getenv:  func(k string) string { return b.env[k] },
		Version: "test",
		OpenBrowser: func(context.Context, string) error {
			return http.ErrNotSupported
		},
	}
	return b.app.Run(ctx, args)
}

// eventually waits for a text on standard error or output and returns its first
// group.
func eventually(t *testing.T, b *syncBuffer, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for range 500 {
		if m := re.FindStringSubmatch(b.String()); m != nil {
			return m[len(m)-1]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q in %q", pattern, b.String())
	return ""
}

// A syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *syncBuffer) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func TestInterruptWhileWaitingForTheBrowser(t *testing.T) {
	b := newBench(t)
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- b.run(ctx, "login", "--no-browser", "--redirect-url", b.env["CALLBACK"]) }()
	eventually(t, &b.err, `Open this address`)
	interrupt()
	if got := <-code; got != cli.ExitInterrupted {
		t.Errorf("exit code %d, want %d", got, cli.ExitInterrupted)
	}
	if !strings.Contains(b.err.String(), "interrupted") {
		t.Errorf("stderr: %s", b.err.String())
	}
	if b.run(t.Context(), "tokens", "list"); b.out.String() != "" {
		t.Errorf("a token was kept: %s", b.out.String())
	}
}

func TestLoginWhenNoBrowserStarts(t *testing.T) {
	b := newBench(t)
	code := make(chan int, 1)
	go func() { code <- b.run(t.Context(), "login", "--redirect-url", b.env["CALLBACK"]) }()
	address := eventually(t, &b.err, `\n(http://\S+/oauth/v2/auth\S+)`)
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := <-code; got != cli.ExitOK || resp.StatusCode != http.StatusOK {
		t.Errorf("exit code %d, page %d: %s", got, resp.StatusCode, b.err.String())
	}
}

func TestPortInUse(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	first := &bench{fake: b.fake, env: b.env, in: strings.NewReader("")}
	go func() { done <- first.run(ctx, "login", "--no-browser", "--redirect-url", b.env["CALLBACK"]) }()
	eventually(t, &first.err, `Open this address`)
	if got := b.run(t.Context(), "login", "--no-browser", "--redirect-url", b.env["CALLBACK"]); got != cli.ExitFailed {
		t.Errorf("exit code %d, want %d", got, cli.ExitFailed)
	}
	if !strings.Contains(b.err.String(), "--redirect-url") {
		t.Errorf("no next step: %s", b.err.String())
	}
	stop()
	<-done
}

func TestLoginByPaste(t *testing.T) {
	b := newBench(t)
	r, w := io.Pipe()
	code := make(chan int, 1)
	b.app = &cli.App{
		IO:     &ui.IO{In: r, Out: &b.out, Err: &b.err},
		Getenv: func(k string) string { return b.env[k] },
	}
	go func() {
		code <- b.app.Run(t.Context(), []string{"login", "--paste", "--redirect-url", b.env["CALLBACK"]})
	}()
	address := eventually(t, &b.err, `\n(http://\S+/oauth/v2/auth\S+)`)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := io.WriteString(w, "  "+resp.Header.Get("Location")+" \n"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != cli.ExitOK {
		t.Errorf("exit code %d: %s", got, b.err.String())
	}
}

func TestLoginByDevice(t *testing.T) {
	b := newBench(t)
	code := make(chan int, 1)
	go func() { code <- b.run(t.Context(), "login", "--device", "--json") }()
	userCode := eventually(t, &b.err, `enter this code: (\S+)`)
	if err := b.fake.ApproveDevice(userCode, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != cli.ExitOK || !strings.Contains(b.out.String(), `"user": "ann@example.com:`) {
		t.Errorf("exit code %d: %s %s", got, b.out.String(), b.err.String())
	}

	b.err.Reset()
	go func() { code <- b.run(t.Context(), "login", "--device") }()
	userCode = eventually(t, &b.err, `enter this code: (\S+)`)
	if err := b.fake.DenyDevice(userCode); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != cli.ExitLogin {
		t.Errorf("denied: exit code %d: %s", got, b.err.String())
	}
}

// TestFake runs the fake as a program, seeds it and uses it.
func TestFake(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- b.run(ctx, "fake", "--json", "--user", "bob@example.com:eu", "--client", "1000.DEMO:demo-secret", "--data-centres", "us,eu")
	}()
	eventually(t, &b.err, `running until`)
	var v struct {
		Admin       string
		DataCentres map[string]struct {
			AccountsServer string `json:"accounts_server"`
			APIDomain      string `json:"api_domain"`
		} `json:"data_centres"`
		Clients []zohotest.Client
		Users   []zohotest.User
	}
	if err := json.Unmarshal([]byte(b.out.String()), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.DataCentres) != 2 || v.Clients[0].Secret != "demo-secret" || v.Users[0].DC != "eu" {
		t.Errorf("fake: %+v", v)
	}
	resp, err := http.Post(v.Admin+"/admin/self-client-code", "application/json", strings.NewReader(`{"client":"1000.DEMO","email":"bob@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var issued struct{ Code string }
	if err := json.NewDecoder(resp.Body).Decode(&issued); err != nil {
		t.Fatal(err)
	}

	user := newBench(t)
	user.env["ZOHO_CLIENT_ID"], user.env["ZOHO_CLIENT_SECRET"], user.env["ZOHO_DC"] = "1000.DEMO", "demo-secret", "eu"
	user.env["ZOHO_ACCOUNTS_SERVER"], user.env["ZOHO_API_DOMAIN"] = v.DataCentres["eu"].AccountsServer, v.DataCentres["eu"].APIDomain
	user.in = strings.NewReader(issued.Code + "\n")
	if got := user.run(t.Context(), "login", "--self-client"); got != cli.ExitOK {
		t.Errorf("login at the fake: exit code %d: %s", got, user.err.String())
	}
	stop()
	if got := <-code; got != cli.ExitOK {
		t.Errorf("exit code %d when it is stopped, want 0", got)
	}
}

func TestFakeBadInput(t *testing.T) {
	b := newBench(t)
	for _, args := range [][]string{
		{"fake", "--user", "nobody"},
		{"fake", "--user", "ann@example.com:mars"},
		{"fake", "--data-centres", "mars"},
		{"fake", "extra"},
	} {
		if got := b.run(t.Context(), args...); got != cli.ExitUsage {
			t.Errorf("%q: exit code %d, want %d", args, got, cli.ExitUsage)
		}
	}
}

func TestDoctorFindsAWrongClock(t *testing.T) {
	b := newBench(t)
	f := zohotest.NewServer(t, &zohotest.Options{ClockSkew: -time.Hour})
	b.env["ZOHO_ACCOUNTS_SERVER"], b.env["ZOHO_API_DOMAIN"] = f.AccountsURL("us"), f.APIDomain("us")
	if got := b.run(t.Context(), "doctor", "--online"); got != cli.ExitFailed {
		t.Errorf("exit code %d, want %d", got, cli.ExitFailed)
	}
	if !regexp.MustCompile(`✗ clock: it differs from \S+ by (1h0m0s|59m59s|1h0m1s)`).MatchString(b.out.String()) {
		t.Errorf("stdout: %s", b.out.String())
	}
}

// TestMemoryStore: a store in memory works within one command.
func TestMemoryStore(t *testing.T) {
	b := newBench(t)
	b.in = strings.NewReader(b.fake.Issue(clientID, "ann@example.com").RefreshToken)
	if got := b.run(t.Context(), "login", "--store", "memory:", "--with-refresh-token", "-"); got != cli.ExitOK {
		t.Errorf("exit code %d: %s", got, b.err.String())
	}
	if got := b.run(t.Context(), "status", "--store", "memory:"); got != cli.ExitLogin {
		t.Errorf("status afterwards: exit code %d, want %d", got, cli.ExitLogin)
	}
}
