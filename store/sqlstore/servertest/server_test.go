//go:build unix

package servertest

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

// password is that of the superuser of a server of one test.
const password = "s3cr3t-canary"

// A server is one of one test, in a folder of its own, durable as by default.
type server struct {
	product

	tb   testing.TB
	dir  string
	port int
	run  []string // the command line
	cred *syscall.SysProcAttr
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// startServer makes and starts a server with a database tk. It ends with the test.
func (p product) startServer(tb testing.TB, settings ...string) *server {
	tb.Helper()
	dir, err := os.MkdirTemp("", "tk") //nolint:usetesting // a short path, for a socket, that another user may enter
	if err != nil {
		tb.Fatal(err)
	}
	s := &server{product: p, tb: tb, dir: dir, port: freePort(tb)}
	tb.Cleanup(func() {
		s.kill()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	if p.driver == "mysql" {
		s.initMariaDB(settings)
	} else {
		s.initPostgres(settings)
	}
	s.start()
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

// find returns the path of a program of the server, which may lie outside of PATH.
func find(tb testing.TB, name string, patterns ...string) string {
	tb.Helper()
	for _, pattern := range patterns {
		if found, err := filepath.Glob(filepath.Join(pattern, name)); err == nil && len(found) > 0 {
			return slices.Max(found)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(tb, name+" is not installed")
	}
	return path
}

func (s *server) initMariaDB(settings []string) {
	s.tb.Helper()
	daemon := find(s.tb, "mariadbd", "/usr/sbin")
	data := filepath.Join(s.dir, "data")
	who := "--user=" + me(s.tb)
	s.must(find(s.tb, "mariadb-install-db"), "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", who)
	init := filepath.Join(s.dir, "init.sql")
	text := "CREATE DATABASE IF NOT EXISTS tk;\nCREATE USER IF NOT EXISTS boss IDENTIFIED BY '" + password + "';\nGRANT ALL ON *.* TO boss WITH GRANT OPTION;\n"
	if err := os.WriteFile(init, []byte(text), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	s.run = append([]string{
		daemon, "--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(s.dir, "s"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), who, "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--init-file=" + init,
	}, settings...)
}

func me(tb testing.TB) string {
	tb.Helper()
	u, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	return u.Username
}

func (s *server) initPostgres(settings []string) {
	s.tb.Helper()
	const versions = "/usr/lib/postgresql/*/bin"
	data, file := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	s.cred = unprivileged(s.tb, s.dir, file)
	s.must(find(s.tb, "initdb", versions), "-D", data, "-U", "boss", "-A", "scram-sha-256", "--pwfile="+file, "-E", "UTF8", "--no-locale", "--no-sync")
	s.run = []string{find(s.tb, "postgres", versions), "-D", data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.dir}
	for _, setting := range settings {
		s.run = append(s.run, "-c", setting)
	}
}

// unprivileged gives paths to the user postgres, if the test runs as root, because
// PostgreSQL refuses to.
func unprivileged(tb testing.TB, paths ...string) *syscall.SysProcAttr {
	tb.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		missing(tb, "PostgreSQL does not run as root, and there is no user postgres")
	}
	uid, _ := strconv.Atoi(u.Uid) // numbers, on systems with a user 0
	gid, _ := strconv.Atoi(u.Gid)
	for _, path := range paths {
		if err := os.Chown(path, uid, gid); err != nil {
			tb.Fatal(err)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *server) must(program string, args ...string) {
	s.tb.Helper()
	cmd := exec.CommandContext(s.tb.Context(), program, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.cred
	if out, err := cmd.CombinedOutput(); err != nil {
		s.tb.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// as returns the DSN of a user.
func (s *server) as(user, password string) string {
	if s.driver == "mysql" {
		return fmt.Sprintf("%s:%s@tcp(127.0.0.1:%d)/tk", user, password, s.port)
	}
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/tk?sslmode=disable", user, password, s.port)
}

// root returns the DSN of the superuser.
func (s *server) root() string { return s.as("boss", password) }

// start starts the server and waits until it answers.
func (s *server) start() {
	s.tb.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(s.tb.Context()), s.run[0], s.run[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Dir = s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what is killed takes its children along
	if s.cred != nil {
		s.cmd.SysProcAttr.Credential = s.cred.Credential
	}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	var err error
	for range 600 {
		if err = s.ready(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.kill()
	s.tb.Fatalf("the server does not start: %v\n%s", err, s.log.String())
}

func (s *server) ready() error {
	if s.driver == "mysql" {
		return s.answers(s.tb, s.root())
	}
	maintenance := fmt.Sprintf("postgres://boss:%s@127.0.0.1:%d/postgres?sslmode=disable", password, s.port)
	if err := s.answers(s.tb, maintenance); err != nil {
		return err
	}
	if s.answers(s.tb, s.root()) == nil {
		return nil
	}
	_, err := s.db(s.tb, maintenance).ExecContext(s.tb.Context(), "CREATE DATABASE tk")
	return err
}

// kill ends the server as a crash would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
	s.cmd = nil
}

// newPlace returns a place on the server.
func (s *server) newPlace(tb testing.TB, table string) *place {
	tb.Helper()
	return s.placeAt(tb, s.root(), table)
}
