package filestore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
)

// open opens a store that is closed when the test ends.
func open(tb testing.TB, path string, opts *filestore.Options) *filestore.Store {
	tb.Helper()
	s, err := filestore.Open(path, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// file writes content to a new file and returns its path.
func file(tb testing.TB, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "sdk_tokens.txt")
	write(tb, path, content)
	return path
}

// sample copies a recorded file and returns the path of the copy.
func sample(tb testing.TB, name string) string {
	tb.Helper()
	return file(tb, read(tb, filepath.Join("testdata", name)))
}

// write rewrites a file in place, as the official SDKs do.
func write(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func byID(tb testing.TB, s *filestore.Store, id string) *tokenkeep.Token {
	tb.Helper()
	t, err := s.FindTokenByID(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func save(tb testing.TB, s *filestore.Store, t *tokenkeep.Token) {
	tb.Helper()
	if err := s.SaveToken(tb.Context(), t); err != nil {
		tb.Fatal(err)
	}
}

func list(tb testing.TB, s *filestore.Store) []fields {
	tb.Helper()
	all := []fields{}
	for t, err := range s.GetTokens(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, fieldsOf(t))
	}
	return all
}

// login returns a new login of a user.
func login(user string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName:     user,
		ClientID:     "1000.C",
		RefreshToken: tokenkeep.NewSecret("1000.refresh." + user),
		AccessToken:  tokenkeep.NewSecret("1000.access." + user),
		Expiry:       time.UnixMilli(1767225600000).UTC(),
		APIDomain:    com,
		DataCentre:   "us",
		Scopes:       []string{"ZohoCRM.modules.ALL"},
	}
}

// replaceInFile changes text of a file in place.
func replaceInFile(tb testing.TB, path, old, new string) {
	tb.Helper()
	before := read(tb, path)
	if !strings.Contains(before, old) {
		tb.Fatalf("%s does not contain %q", path, old)
	}
	write(tb, path, strings.Replace(before, old, new, 1))
}

// bg is for child processes, which have no test to end with.
var bg = context.Background()

func dirOf(path string) string { return filepath.Dir(path) }
