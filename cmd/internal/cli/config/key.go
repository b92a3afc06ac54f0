package config

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A keyChoice is one way in which the key of the store was given.
type keyChoice struct {
	level  level
	key    string // of the configuration file
	path   string // of the key file, if it is one
	source sealedstore.Source
}

// setKey returns the setter for one kind of source of keys.
func setKey(key string, source func(v string) (sealedstore.Source, error)) func(*Config, string, level) error {
	return func(c *Config, v string, l level) error {
		s, err := source(v)
		k := keyChoice{level: l, key: key, source: s}
		if key == "key_file" {
			k.path = v
		}
		c.keys = append(c.keys, k)
		return err
	}
}

func keyFile(v string) (sealedstore.Source, error) {
	if v == "" {
		return nil, errors.New("it names no file")
	}
	return sealedstore.KeyFile(v), nil
}

// keyCommand splits v at white space. No shell is run.
func keyCommand(v string) (sealedstore.Source, error) {
	argv := strings.Fields(v)
	if len(argv) == 0 {
		return nil, errors.New("it names no command")
	}
	return sealedstore.KeyCommand(argv...), nil
}

func keyInKeyring(v string) (sealedstore.Source, error) {
	service, account, ok := strings.Cut(v, "/")
	if !ok || service == "" || account == "" {
		return nil, errors.New("write it as SERVICE/ACCOUNT, such as tokenkeep/tokens")
	}
	return sealedstore.KeyOS(service, account), nil
}

// setKeyItself takes the key from the environment only: beside settings that people
// copy, it would be copied too.
func setKeyItself(c *Config, v string, l level) error {
	if l == levelFile {
		return errors.New("the key does not belong here; put it into a file of its own, readable by you alone, and name that with key_file")
	}
	c.keys = append(c.keys, keyChoice{level: l, key: "key", source: envKey{tokenkeep.NewSecret(v)}})
	return nil
}

// An envKey is the source that is $TOKENKEEP_KEY, as it was when the program began.
type envKey struct{ text tokenkeep.Secret }

func (k envKey) String() string { return "the environment variable TOKENKEEP_KEY" }

func (k envKey) Read(context.Context) (tokenkeep.Secret, error) { return k.text, nil }

// checkKey finds sources of keys of which none is stronger than the other.
func (c *Config) checkKey() error {
	best := c.bestKey()
	for _, k := range c.keys {
		if k.level == best.level && k.key != best.key {
			return &Error{
				Origin: c.Origin(k.key), Key: k.key,
				Err: errors.New("the key is given in two ways, " + best.key + " is the other; leave one out"),
			}
		}
	}
	if c.RequireSealed && best.source == nil {
		return &Error{
			Origin: c.Origin("require_sealed"), Key: "require_sealed",
			Err: errors.New("there is no key to seal with; set key_file, or TOKENKEEP_KEY_FILE"),
		}
	}
	return nil
}

func (c *Config) bestKey() (best keyChoice) {
	for _, k := range c.keys {
		if k.level > best.level {
			best = k
		}
	}
	return best
}

// KeySource returns where the keys come from that the store is sealed with, and nil
// when none were given: then it is not sealed.
func (c *Config) KeySource() sealedstore.Source { return c.bestKey().source }

// KeyOrigin says who chose that source: a flag, a variable or a path.
func (c *Config) KeyOrigin() string { return c.Origin(cmp.Or(c.bestKey().key, "key_file")) }

// KeyFile returns the path of the key file, or "" when the keys come from elsewhere.
func (c *Config) KeyFile() string { return c.bestKey().path }
