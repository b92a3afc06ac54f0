//go:build unix

package matrix

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// serverPassword is that of our own servers' superuser.
const serverPassword = "matrix-password"

// A serverProcess is a server of our own, in a folder of its own, durable as its
// product is by default; Redis syncs each write.
type serverProcess struct {
	kind string
	dir  string
	port int
	run  []string // the command line
	cred *syscall.Credential
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// startServer makes and starts a server that ends with the run.
func startServer(t *testing.T, hs *hosts, kind string) *serverProcess {
	t.Helper()
	dir, err := os.MkdirTemp("", "tk") //nolint:usetesting // it outlives the test that came first, and another user may enter it
	if err != nil {
		t.Fatal(err)
	}
	s := &serverProcess{kind: kind, dir: dir, port: freePort(t)}
	hs.ends = append(hs.ends, func() {
		s.kill()
		_ = os.RemoveAll(dir) // a temporary folder
	})
	map[string]func(*testing.T){"mysql": s.initMariaDB, "postgres": s.initPostgres, "redis": s.initRedis}[kind](t)
	s.start(t)
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// find returns the path of a program, which may lie outside of PATH.
func find(t *testing.T, name string, patterns ...string) string {
	t.Helper()
	for _, pattern := range patterns {
		if found, err := filepath.Glob(filepath.Join(pattern, name)); err == nil && len(found) > 0 {
			return slices.Max(found)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

func (s *serverProcess) initRedis(t *testing.T) {
	t.Helper()
	s.run = []string{
		find(t, "redis-server"), "--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}
}

func (s *serverProcess) initMariaDB(t *testing.T) {
	t.Helper()
	daemon, data := find(t, "mariadbd", "/usr/sbin"), filepath.Join(s.dir, "data")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.must(t, find(t, "mariadb-install-db"), "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--user="+me.Username)
	text := "CREATE DATABASE IF NOT EXISTS tk;\nCREATE USER IF NOT EXISTS boss IDENTIFIED BY '" + serverPassword + "';\nGRANT ALL ON *.* TO boss;\n"
	s.write(t, "init.sql", text)
	s.run = []string{
		daemon, "--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(s.dir, "s"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), "--user=" + me.Username, "--innodb-buffer-pool-size=32M",
		"--skip-name-resolve", "--init-file=" + filepath.Join(s.dir, "init.sql"),
	}
}

func (s *serverProcess) initPostgres(t *testing.T) {
	t.Helper()
	const versions = "/usr/lib/postgresql/*/bin"
	data, file := filepath.Join(s.dir, "data"), s.write(t, "password", serverPassword)
	s.unprivileged(t, s.dir, file)
	s.must(t, find(t, "initdb", versions), "-D", data, "-U", "boss", "-A", "scram-sha-256", "--pwfile="+file, "-E", "UTF8", "--no-locale", "--no-sync")
	s.run = []string{find(t, "postgres", versions), "-D", data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.dir}
}

// unprivileged gives paths to the user postgres, if the test runs as root, because
// PostgreSQL refuses to.
func (s *serverProcess) unprivileged(t *testing.T, paths ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		missing(t, "PostgreSQL does not run as root, and there is no user postgres")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers, on systems with a user 0
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	for _, path := range paths {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *serverProcess) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *serverProcess) must(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// place returns a place on the server, for PostgreSQL in the database that is
// there from the start.
func (s *serverProcess) place() place {
	switch s.kind {
	case "mysql":
		return place{URL: fmt.Sprintf("mysql://boss@127.0.0.1:%d/tk", s.port), Password: serverPassword}
	case "postgres":
		return place{URL: fmt.Sprintf("postgres://boss@127.0.0.1:%d/postgres", s.port), Password: serverPassword}
	}
	return place{URL: fmt.Sprintf("redis://127.0.0.1:%d/0", s.port)}
}

// start starts the server and waits until it answers.
func (s *serverProcess) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), s.run[0], s.run[1:]...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = &s.log, &s.log, s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.cred} // what is killed takes its children along
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		t.Fatal(err)
	}
	var err error
	for range 600 {
		if err = s.answers(t); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.kill()
	t.Fatalf("the server does not start: %v\n%s", err, s.log.String())
}

func (s *serverProcess) answers(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	_, closeStore, _, err := withTable(t, s.place(), "probe").openStore(ctx)
	if err != nil {
		return err
	}
	return closeStore()
}

func (s *serverProcess) running() bool { return s.cmd != nil }

// kill ends the server as a crash would.
func (s *serverProcess) kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
}
