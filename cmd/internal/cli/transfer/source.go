// Package transfer brings tokens into a store from the files of other programs,
// and out of it.
package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// The kinds of sources.
const (
	KindZohoFile = "zoho-file" // a file of one of Zoho's SDKs
	KindSQLite   = "sqlite"    // a SQLite file with Zoho's table oauthtoken
	KindJSON     = "json"      // an export of tokenkeep
)

// ErrUnknown is wrapped when a file is none of the kinds.
var ErrUnknown = errors.New("neither a token file of Zoho's SDKs, nor a SQLite file with the table oauthtoken, nor a JSON export")

// ErrDump is wrapped when a file is a dump of a database.
var ErrDump = errors.New("it is the dump of a database, which is not read as it is")

// dump is what a dump of MySQL, MariaDB or PostgreSQL has near its beginning.
var dump = regexp.MustCompile(`(?m)^(-- (MySQL|MariaDB) dump|-- PostgreSQL database dump|/\*[!M]|PGDMP|(CREATE TABLE|INSERT INTO) )`)

// maxFile bounds what is read of a source that is no database.
const maxFile = 256 << 20

// A Source is what was read from a file. Tokens keep the ids of the file.
type Source struct {
	Kind     string
	Tokens   []*tokenkeep.Token
	Warnings []string
}

// Open reads the tokens of the file at path, which it recognises by its content,
// and changes nothing. "-" is stdin.
func Open(ctx context.Context, path string, stdin io.Reader) (*Source, error) {
	r := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s has more than %d MB", path, maxFile>>20)
	}
	return parse(ctx, path, data)
}

func parse(ctx context.Context, path string, data []byte) (*Source, error) {
	switch {
	case bytes.HasPrefix(data, []byte("SQLite format 3\x00")):
		return openSQLite(ctx, path)
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return parseJSON(data)
	case dump.Match(data[:min(len(data), 4096)]):
		return nil, fmt.Errorf("%s: %w", path, ErrDump)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("%s is empty: %w", path, ErrUnknown)
	}
	tokens, warnings, err := filestore.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", ErrUnknown, reason(err))
	}
	s := &Source{Kind: KindZohoFile, Tokens: tokens}
	for _, w := range warnings {
		s.Warnings = append(s.Warnings, w.String())
	}
	return s, nil
}

func openSQLite(ctx context.Context, path string) (*Source, error) {
	if path == "-" {
		return nil, errors.New("a SQLite file cannot be read from standard input; name it")
	}
	return readLegacy(ctx, path)
}

// reason is what is wrong with a source, without the words about stores: the
// error must not be taken for one of the store.
func reason(err error) string {
	text := err.Error()
	for _, about := range []error{tokenkeep.ErrCorrupt, tokenkeep.ErrSchema} {
		if _, after, ok := strings.Cut(text, about.Error()+": "); ok {
			return after
		}
	}
	return text
}
