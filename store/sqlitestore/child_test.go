package sqlitestore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// childEnv names the variable that makes the test binary a child: "<role> <path>
// <name>".
const childEnv = "SQLITESTORE_TEST_CHILD"

// TestMain plays a child process when the environment says so.
func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		if err := playChild(context.Background(), task); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func playChild(ctx context.Context, task string) error {
	var role, path, name string
	if _, err := fmt.Sscan(task, &role, &path, &name); err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err // the parent is gone
	}
	switch role {
	case "write":
		return playWriter(ctx, path, name)
	case "open":
		s, err := sqlitestore.Open(ctx, path, nil)
		if err != nil {
			return err
		}
		return s.Close()
	case "unprivileged":
		return playUnprivileged(ctx, path)
	}
	return fmt.Errorf("no role %q", role)
}

// A tally is what a writer did.
type tally struct {
	Saves int
	Worst time.Duration
}

// writeTime is how long the writers of a contest write.
const writeTime = 4 * time.Second

// playWriter saves a row of its own in a tight loop and prints its tally.
func playWriter(ctx context.Context, path, name string) error {
	s, err := sqlitestore.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	var sum tally
	t := fullToken(name)
	for start := time.Now(); time.Since(start) < writeTime; sum.Saves++ {
		begin := time.Now()
		if err := s.SaveToken(ctx, t); err != nil {
			return err
		}
		sum.Worst = max(sum.Worst, time.Since(begin))
	}
	if err := json.NewEncoder(os.Stdout).Encode(sum); err != nil {
		return err
	}
	return s.Close()
}

// fullToken is a token of some 300 bytes.
func fullToken(name string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName:       name + "@example.com:60001",
		ClientID:       "1000.CLIENT",
		RefreshToken:   tokenkeep.NewSecret("1000.refresh.0123456789abcdef0123456789abcdef." + name),
		AccessToken:    tokenkeep.NewSecret("1000.access.0123456789abcdef0123456789abcdef." + name),
		Expiry:         time.UnixMilli(1795459190603),
		APIDomain:      "https://www.zohoapis.eu",
		AccountsServer: "https://accounts.zoho.eu",
		DataCentre:     "eu",
		Scopes:         []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"},
	}
}

// A child is a process that waits for the word to begin.
type child struct {
	cmd *exec.Cmd
	in  interface{ Write([]byte) (int, error) }
	out *bufio.Scanner
}

// startChild starts a child and waits until it is ready. It is killed at the end
// of the test, if it still lives.
func startChild(t *testing.T, task string, prepare func(*exec.Cmd)) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+task)
	cmd.Stderr = os.Stderr
	if prepare != nil {
		prepare(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	if line := c.line(t); line != "ready" {
		t.Fatalf("child: %s", line)
	}
	return c
}

// line returns the next line that the child prints, "" when it ends.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.out.Scan() {
		return ""
	}
	return c.out.Text()
}

func (c *child) begin(t *testing.T) {
	t.Helper()
	if _, err := c.in.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the child's end.
func (c *child) wait(t *testing.T, output string) {
	t.Helper()
	for line := c.line(t); line != ""; line = c.line(t) {
		output += line + "\n"
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("child: %v\n%s", err, output)
	}
}
