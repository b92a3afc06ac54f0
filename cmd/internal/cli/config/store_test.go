package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

func TestSplitPassword(t *testing.T) {
	for _, tt := range []struct{ raw, without, password string }{
		{"mysql://u:p@h/d", "mysql://u@h/d", "p"},
		{"mysql://u:p%40%2F@h/d?table=t", "mysql://u@h/d?table=t", "p@/"},
		{"mysql://u:a/b#c?d@e:f%zz@h:1/d", "mysql://u@h:1/d", "a/b#c?d@e:f%zz"},
		{"redis://:p@h", "redis://h", "p"},
		{"mysql://u:@h/d", "mysql://u@h/d", ""},
		{"mysql://u@h/d", "mysql://u@h/d", ""},
		{"redis://h:6379/0", "redis://h:6379/0", ""},
		{"sqlite:///a:b@c", "sqlite:///a:b@c", ""},
		{"file:a@b:c", "file:a@b:c", ""},
		{"", "", ""},
	} {
		without, password := config.SplitPassword(tt.raw)
		if without != tt.without || password.Reveal() != tt.password {
			t.Errorf("SplitPassword(%q) = %q, %q, want %q, %q", tt.raw, without, password.Reveal(), tt.without, tt.password)
		}
	}
}

// TestStorePassword: the environment, then the URL that counts, then the file.
func TestStorePassword(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "from file\n")
	write(filepath.Join(dir, "two"), "one\ntwo\n")
	for _, tt := range []struct {
		name, toml string
		env        map[string]string
		flag, want string
	}{
		{"none", ``, nil, "", ""},
		{"configuration", `store_password = "cfg"`, nil, "", "cfg"},
		{"URL of the configuration", "store = \"mysql://u:url@h/d\"\nstore_password = \"cfg\"", nil, "", "url"},
		{"URL of the environment", `store = "mysql://u:cfgurl@h/d"`, map[string]string{"TOKENKEEP_STORE": "mysql://u:envurl@h/d"}, "", "envurl"},
		{"a flag forgets other URLs", `store = "mysql://u:cfgurl@h/d"`, map[string]string{"TOKENKEEP_STORE": "mysql://u:envurl@h/d"}, "mysql://u@h/d", ""},
		{"environment", `store = "mysql://u:url@h/d"`, map[string]string{"TOKENKEEP_STORE_PASSWORD": "env"}, "", "env"},
		{"file", `store_password = "cfg"`, map[string]string{"TOKENKEEP_STORE_PASSWORD_FILE": file}, "", "from file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			write(filepath.Join(home, "tokenkeep", "config.toml"), tt.toml)
			c, err := load(home, tt.env, tt.flag)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.StorePassword(); err != nil || got.Reveal() != tt.want {
				t.Errorf("got %q, %v, want %q", got.Reveal(), err, tt.want)
			}
			if strings.Contains(c.Store, "url") {
				t.Errorf("the password is in the URL: %s", c.Store)
			}
		})
	}
	for _, path := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "two"), dir} {
		c, err := load(t.TempDir(), map[string]string{"TOKENKEEP_STORE_PASSWORD_FILE": path}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.StorePassword(); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
	if _, err := load(t.TempDir(), nil, "mysql://u:canary@h/d"); !errors.Is(err, config.ErrPasswordArgument) || strings.Contains(err.Error(), "canary") {
		t.Errorf("a password in a flag: %v", err)
	}
}

func load(home string, env map[string]string, flag string) (*config.Config, error) {
	src := config.Sources{Flags: map[string]string{}, Getenv: func(name string) string {
		switch name {
		case "HOME", "XDG_CONFIG_HOME":
			return home
		}
		return env[name]
	}}
	if flag != "" {
		src.Flags["store"] = flag
	}
	return config.Load(src)
}
