package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// A storePassword is where the password of the store comes from. The last one set
// at the highest level counts.
type storePassword struct {
	inURL  tokenkeep.Secret // in the URL that counts
	inline tokenkeep.Secret
	file   string
	// levels of the two that are not in the URL.
	inlineLevel, fileLevel level
}

// ErrPasswordArgument is wrapped when a password was given as an argument.
var ErrPasswordArgument = errors.New("there is a password in it, which every process of the machine can see and the shell keeps")

// SplitPassword takes the password out of the URL of a server, such as
// "mysql://user:password@host/database". Characters that ought to be written with
// a percent sign may be in it. Other texts come back as they are.
func SplitPassword(raw string) (without string, password tokenkeep.Secret) {
	scheme, rest, found := strings.Cut(raw, "://")
	at := strings.LastIndex(rest, "@")
	if !found || at < 0 || scheme == "sqlite" || scheme == "file" {
		return raw, tokenkeep.Secret{}
	}
	user, text, found := strings.Cut(rest[:at], ":")
	if !found {
		return raw, tokenkeep.Secret{}
	}
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	without = scheme + "://" + rest[at+1:]
	if user != "" {
		without = scheme + "://" + user + rest[at:]
	}
	return without, tokenkeep.NewSecret(text)
}

func setStore(c *Config, v string, l level) error {
	if strings.TrimSpace(v) != v {
		return errors.New("it begins or ends with white space; remove it")
	}
	raw := v
	c.Store, c.store.inURL = SplitPassword(raw)
	c.NoStore = nil
	if l == levelFlag && c.Store != raw {
		return ErrPasswordArgument
	}
	return nil
}

func setStorePassword(c *Config, v string, l level) error {
	c.store.inline, c.store.inlineLevel = tokenkeep.NewSecret(v), l
	return nil
}

func setStorePasswordFile(c *Config, v string, l level) error {
	if v == "" {
		return errors.New("it names no file")
	}
	c.store.file, c.store.fileLevel = v, l
	return nil
}

// StorePassword returns the password of the store, if it has one: that of the
// environment (TOKENKEEP_STORE_PASSWORD, TOKENKEEP_STORE_PASSWORD_FILE), else the
// one in the store's URL, else that of the configuration file. Its errors are
// *[Error].
func (c *Config) StorePassword() (tokenkeep.Secret, error) {
	p := c.store
	if p.inlineLevel < levelEnv && p.fileLevel < levelEnv && !p.inURL.IsZero() {
		return p.inURL, nil
	}
	if p.fileLevel > p.inlineLevel {
		s, err := PasswordFile(p.file)
		if err != nil {
			return s, &Error{Origin: c.Origin("store_password_file"), Key: "store_password_file", Err: err}
		}
		return s, nil
	}
	return p.inline, nil
}

// PasswordFile returns the first line of the file at path. Its errors show
// nothing of it.
func PasswordFile(path string) (tokenkeep.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return tokenkeep.Secret{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	list, err := linesOf(f)
	if err != nil {
		return tokenkeep.Secret{}, err
	}
	if len(list) > 1 {
		return tokenkeep.Secret{}, fmt.Errorf("%s has %d lines; it must hold the password alone", path, len(list))
	}
	return list[0], nil
}
