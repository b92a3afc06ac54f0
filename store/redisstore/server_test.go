package redisstore_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// missing skips a test that needs a server, unless servers are required.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("TOKENKEEP_REQUIRE_SERVERS") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}

// sharedServer returns the URL of a server that is there for all tests:
// TOKENKEEP_TEST_REDIS, or the one on this machine's usual port, or else a new one.
func sharedServer(tb testing.TB) string {
	tb.Helper()
	if address := os.Getenv("TOKENKEEP_TEST_REDIS"); address != "" {
		return address
	}
	const usual = "redis://127.0.0.1:6379/0"
	ctx, cancel := context.WithTimeout(tb.Context(), time.Second)
	defer cancel()
	if newClient(tb, usual).Ping(ctx).Err() == nil {
		return usual
	}
	return startServer(tb).url()
}

// newClient returns a client that is closed with the test.
func newClient(tb testing.TB, address string) *redis.Client {
	tb.Helper()
	settings, err := redis.ParseURL(address)
	if err != nil {
		tb.Fatal(err)
	}
	settings.DialerRetries = 1
	client := redis.NewClient(settings)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// A server is a Redis of one test.
type server struct {
	tb   testing.TB
	port int
	args []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// startServer starts a Redis in a folder of its own, which keeps nothing on disk
// unless the arguments say so. It ends with the test.
func startServer(tb testing.TB, args ...string) *server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(tb, "redis-server is not installed (Debian: apt install redis-server)")
	}
	s := &server{tb: tb, port: freePort(tb)}
	s.args = append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", tb.TempDir(), "--save", "", "--daemonize", "no",
	}, args...)
	s.start()
	tb.Cleanup(s.kill)
	return s
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) url() string { return "redis://" + s.address() + "/0" }

// start starts the server and waits until it accepts connections and has read its
// data.
func (s *server) start() {
	s.tb.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.address(), DialerRetries: 1, MaxRetries: -1})
	defer client.Close()
	for range 400 {
		err := client.Ping(context.Background()).Err()
		if err == nil || redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "MASTERDOWN") {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.kill()
	s.tb.Fatalf("the server does not start:\n%s", s.log.String())
}

// kill ends the server as a crash would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}
