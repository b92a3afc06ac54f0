package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// maxSecretFile is more than any client secret needs.
const maxSecretFile = 64 << 10

// SecretSource says where the client secret comes from, for messages:
// "--client-secret-file", "$ZOHO_CLIENT_SECRET", a path, or "" for nowhere.
func (c *Config) SecretSource() string {
	switch {
	case c.external == levelNone && c.inline == levelNone:
		return ""
	case c.external > c.inline:
		return c.Origin("client_secret_file")
	}
	return c.Origin("client_secret")
}

// SecretPath returns the file that the client secret comes from, or "".
func (c *Config) SecretPath() string {
	if c.external > c.inline {
		return c.file
	}
	return ""
}

// ClientSecrets returns the client secrets to try, in order: the lines of the
// client secret's file, or the one in the environment or the configuration. A
// client whose data centres have secrets of their own lists them all. None is no
// error. A file named "-" is stdin.
//
// White space inside a secret, or around one in the environment, is an error: it
// is most often a mistake of copying that Zoho answers with
// invalid_client_secret.
func (c *Config) ClientSecrets(stdin io.Reader) ([]tokenkeep.Secret, error) {
	list, err := c.rawSecrets(stdin)
	if err != nil {
		return nil, &Error{Origin: c.SecretSource(), Key: "client_secret", Err: err}
	}
	for _, s := range list {
		if strings.ContainsAny(s.Reveal(), " \t\r\n") {
			return nil, &Error{
				Origin: c.SecretSource(), Key: "client_secret",
				Err: errors.New("the client secret contains white space; copy it again from the API console"),
			}
		}
	}
	return list, nil
}

func (c *Config) rawSecrets(stdin io.Reader) ([]tokenkeep.Secret, error) {
	switch {
	case c.external == levelNone && c.inline == levelNone:
		return nil, nil
	case c.external <= c.inline:
		if c.secret.IsZero() {
			return nil, nil
		}
		return []tokenkeep.Secret{c.secret}, nil
	case c.file == "-":
		return linesOf(stdin)
	}
	f, err := os.Open(c.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return linesOf(f)
}

// linesOf returns the lines of r that are not empty.
func linesOf(r io.Reader) ([]tokenkeep.Secret, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSecretFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecretFile {
		return nil, fmt.Errorf("the file has more than %d bytes; it is no secret", maxSecretFile)
	}
	var list []tokenkeep.Secret
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	lines.Buffer(nil, maxSecretFile+1)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			list = append(list, tokenkeep.NewSecret(line))
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the file is empty; put the secret into it")
	}
	return list, lines.Err()
}
