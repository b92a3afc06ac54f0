package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

// sources returns sources with a configuration file of this content and mode.
func sources(t *testing.T, file string, mode os.FileMode, env, flags map[string]string) config.Sources {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tokenkeep", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(file), mode); err != nil {
		t.Fatal(err)
	}
	return config.Sources{Flags: flags, Getenv: func(k string) string {
		switch k {
		case "XDG_CONFIG_HOME":
			return dir
		case "HOME":
			return "/home/ann"
		}
		return env[k]
	}}
}

func TestPrecedence(t *testing.T) {
	type m = map[string]string
	for _, tt := range []struct {
		name       string
		file       string
		env, flags m
		get        func(*config.Config) string
		want       string
		origin     string
	}{
		{"default", "", nil, nil, func(c *config.Config) string { return filepath.ToSlash(c.Store) }, "sqlite:/home/ann/.local/share/tokenkeep/tokens.db", "default"},
		{"file", `store = "memory:"`, nil, nil, func(c *config.Config) string { return c.Store }, "memory:", "config.toml"},
		{"environment over file", `store = "memory:"`, m{"TOKENKEEP_STORE": "file:a"}, nil, func(c *config.Config) string { return c.Store }, "file:a", "$TOKENKEEP_STORE"},
		{"flag over environment", `store = "memory:"`, m{"TOKENKEEP_STORE": "file:a"}, m{"store": "file:b"}, func(c *config.Config) string { return c.Store }, "file:b", "--store"},
		{"empty variable is none", `store = "memory:"`, m{"TOKENKEEP_STORE": ""}, nil, func(c *config.Config) string { return c.Store }, "memory:", "config.toml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(sources(t, tt.file, 0o600, tt.env, tt.flags))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.get(c); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := c.Origin("store"); !strings.HasSuffix(got, tt.origin) {
				t.Errorf("origin %q, want %q", got, tt.origin)
			}
		})
	}
}

// TestEverySource: each setting can be set wherever design says it can.
func TestEverySource(t *testing.T) {
	file := `
client_id = "1000.F"
dc = "eu"
accounts_server = "https://a.example"
api_domain = "https://b.example"
redirect_url = "http://localhost:1/x"
scopes = ["A", "B"]
json = true
no_input = true
quiet = true
verbose = true
timeout = "5s"
`
	c, err := config.Load(sources(t, file, 0o644, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "1000.F" || c.DC != "eu" || c.AccountsServer != "https://a.example" || c.APIDomain != "https://b.example" ||
		c.RedirectURL != "http://localhost:1/x" || strings.Join(c.Scopes, " ") != "A B" ||
		!c.JSON || !c.NoInput || !c.Quiet || !c.Verbose || c.Timeout != 5*time.Second {
		t.Errorf("from the file: %+v", c)
	}
	c, err = config.Load(sources(t, file, 0o644, map[string]string{
		"ZOHO_CLIENT_ID": "1000.E", "ZOHO_DC": "in", "ZOHO_ACCOUNTS_SERVER": "https://c.example", "ZOHO_API_DOMAIN": "https://d.example",
	}, map[string]string{"scopes": "C, D", "timeout": "1m0s", "json": "false"}))
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "1000.E" || c.DC != "in" || c.AccountsServer != "https://c.example" || c.APIDomain != "https://d.example" ||
		strings.Join(c.Scopes, " ") != "C D" || c.JSON || c.Timeout != time.Minute {
		t.Errorf("from environment and flags: %+v", c)
	}
}

func TestClientSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := write("one", "\ufeffsecret-1\r\n"), write("two", "secret-1\n\nsecret-2\n")
	type m = map[string]string
	for _, tt := range []struct {
		name       string
		file       string
		env, flags m
		want       string
		source     string
	}{
		{"none", "", nil, nil, "", ""},
		{"variable", "", m{"ZOHO_CLIENT_SECRET": "secret-e"}, nil, "secret-e", "$ZOHO_CLIENT_SECRET"},
		{"file of the variable", "", m{"ZOHO_CLIENT_SECRET_FILE": one}, nil, "secret-1", "$ZOHO_CLIENT_SECRET_FILE"},
		{"several", "", nil, m{"client-secret-file": two}, "secret-1,secret-2", "--client-secret-file"},
		{"flag over variable", "", m{"ZOHO_CLIENT_SECRET": "secret-e"}, m{"client-secret-file": one}, "secret-1", "--client-secret-file"},
		{"variable over configured file", `client_secret_file = '` + one + `'`, m{"ZOHO_CLIENT_SECRET": "secret-e"}, nil, "secret-e", "$ZOHO_CLIENT_SECRET"},
		{"configured", `client_secret = "secret-c"`, nil, nil, "secret-c", "config.toml"},
		{"standard input", "", nil, m{"client-secret-file": "-"}, "secret-in", "--client-secret-file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(sources(t, tt.file, 0o600, tt.env, tt.flags))
			if err != nil {
				t.Fatal(err)
			}
			list, err := c.ClientSecrets(strings.NewReader("secret-in\n"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range list {
				got = append(got, s.Reveal())
			}
			if strings.Join(got, ",") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if src := c.SecretSource(); !strings.HasSuffix(src, tt.source) || (tt.source == "") != (src == "") {
				t.Errorf("source %q, want %q", src, tt.source)
			}
		})
	}
}

// TestErrorsHideSecrets: whatever is wrong with a secret, the error does not
// show it.
func TestErrorsHideSecrets(t *testing.T) {
	const canary = "canary"
	for name, tt := range map[string]struct {
		file string
		env  map[string]string
	}{
		"not TOML":      {"client_secret = " + canary + " x", nil},
		"wrong place":   {"client_secret = [1, \"" + canary + "\"]", nil},
		"table":         {"[client_secret]\nx = \"" + canary + "\"", nil},
		"white space":   {"", map[string]string{"ZOHO_CLIENT_SECRET": canary + " x"}},
		"trailing line": {"", map[string]string{"ZOHO_CLIENT_SECRET": canary + "\n"}},
	} {
		c, err := config.Load(sources(t, tt.file, 0o600, tt.env, nil))
		if err == nil {
			_, err = c.ClientSecrets(nil)
		}
		if e, ok := errors.AsType[*config.Error](err); !ok || strings.Contains(err.Error(), canary) || e.Origin == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusesWideSecretFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	_, err := config.Load(sources(t, `client_secret = "canary"`, 0o644, nil, nil))
	if err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "canary") {
		t.Errorf("err = %v", err)
	}
}

func TestBadSettings(t *testing.T) {
	for _, file := range []string{
		`clientid = "x"`, `timeout = "soon"`, `timeout = "-1s"`, `json = "maybe"`, `store = 1979-05-27`, `client_id = " 1000.X"`,
		`api_domain = "https://b.example"`, `scopes = [1]`, `client_secret_file = ""`, `x`,
	} {
		if _, err := config.Load(sources(t, file, 0o600, nil, nil)); err == nil {
			t.Errorf("%s was taken", file)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(`client_id = "1000.X"`)
	f.Add("scopes = [\"a\"]\n[x]")
	f.Fuzz(func(t *testing.T, file string) {
		_, err := config.Load(sources(t, file, 0o600, nil, nil))
		if _, ok := errors.AsType[*config.Error](err); err != nil && !ok {
			t.Errorf("not a *config.Error: %v", err)
		}
	})
}
