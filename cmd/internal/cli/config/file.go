package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// readFile returns the settings in the file at path, none when there is no file.
// A setting that nobody knows is an error: it is most often a typing mistake.
func readFile(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{Origin: path, Err: err}
	}
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		return nil, &Error{Origin: path, Err: tomlError(err)}
	}
	values, err := flatten(raw)
	if err != nil {
		return nil, &Error{Origin: path, Err: err}
	}
	if key := secretKey(values); key != "" {
		if err := checkPrivate(path); err != nil {
			return nil, &Error{Origin: path, Key: key, Err: err}
		}
	}
	return values, nil
}

// secretKey returns the first setting of the file that holds a secret, or "".
func secretKey(values map[string]string) string {
	for _, key := range []string{"client_secret", "store_password"} {
		if _, ok := values[key]; ok {
			return key
		}
	}
	if _, password := SplitPassword(values["store"]); !password.IsZero() {
		return "store"
	}
	return ""
}

// tomlError names the line of a mistake, and nothing of the line itself: it may
// hold the client secret.
func tomlError(err error) error {
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, col := d.Position()
		return fmt.Errorf("line %d, column %d is not TOML; values need quotes: key = \"value\"", row, col)
	}
	return errors.New("it is not TOML")
}

// flatten turns the values of a TOML table into text. Those of the table [policy]
// are called "policy.NAME".
func flatten(raw map[string]any) (map[string]string, error) {
	known := knownKeys()
	values := make(map[string]string, len(raw))
	if table, ok := raw["policy"].(map[string]any); ok {
		delete(raw, "policy")
		for key, v := range table {
			raw["policy."+key] = v
		}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("%s: no such setting; there are %s", key, strings.Join(known, ", "))
		}
		v, err := textOf(raw[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		values[key] = v
	}
	return values, nil
}

func knownKeys() []string {
	var keys []string
	for _, s := range settings() {
		keys = append(keys, s.key)
	}
	return keys
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int64:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return "", errors.New("the list must hold text only")
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("it must be text, a number, true, false, or a list of text")
}

// checkPrivate refuses a file with a secret that other users of the machine can
// read.
func checkPrivate(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("other users can read the file (mode %04o); run: chmod 600 %s", mode, path)
	}
	return nil
}
