package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A setting is one line of the configuration file, with the flag and the
// variable that beat it.
type setting struct {
	key, flag, env string
	set            func(c *Config, v string, l level) error
}

// settings lists all of them. Several take effect only together, see check.
func settings() []setting {
	return append([]setting{
		{"store", "store", "TOKENKEEP_STORE", setStore},
		{"store_password", "", "TOKENKEEP_STORE_PASSWORD", setStorePassword},
		{"store_password_file", "", "TOKENKEEP_STORE_PASSWORD_FILE", setStorePasswordFile},
		{"key_file", "key-file", "TOKENKEEP_KEY_FILE", setKey("key_file", keyFile)},
		{"key", "", "TOKENKEEP_KEY", setKeyItself},
		{"key_command", "", "TOKENKEEP_KEY_COMMAND", setKey("key_command", keyCommand)},
		{"key_keyring", "", "TOKENKEEP_KEY_KEYRING", setKey("key_keyring", keyInKeyring)},
		{"require_sealed", "require-sealed", "TOKENKEEP_REQUIRE_SEALED", flag(func(c *Config) *bool { return &c.RequireSealed })},
		{"client_id", "client-id", "ZOHO_CLIENT_ID", text(func(c *Config) *string { return &c.ClientID })},
		{"client_secret", "", "ZOHO_CLIENT_SECRET", setSecret},
		{"client_secret_file", "client-secret-file", "ZOHO_CLIENT_SECRET_FILE", setSecretFile},
		{"dc", "dc", "ZOHO_DC", text(func(c *Config) *string { return &c.DC })},
		{"accounts_server", "accounts-server", "ZOHO_ACCOUNTS_SERVER", text(func(c *Config) *string { return &c.AccountsServer })},
		{"api_domain", "api-domain", "ZOHO_API_DOMAIN", text(func(c *Config) *string { return &c.APIDomain })},
		{"redirect_url", "redirect-url", "", text(func(c *Config) *string { return &c.RedirectURL })},
		{"scopes", "scopes", "", setScopes},
		{"json", "json", "", flag(func(c *Config) *bool { return &c.JSON })},
		{"no_input", "no-input", "", flag(func(c *Config) *bool { return &c.NoInput })},
		{"quiet", "quiet", "", flag(func(c *Config) *bool { return &c.Quiet })},
		{"verbose", "verbose", "", flag(func(c *Config) *bool { return &c.Verbose })},
		{"timeout", "timeout", "", setTimeout},
	}, policySettings()...)
}

func text(field func(*Config) *string) func(*Config, string, level) error {
	return func(c *Config, v string, _ level) error {
		if strings.TrimSpace(v) != v {
			return errors.New("it begins or ends with white space; remove it")
		}
		*field(c) = v
		return nil
	}
}

func flag(field func(*Config) *bool) func(*Config, string, level) error {
	return func(c *Config, v string, _ level) error {
		b, err := parseBool(v)
		*field(c) = b
		return err
	}
}

func setSecret(c *Config, v string, l level) error {
	c.secret, c.inline = tokenkeep.NewSecret(v), l
	return nil
}

func setSecretFile(c *Config, v string, l level) error {
	if v == "" {
		return errors.New("it names no file")
	}
	c.file, c.external = v, l
	return nil
}

func setScopes(c *Config, v string, _ level) error {
	c.Scopes = splitList(v)
	return nil
}

func setTimeout(c *Config, v string, _ level) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration; write it like 30s or 2m", v)
	}
	c.Timeout = d
	return nil
}

var errAlone = errors.New("an API domain alone makes no data centre; name its accounts server too (--accounts-server)")

// An Error is a setting that cannot be used.
type Error struct {
	// Origin is the flag, variable or path that it came from.
	Origin string
	// Key is its name in the configuration file.
	Key string
	// Err says what is wrong with it.
	Err error
}

// Error returns "origin: key: what is wrong".
func (e *Error) Error() string {
	if e.Key == "" || !e.InFile() {
		return e.Origin + ": " + e.Err.Error()
	}
	return e.Origin + ": " + e.Key + ": " + e.Err.Error()
}

// InFile reports whether the setting is one of the configuration file.
func (e *Error) InFile() bool {
	return e.Origin != "" && !strings.HasPrefix(e.Origin, "-") && !strings.HasPrefix(e.Origin, "$")
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }
