package stores_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"sqlite:tokens.db", "sqlite:tokens.db"},
		{"sqlite:/a/../b/t.db", "sqlite:/b/t.db"},
		{"sqlite:///a/t.db", "sqlite:/a/t.db"},
		{"sqlite:///a%20b/t.db", "sqlite:/a b/t.db"},
		{"sqlite:~/t.db", "sqlite:/home/ann/t.db"},
		{"sqlite:a:b.db", "sqlite:a:b.db"},
		{"sqlite::memory:", "sqlite::memory:"},
		{"file:sdk_tokens.txt", "file:sdk_tokens.txt"},
		{"file://~/sdk.txt", "file:/home/ann/sdk.txt"},
		{"memory:", "memory:"},
	} {
		if got, err := stores.Parse(tt.raw, "/home/ann"); err != nil || filepath.ToSlash(got.String()) != tt.want {
			t.Errorf("Parse(%q) = %v, %v, want %s", tt.raw, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const password = "canary-password"
	for _, raw := range []string{
		"", "tokens.db", "/a/tokens.db", "sqlite:", "file:", "sqlite://host/t.db", "sqlite://%zz", "memory:x",
		"oracle:x", "http://x", "mysql://u:" + password + "@h/d", "postgres://u:" + password + "@h/d", "redis://:" + password + "@h",
	} {
		_, err := stores.Parse(raw, "/home/ann")
		if !errors.Is(err, stores.ErrURL) {
			t.Errorf("Parse(%q): %v", raw, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("Parse(%q) shows the password: %v", raw, err)
		}
	}
	if _, err := stores.Parse("sqlite:~/t.db", ""); !errors.Is(err, stores.ErrURL) {
		t.Errorf("~ without home: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for _, raw := range []string{"memory:", "sqlite::memory:", "sqlite:" + dir + "/deep/t.db", "file:" + dir + "/other/t.txt"} {
		l, err := stores.Parse(raw, "")
		if err != nil {
			t.Fatal(err)
		}
		s, c, err := stores.Open(t.Context(), l, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("Open(%s): %v", raw, err)
			continue
		}
		tok := &tokenkeep.Token{UserName: "ann", RefreshToken: tokenkeep.NewSecret("r")}
		if err := s.SaveToken(t.Context(), tok); err != nil {
			t.Errorf("%s: save: %v", raw, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: close: %v", raw, err)
		}
	}
}
