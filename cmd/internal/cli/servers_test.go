package cli_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"
)

// A server is one that stores of the tests are on.
type server struct {
	kind, driver string
	variable     string   // the environment variable with its address
	usual        []string // addresses to try without that
	quote        string
}

// servers are found where TOKENKEEP_TEST_MYSQL (a DSN of go-sql-driver/mysql),
// TOKENKEEP_TEST_POSTGRES and TOKENKEEP_TEST_REDIS (URLs) say, or at their usual
// ports of this machine.
func servers() map[string]server {
	return map[string]server{
		"mysql": {
			kind: "mysql", driver: "mysql", variable: "TOKENKEEP_TEST_MYSQL", quote: "`",
			usual: []string{"tokenkeep:tokenkeep@tcp(127.0.0.1:3306)/tokenkeep_test", "root@tcp(127.0.0.1:3306)/test"},
		},
		"postgres": {
			kind: "postgres", driver: "pgx", variable: "TOKENKEEP_TEST_POSTGRES", quote: `"`,
			usual: []string{"postgres://tokenkeep:tokenkeep@127.0.0.1:5432/tokenkeep_test?sslmode=disable", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"},
		},
		"redis": {kind: "redis", variable: "TOKENKEEP_TEST_REDIS", usual: []string{"redis://127.0.0.1:6379/0"}},
	}
}

// address returns where the server is, or an error that says that there is none.
func (s server) address() (string, error) {
	list := s.usual
	if v := os.Getenv(s.variable); v != "" {
		list = []string{v}
	}
	var err error
	for _, address := range list {
		if err = s.ping(address); err == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("no %s answers on this machine's usual port, and %s names none that does: %w", s.kind, s.variable, err)
}

func (s server) ping(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.driver == "" {
		o, err := redis.ParseURL(address)
		if err != nil {
			return err
		}
		o.MaxRetries = -1
		c := redis.NewClient(o)
		defer c.Close()
		return c.Ping(ctx).Err()
	}
	db, err := sql.Open(s.driver, address)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

// A place is a store on a server that nobody else uses.
type place struct {
	server
	address, name string
	// url has no password; password is its own.
	url, password string
}

var places atomic.Int64 //nolint:gochecknoglobals // counts names

// fresh returns a place that is not there yet.
func (s server) fresh() (*place, error) {
	address, err := s.address()
	if err != nil {
		return nil, err
	}
	p := &place{server: s, address: address, name: fmt.Sprintf("cli%d_%d_%d", os.Getpid(), time.Now().UnixMilli()%1e9, places.Add(1))}
	p.url, p.password, err = p.split()
	return p, err
}

// split makes a store URL and a password of the address.
func (p *place) split() (string, string, error) {
	param := "table"
	address := p.address
	switch p.kind {
	case "mysql":
		c, err := mysql.ParseDSN(address)
		if err != nil {
			return "", "", err
		}
		return "mysql://" + c.User + "@" + c.Addr + "/" + c.DBName + "?table=" + p.name, c.Passwd, nil
	case "redis":
		param = "prefix"
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", "", err
	}
	password, _ := u.User.Password()
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Set(param, p.name)
	u.RawQuery = q.Encode()
	return u.String(), password, nil
}

// withPassword is the URL as TOKENKEEP_STORE may have it.
func (p *place) withPassword() string {
	scheme, rest, _ := strings.Cut(p.url, "://")
	user, rest, found := strings.Cut(rest, "@")
	if !found {
		return p.url
	}
	return scheme + "://" + user + ":" + url.PathEscape(p.password) + "@" + rest
}

// exec runs a statement in which {table} is the place's table.
func (p *place) exec(statement string) error {
	if p.driver == "" {
		o, err := redis.ParseURL(p.address)
		if err != nil {
			return err
		}
		c := redis.NewClient(o)
		defer c.Close()
		return c.Do(context.Background(), anys(strings.Fields(statement))...).Err()
	}
	db, err := sql.Open(p.driver, p.address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), strings.ReplaceAll(statement, "{table}", p.quote+p.name+p.quote))
	return err
}

func anys(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

// drop removes what was made.
func (p *place) drop() error {
	if p.driver == "" {
		return p.exec("DEL {" + p.name + "}:rows {" + p.name + "}:index {" + p.name + "}:meta")
	}
	var errs []error
	for _, name := range []string{p.name, p.name + "_meta", p.name + "_events"} {
		errs = append(errs, p.exec("DROP TABLE IF EXISTS "+p.quote+name+p.quote))
	}
	return errors.Join(errs...)
}

// missing skips, unless servers are required.
func missing(err error, skip, fatal func(...any)) {
	if os.Getenv("TOKENKEEP_REQUIRE_SERVERS") != "" {
		fatal(err)
	}
	skip(err)
}

// freshPlace returns a place on a server of this kind that is dropped with the test.
func freshPlace(t *testing.T, kind string) *place {
	t.Helper()
	p, err := servers()[kind].fresh()
	if err != nil {
		missing(err, t.Skip, t.Fatal)
	}
	t.Cleanup(func() {
		if err := p.drop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// hasServer is the condition [mysql], [postgres] or [redis] of scripts.
func hasServer(cond string) (bool, error) {
	s, known := servers()[cond]
	if !known {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	_, err := s.address()
	if err != nil && os.Getenv("TOKENKEEP_REQUIRE_SERVERS") != "" {
		return false, err
	}
	return err == nil, nil
}

type placesKey struct{}

// scriptPlaces are the places of one script, by the names of their variables.
type scriptPlaces map[string]*place

// drop removes all of them.
func (all scriptPlaces) drop() {
	for _, p := range all {
		_ = p.drop() // it is a fresh name
	}
}

// freshServer is the command "fresh KIND NAME" of scripts.
func freshServer(ts *testscript.TestScript, args []string) {
	p, err := servers()[args[0]].fresh()
	ts.Check(err)
	ts.Value(placesKey{}).(scriptPlaces)[args[1]] = p
	ts.Setenv(args[1], p.url)
	ts.Setenv(args[1]+"_TABLE", p.name)
	ts.Setenv(args[1]+"_PASSWORD", p.password)
	ts.Setenv(args[1]+"_WITH_PASSWORD", p.withPassword())
}

// execServer is the command "sql NAME STATEMENT..." of scripts.
func execServer(ts *testscript.TestScript, args []string) {
	ts.Check(ts.Value(placesKey{}).(scriptPlaces)[args[0]].exec(strings.Join(args[1:], " ")))
}

// closedPort returns a port of this machine that nobody listens on.
func closedPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
