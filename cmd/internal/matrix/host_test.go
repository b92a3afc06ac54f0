//go:build unix

package matrix

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A host is a server with a store that the cells of a run share; each has a row of
// its own.
type host struct {
	kind  string
	place place
	own   *serverProcess // nil: it is not ours, and must not be killed

	mu sync.Mutex // held by the cell that may kill it
}

// hosts are those that the run has found or started, by purpose and kind.
type hosts struct {
	mu     sync.Mutex // guards what follows; held while one starts
	byName map[string]*host
	ends   []func()
}

var run hosts //nolint:gochecknoglobals // servers of all cells; ended by TestMain

// shared returns a host for cells that do not kill it: a server that is there, or
// for Redis one of our own, which answers when it has written.
func shared(t *testing.T, kind string) *host {
	t.Helper()
	return run.host(t, "shared", kind, kind == "redis")
}

// killable returns a host of our own.
func killable(t *testing.T, kind string) *host {
	t.Helper()
	return run.host(t, "killable", kind, true)
}

func (hs *hosts) host(t *testing.T, purpose, kind string, own bool) *host {
	t.Helper()
	hs.mu.Lock()
	defer hs.mu.Unlock()
	name := purpose + " " + kind
	if h := hs.byName[name]; h != nil {
		return h
	}
	h := &host{kind: kind}
	if own {
		h.own = startServer(t, hs, kind)
		h.place = h.own.place()
	} else {
		h.place = usual(t, kind)
	}
	h.place = withTable(t, h.place, fmt.Sprintf("matrix%d_%d", os.Getpid(), time.Now().UnixMilli()%1e9))
	if !own {
		hs.ends = append(hs.ends, func() { h.place.drop(kind) })
	}
	if hs.byName == nil {
		hs.byName = map[string]*host{}
	}
	hs.byName[name] = h
	return h
}

// end ends what the run has started.
func (hs *hosts) end() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, f := range slices.Backward(hs.ends) {
		f()
	}
	hs.ends, hs.byName = nil, nil
}

// usual returns the place on a server of this machine, or the one that the
// environment names.
func usual(t *testing.T, kind string) place {
	t.Helper()
	p := map[string]place{
		"mysql":    {URL: "mysql://tokenkeep@127.0.0.1:3306/tokenkeep_test", Password: "tokenkeep"},
		"postgres": {URL: "postgres://tokenkeep@127.0.0.1:5432/tokenkeep_test", Password: "tokenkeep"},
	}[kind]
	if v := os.Getenv("TOKENKEEP_TEST_" + strings.ToUpper(kind)); v != "" {
		p = fromEnv(t, kind, v)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	db, err := p.database(kind)
	if err == nil {
		defer func() { _ = db.Close() }()
		err = db.PingContext(ctx)
	}
	if err != nil {
		missing(t, fmt.Sprintf("no %s answers on this machine: %v", kind, err))
	}
	return p
}

// fromEnv reads a URL, or a DSN of go-sql-driver/mysql such as user:pw@tcp(host:port)/db.
func fromEnv(t *testing.T, kind, v string) place {
	t.Helper()
	if kind == "mysql" {
		v = "mysql://" + strings.NewReplacer("tcp(", "", ")", "").Replace(v)
	}
	u, err := url.Parse(v)
	if err != nil || u.User == nil {
		t.Fatalf("TOKENKEEP_TEST_%s names no user and server", strings.ToUpper(kind))
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	return place{URL: u.String(), Password: password}
}

func withTable(t *testing.T, p place, name string) place {
	t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(map[bool]string{true: "prefix", false: "table"}[u.Scheme == "redis"], name)
	u.RawQuery = q.Encode()
	p.URL = u.String()
	return p
}

// database opens a plain connection to the server.
func (p place) database(kind string) (*sql.DB, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, err
	}
	u.RawQuery = "sslmode=disable"
	u.User = url.UserPassword(u.User.Username(), p.Password)
	if kind == "postgres" {
		return sql.Open("pgx", u.String())
	}
	return sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)%s", u.User.Username(), p.Password, u.Host, u.Path))
}

// drop removes the tables from a server that is not ours.
func (p place) drop(kind string) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return
	}
	db, err := p.database(kind)
	if err != nil {
		return
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, suffix := range []string{"", "_meta", "_events"} {
		_, _ = db.ExecContext(ctx, "DROP TABLE IF EXISTS "+u.Query().Get("table")+suffix) // a name of ours that nobody else has
	}
}

// down kills the server as a crash would; up starts it again.
func (h *host) down() { h.own.kill() }

func (h *host) up(t *testing.T) {
	t.Helper()
	if !h.own.running() {
		h.own.start(t)
	}
}

// missing skips, unless servers are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("TOKENKEEP_REQUIRE_SERVERS") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
