package stores_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

func TestParseServer(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"mysql://", "mysql://root@localhost:3306/zohooauth?table=oauthtoken"},
		{"mariadb://app@127.0.0.1:3307/d?table=t", "mysql://app@127.0.0.1:3307/d?table=t"},
		{"mysql://app@db.example.com/d", "mysql://app@db.example.com:3306/d?table=oauthtoken"},
		{"mysql://app@db.example.com/d?tls=false", "mysql://app@db.example.com:3306/d?table=oauthtoken&tls=false"},
		{"mysql://localhost/d?tls=true", "mysql://root@localhost:3306/d?table=oauthtoken&tls=true"},
		{"mysql:///d?socket=/run/mysqld/mysqld.sock", "mysql://root@/d?table=oauthtoken&socket=%2Frun%2Fmysqld%2Fmysqld.sock"},
		{"postgres://h/d?sslmode=disable", "postgres://postgres@h:5432/d?table=oauthtoken&tls=false"},
		{"postgresql://h/d?sslmode=verify-full", "postgres://postgres@h:5432/d?table=oauthtoken"},
		{"postgres://a%40b@[::1]/d?host=/run/postgresql", "postgres://a%40b@/d?table=oauthtoken&socket=%2Frun%2Fpostgresql"},
		{"redis://h", "redis://h:6379/0"},
		{"rediss://app@h:1/2?prefix=p&pool_size=3", "rediss://app@h:1/2?prefix=p&pool_size=3"},
	} {
		if got, err := stores.Parse(tt.raw, ""); err != nil || got.String() != tt.want {
			t.Errorf("Parse(%q) = %v, %v, want %s", tt.raw, got, err, tt.want)
			continue
		}
		if again, err := stores.Parse(tt.want, ""); err != nil || again.String() != tt.want {
			t.Errorf("Parse(%q) = %v, %v", tt.want, again, err)
		}
	}
}

// TestTLS: nothing that crosses a network is in clear unless the URL says so.
func TestTLS(t *testing.T) {
	for raw, want := range map[string]bool{
		"mysql://h/d": true, "postgres://h/d": true, "mysql://10.0.0.5/d": true,
		"mysql://localhost/d": false, "postgres://[::1]/d": false, "mysql://h/d?tls=false": false, "mysql://h/d?socket=/s": false,
	} {
		if l, err := stores.Parse(raw, ""); err != nil || l.Server.TLS != want {
			t.Errorf("%s: TLS %v, %v, want %v", raw, l.Server.TLS, err, want)
		}
	}
}

func TestParseServerErrors(t *testing.T) {
	for _, raw := range []string{
		"mysql:h", "mysql:/h/d", "mysql://h:0/d", "mysql://h:70000/d", "mysql://h/a/b", "mysql://h/d?table=", "mysql://h/d?charset=x",
		"mysql://h/d?socket=rel", "mysql://h/d?tls=skip-verify", "postgres://h/d?sslmode=prefer", "mysql://h/d#canary-x", "mysql://%zz",
		"redis://h/x", "redis://h/-1", "redis://h?prefix=", "redis://h?password=canary-x", "mysql://u:canary-x@h/d",
	} {
		_, err := stores.Parse(raw, "")
		if !errors.Is(err, stores.ErrURL) || strings.Contains(err.Error(), "canary") {
			t.Errorf("Parse(%q): %v", raw, err)
		}
	}
}

func TestSame(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, filepath.Join(dir, "b")); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"file:" + path, "sqlite:" + path, true},
		{"file:" + path, "file:" + dir + "/x/../a", true},
		{"file:" + path, "file:" + filepath.Join(dir, "b"), true},
		{"file:" + path, "file:" + path + "c", false},
		{"sqlite:" + path + "d", "sqlite:" + path + "d", true}, // not there yet
		{"mysql://a@127.0.0.1/d", "mariadb://b@localhost:3306/d?tls=true", true},
		{"mysql://h/d", "mysql://h/d?table=x", false},
		{"mysql://h/d", "postgres://h/d", false},
		{"redis://h", "rediss://h/0", true},
		{"redis://h", "redis://h/1", false},
		{"redis://h", "redis://h?prefix=x", false},
		{"memory:", "memory:", true},
		{"memory:", "file:" + path, false},
	} {
		a, errA := stores.Parse(tt.a, "")
		b, errB := stores.Parse(tt.b, "")
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if got := stores.Same(a, b); got != tt.want || stores.Same(b, a) != tt.want {
			t.Errorf("Same(%s, %s) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
