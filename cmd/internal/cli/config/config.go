// Package config finds out what a command is to run with: a flag beats the
// environment, the environment beats the configuration file.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// DefaultRedirectURL is the redirect URI of browser logins. It must be
// registered in the API console exactly as it is here.
const DefaultRedirectURL = "http://localhost:8765/callback"

// A Config is what a command runs with. Secrets in it do not print themselves.
type Config struct {
	// Store is the URL of the token store, such as "sqlite:/home/ann/tokens.db",
	// without a password. It is empty when nobody set it and the user has no data
	// directory; [Config.NoStore] says why.
	Store string
	// NoStore is why Store is empty; nil when it is not.
	NoStore error
	// ClientID is the OAuth client; empty when nobody set it.
	ClientID string
	// DC is the code of the data centre to log in at; empty means "us".
	DC string
	// AccountsServer and APIDomain make a custom data centre. Both or none are set.
	AccountsServer, APIDomain string
	// RedirectURL is the redirect URI of logins.
	RedirectURL string
	// Scopes are asked for by logins; empty means the command's default.
	Scopes []string
	// RequireSealed refuses rows that are not sealed.
	RequireSealed bool
	// JSON asks for machine-readable output, of errors too.
	JSON bool
	// NoInput forbids questions.
	NoInput bool
	// Quiet leaves out notes and progress.
	Quiet bool
	// Verbose logs what happens on standard error.
	Verbose bool
	// Policy limits sessions.
	Policy tokenkeep.Policy
	// Timeout ends the command; zero means the command's default.
	Timeout time.Duration

	path     string // of the configuration file; empty when there can be none
	secret   tokenkeep.Secret
	file     string // of the client secret
	inline   level  // where secret came from
	external level  // where file came from
	store    storePassword
	keys     []keyChoice // that were given, the weakest source first
	origins  map[string]string
}

// A level is the rank of a source of settings.
type level int

const (
	levelNone level = iota
	levelFile
	levelEnv
	levelFlag
)

// Sources are what [Load] reads settings from.
type Sources struct {
	// Flags maps the names of the flags that were given to their values.
	Flags map[string]string
	// Getenv is os.Getenv or a stand-in.
	Getenv func(string) string
}

// Load returns the settings of src. Its errors are *[Error]: they name where the
// wrong setting came from, and no value that may be secret.
func Load(src Sources) (*Config, error) {
	c := &Config{RedirectURL: DefaultRedirectURL, origins: map[string]string{}}
	c.Store, c.NoStore = defaultStore(src.Getenv)
	var file map[string]string
	var err error
	if c.path, err = Path(src.Getenv); err == nil { // else there is no file either
		file, err = readFile(c.path)
	} else {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range settings() {
		if err := c.apply(s, file, src); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

// apply sets one setting from the weakest source to the strongest.
func (c *Config) apply(s setting, file map[string]string, src Sources) error {
	var flag string
	var given bool
	if s.flag != "" {
		flag, given = src.Flags[s.flag]
	}
	var env string
	if s.env != "" {
		env = src.Getenv(s.env)
	}
	fileValue, inFile := file[s.key]
	for _, v := range []struct {
		value  string
		set    bool
		origin string
		level  level
	}{
		{fileValue, inFile, c.path, levelFile},
		{env, env != "", "$" + s.env, levelEnv},
		{flag, given, "--" + s.flag, levelFlag},
	} {
		if !v.set {
			continue
		}
		if err := s.set(c, v.value, v.level); err != nil {
			return &Error{Origin: v.origin, Key: s.key, Err: err}
		}
		c.origins[s.key] = v.origin
	}
	return nil
}

// check finds settings that do not go together.
func (c *Config) check() error {
	if c.APIDomain != "" && c.AccountsServer == "" {
		return &Error{Origin: c.Origin("api_domain"), Key: "api_domain", Err: errAlone}
	}
	return c.checkKey()
}

// Origin says where the setting with this key of the configuration file came
// from: a flag, a variable, a path, or "default".
func (c *Config) Origin(key string) string {
	if o, ok := c.origins[key]; ok {
		return o
	}
	return "default"
}

// Path returns where the configuration file is looked for:
// tokenkeep/config.toml in the user's configuration directory.
func Path(getenv func(string) string) (string, error) {
	dir, err := userDir(getenv, "XDG_CONFIG_HOME", ".config", "APPDATA")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "config.toml"), nil
}

// StatePath returns the file that remembers which user `switch` chose:
// tokenkeep/current.json in the user's state directory.
func StatePath(getenv func(string) string) (string, error) {
	dir, err := userDir(getenv, "XDG_STATE_HOME", filepath.Join(".local", "state"), "LOCALAPPDATA")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "current.json"), nil
}

// defaultStore is SQLite in the user's data directory.
func defaultStore(getenv func(string) string) (string, error) {
	dir, err := userDir(getenv, "XDG_DATA_HOME", filepath.Join(".local", "share"), "LOCALAPPDATA")
	if err != nil {
		return "", err
	}
	return "sqlite:" + filepath.Join(dir, "tokens.db"), nil
}

// userDir returns tokenkeep's folder in a directory of the user, by the XDG base
// directory specification; on Windows, by that system's own variable.
func userDir(getenv func(string) string, xdg, fallback, windows string) (string, error) {
	if dir := getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tokenkeep"), nil
	}
	if dir := getenv(windows); os.PathSeparator == '\\' && dir != "" {
		return filepath.Join(dir, "tokenkeep"), nil
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", fmt.Errorf("there is no home directory: %w; set HOME or %s", err, xdg)
		}
	}
	return filepath.Join(home, fallback, "tokenkeep"), nil
}

// splitList reads a list separated by commas or spaces.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

func parseBool(s string) (bool, error) {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return b, nil
}
