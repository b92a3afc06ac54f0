package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

func TestKeySource(t *testing.T) {
	type m = map[string]string
	for _, tt := range []struct {
		name       string
		file       string
		env, flags m
		want       string
		path       string
		origin     string
	}{
		{"none", "", nil, nil, "", "", "default"},
		{"file", `key_file = "/k"`, nil, nil, "the key file /k", "/k", "config.toml"},
		{"variable over file", `key_file = "/k"`, m{"TOKENKEEP_KEY_FILE": "/e"}, nil, "the key file /e", "/e", "$TOKENKEEP_KEY_FILE"},
		{"flag over variable", "", m{"TOKENKEEP_KEY_FILE": "/e"}, m{"key-file": "/f"}, "the key file /f", "/f", "--key-file"},
		{"another kind over file", `key_file = "/k"`, m{"TOKENKEEP_KEY": "canary"}, nil, "the environment variable TOKENKEEP_KEY", "", "$TOKENKEEP_KEY"},
		{"flag over another kind", "", m{"TOKENKEEP_KEY": "canary"}, m{"key-file": "/f"}, "the key file /f", "/f", "--key-file"},
		{"command", `key_command = "vault read -field=key  secret/tokens"`, nil, nil, "the key command vault", "", "config.toml"},
		{"keyring", `key_keyring = "tokenkeep/tokens"`, nil, nil, "the entry tokenkeep/tokens of the system's keyring", "", "config.toml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(sources(t, tt.file, 0o600, tt.env, tt.flags))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if s := c.KeySource(); s != nil {
				got = s.String()
			}
			if got != tt.want || c.KeyFile() != tt.path || !strings.HasSuffix(c.KeyOrigin(), tt.origin) {
				t.Errorf("%q at %q from %s, want %q at %q from %s", got, c.KeyFile(), c.KeyOrigin(), tt.want, tt.path, tt.origin)
			}
		})
	}
}

func TestBadKeySources(t *testing.T) {
	type m = map[string]string
	for name, tt := range map[string]struct {
		file string
		env  m
		want string
	}{
		"the key itself in the file": {`key = "canary"`, nil, "a file of its own"},
		"two ways":                   {"", m{"TOKENKEEP_KEY": "canary", "TOKENKEEP_KEY_FILE": "/e"}, "leave one out"},
		"two ways in the file":       {"key_file = \"/k\"\nkey_command = \"x\"", nil, "leave one out"},
		"no file":                    {`key_file = ""`, nil, "names no file"},
		"no command":                 {`key_command = " "`, nil, "names no command"},
		"no account":                 {`key_keyring = "tokenkeep"`, nil, "SERVICE/ACCOUNT"},
		"required without a key":     {`require_sealed = true`, nil, "no key to seal with"},
	} {
		_, err := config.Load(sources(t, tt.file, 0o600, tt.env, nil))
		if e, ok := errors.AsType[*config.Error](err); !ok || e.Origin == "" || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
