package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

const hiddenPassword = "p4ssw0rd-of-nobody"

// classified tells when err is not of the class, has no next step, or holds the
// password.
func classified(t *testing.T, what string, err error, class tokenkeep.Class) {
	t.Helper()
	if got := tokenkeep.ClassOf(err); got != class {
		t.Errorf("%s: class %q, want %q: %v", what, got, class, err)
		return
	}
	if e, ok := errors.AsType[*tokenkeep.Error](err); ok && e.Hint == "" && e.Reason == "" {
		t.Errorf("%s: no next step: %v", what, err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), hiddenPassword) {
		t.Errorf("%s: the error holds the password", what)
	}
}

func TestWrongPassword(t *testing.T) {
	guarded := startServer(t, "--requirepass", "right")
	for what, test := range map[string]struct {
		server *server
		user   string
		opts   redisstore.Options
	}{
		"none":         {server: guarded},
		"wrong":        {server: guarded, opts: redisstore.Options{Password: tokenkeep.NewSecret(hiddenPassword)}},
		"wrong in URL": {server: guarded, user: ":" + hiddenPassword + "@"},
		"unknown user": {server: guarded, user: "nobody:" + hiddenPassword + "@"},
	} {
		_, err := redisstore.Open(t.Context(), "redis://"+test.user+test.server.address()+"/0", &test.opts)
		classified(t, "password "+what, err, tokenkeep.Misconfigured)
	}
	s, err := redisstore.Open(t.Context(), "redis://:"+hiddenPassword+"@"+guarded.address(), &redisstore.Options{Password: tokenkeep.NewSecret("right")})
	if err != nil {
		t.Fatalf("the password of the options goes before that of the URL: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadURL(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis://:" + hiddenPassword + "@local host:1/0", "redis://u:" + hiddenPassword + "@localhost/x",
		"redis://u:" + hiddenPassword + "%zz@localhost", "redis://localhost:6379/0?nonsense=" + hiddenPassword, "unix://",
		"rediss://u:" + hiddenPassword + "@localhost/0?skip_verify=true",
	} {
		s, err := redisstore.Open(t.Context(), url, nil)
		classified(t, strings.ReplaceAll(url, hiddenPassword, "PASSWORD"), err, tokenkeep.Misconfigured)
		if s != nil {
			t.Error("a store beside an error")
		}
	}
	_, err := redisstore.Open(t.Context(), "rediss://localhost", &redisstore.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	classified(t, "TLS without verification", err, tokenkeep.Misconfigured)
	_, err = redisstore.Open(t.Context(), startServer(t).url()+"99", nil)
	classified(t, "a database that is not there", err, tokenkeep.Misconfigured)
}

func TestBadPrefix(t *testing.T) {
	for _, prefix := range []string{"a}b", "{a", "a b", "a\nb", "\x00"} {
		_, err := redisstore.Open(t.Context(), sharedServer(t), &redisstore.Options{Prefix: prefix})
		classified(t, fmt.Sprintf("prefix %q", prefix), err, tokenkeep.Misconfigured)
	}
}

func TestNobodyThere(t *testing.T) {
	url := fmt.Sprintf("redis://127.0.0.1:%d/0", freePort(t))
	_, err := redisstore.Open(t.Context(), url, nil)
	classified(t, "nobody listens", err, tokenkeep.StoreUnavailable)
	_, err = redisstore.Open(t.Context(), "redis://no-such-host.invalid:6379/0", nil)
	classified(t, "a host that is not there", err, tokenkeep.StoreUnavailable)
}

// A server that answers without TLS to a client that speaks it.
func TestNoTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("-ERR what?\r\n"))
			_ = conn.Close()
		}
	}()
	_, err = redisstore.Open(t.Context(), "rediss://"+l.Addr().String(), nil)
	classified(t, "no TLS", err, tokenkeep.Misconfigured)
}

// A server that does not answer holds a call up only until its context ends, also
// when the caller's client does not look at it.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, obeys := range []bool{false, true} {
		client := redis.NewClient(&redis.Options{Addr: l.Addr().String(), ReadTimeout: time.Minute, MaxRetries: -1, ContextTimeoutEnabled: obeys})
		s := redisstore.New(client, nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err = s.FindTokenByID(ctx, "1000000000")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while waiting: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := s.SaveToken(ctx, login("ann")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline while waiting: %v", err)
		}
		cancel()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil { // waits for the calls
			t.Error(err)
		}
	}
}

// A server that takes its time is waited for, and does each save once.
func TestSlowServer(t *testing.T) {
	p := placeAt(t, startServer(t).url())
	ann := save(t, p, login("ann"))
	for round := range 3 {
		var busy sync.WaitGroup
		busy.Go(func() {
			// Not by the clock: newer servers stop it for a script.
			err := p.client.Eval(t.Context(), `local n = 0; for i = 1, 4e7 do n = n + i end; return n`, nil).Err()
			if err != nil {
				t.Error(err)
			}
		})
		time.Sleep(50 * time.Millisecond)
		if err := p.SaveToken(t.Context(), ann); err != nil {
			t.Errorf("save while the server is busy: %v", err)
		}
		if err := p.SaveToken(t.Context(), login(fmt.Sprint("user", round))); err != nil {
			t.Errorf("insert after the server was busy: %v", err)
		}
		busy.Wait()
	}
	if rows := listed(t, p); len(rows) != 4 || rows[0].Version != 4 {
		t.Errorf("%d rows, the first in version %d", len(rows), rows[0].Version)
	}
}

// Reading works with a replica; writing says that it is one, and changes nothing.
func TestReplica(t *testing.T) {
	master := startServer(t, "--repl-diskless-sync-delay", "0")
	p := placeAt(t, master.url())
	ann := save(t, p, login("ann"))
	replica := startServer(t, "--replicaof", "127.0.0.1 "+fmt.Sprint(master.port))
	s, err := redisstore.Open(t.Context(), replica.url(), &redisstore.Options{Prefix: p.prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 200 {
		if _, err = s.FindTokenByID(t.Context(), ann.ID); err == nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("find in a replica: %v", err)
	}
	if _, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"}); err != nil {
		t.Errorf("find by name in a replica: %v", err)
	}
	for what, err := range map[string]error{
		"save":       s.SaveToken(t.Context(), ann.Clone()),
		"insert":     s.SaveToken(t.Context(), login("bob")),
		"delete":     s.DeleteToken(t.Context(), ann.ID),
		"delete all": s.DeleteTokens(t.Context()),
		"ping":       s.Ping(t.Context()),
	} {
		if !errors.Is(err, tokenkeep.ErrReadOnly) {
			t.Errorf("%s in a replica: %v", what, err)
		}
		classified(t, what+" in a replica", err, tokenkeep.StoreUnavailable)
	}
	r, err := s.Durability(t.Context())
	if err != nil || !r.Replica || len(r.Warnings) == 0 {
		t.Errorf("report of a replica: %+v, error %v", r, err)
	}
}

// A server that is full takes no save, and keeps what it had.
func TestFull(t *testing.T) {
	server := startServer(t)
	p := placeAt(t, server.url())
	ann := save(t, p, login("ann"))
	if err := p.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	p.unchanged(t, "a save without room", func() {
		next := ann.Clone()
		next.RedirectURL = "https://example.com"
		classified(t, "save", p.SaveToken(t.Context(), next), tokenkeep.StoreUnavailable)
		classified(t, "insert", p.SaveToken(t.Context(), login("bob")), tokenkeep.StoreUnavailable)
	})
	if _, err := p.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"}); err != nil {
		t.Errorf("find in a full server: %v", err)
	}
	if err := p.DeleteToken(t.Context(), ann.ID); err != nil {
		t.Errorf("delete in a full server: %v", err)
	}
}

// The rights that the package's comment names are enough; without one of them the
// error says what is wrong.
func TestRights(t *testing.T) {
	server := startServer(t)
	p := placeAt(t, server.url())
	rights := strings.Fields("reset on >right ~{" + p.prefix + "}:* +eval +evalsha +hget +hexists +hlen +hset +hdel +zadd +zrem +zcard +zrangebylex +persist +unlink +info +config|get")
	grant := func(more ...string) *redisstore.Store {
		t.Helper()
		if err := p.client.ACLSetUser(t.Context(), "app", append(rights, more...)...).Err(); err != nil {
			t.Fatal(err)
		}
		s, err := redisstore.Open(t.Context(), "redis://app:right@"+server.address(), &redisstore.Options{Prefix: p.prefix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := grant()
	ann := save(t, s, login("ann"))
	save(t, s, ann)
	if rows := listed(t, s); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	_, durability := s.Durability(t.Context())
	for what, err := range map[string]error{
		"ping": s.Ping(t.Context()), "delete": s.DeleteToken(t.Context(), ann.ID), "delete all": s.DeleteTokens(t.Context()), "durability": durability,
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, right := range []string{"hset", "hdel", "zadd", "zrem", "persist"} {
		s := grant("-" + right)
		classified(t, "ping without "+right, s.Ping(t.Context()), tokenkeep.Misconfigured)
	}
	s = grant("-hset")
	err := s.SaveToken(t.Context(), login("ann"))
	classified(t, "save without the right to", err, tokenkeep.Misconfigured)
	if n := len(listed(t, grant())); n != 0 {
		t.Errorf("%d rows after a save that failed", n)
	}
}

func TestClosed(t *testing.T) {
	s, err := redisstore.Open(t.Context(), sharedServer(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err = s.FindTokenByID(t.Context(), "1000000000")
	for what, err := range map[string]error{"find": err, "save": s.SaveToken(t.Context(), login("ann")), "ping": s.Ping(t.Context())} {
		if !errors.Is(err, tokenkeep.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	client := newClient(t, sharedServer(t))
	if err := redisstore.New(client, nil).Close(); err != nil {
		t.Error(err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("Close closed the caller's client: %v", err)
	}
}
