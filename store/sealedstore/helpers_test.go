package sealedstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// newFolder returns a folder with a new key file.
func newFolder(tb testing.TB) string {
	tb.Helper()
	folder := tb.TempDir()
	if _, err := sealedstore.GenerateKey(filepath.Join(folder, "key")); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// newKeyring returns a ring on a new key file.
func newKeyring(tb testing.TB) *sealedstore.Keyring {
	tb.Helper()
	return openKeyring(tb, sealedstore.KeyFile(filepath.Join(newFolder(tb), "key")))
}

func openKeyring(tb testing.TB, sources ...sealedstore.Source) *sealedstore.Keyring {
	tb.Helper()
	keys, err := sealedstore.OpenKeyring(tb.Context(), sources...)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func newStore(tb testing.TB, inner tokenkeep.TokenStore, keys *sealedstore.Keyring, opts *sealedstore.Options) *sealedstore.Store {
	tb.Helper()
	s, err := sealedstore.New(inner, keys, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// fixedSource is a source that holds what it is given.
type fixedSource string

func (s fixedSource) String() string { return "the test's source" }

func (s fixedSource) Read(context.Context) (tokenkeep.Secret, error) {
	return tokenkeep.NewSecret(string(s)), nil
}

// token returns a token of user with all secrets.
func token(user string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName:       user,
		ClientID:       "1000.CLIENT",
		ClientSecret:   tokenkeep.NewSecret("canary-client-secret-of-" + user),
		RefreshToken:   tokenkeep.NewSecret("1000.canary-refresh-of-" + user),
		AccessToken:    tokenkeep.NewSecret("1000.canary-access-of-" + user),
		GrantToken:     tokenkeep.NewSecret("1000.canary-grant-of-" + user),
		Candidates:     []tokenkeep.Secret{tokenkeep.NewSecret("1000.canary-candidate-of-" + user), tokenkeep.NewSecret("1000.canary-older-of-" + user)},
		Expiry:         time.UnixMilli(1795459190603),
		APIDomain:      "https://www.zohoapis.eu",
		AccountsServer: "https://accounts.zoho.eu",
		DataCentre:     "eu",
		Scopes:         []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"},
	}
}

// save saves t, which must succeed, and returns it.
func save(tb testing.TB, s tokenkeep.TokenStore, t *tokenkeep.Token) *tokenkeep.Token {
	tb.Helper()
	if err := s.SaveToken(tb.Context(), t); err != nil {
		tb.Fatalf("save: %v", err)
	}
	return t
}

// get returns the row with this id, which must be there.
func get(tb testing.TB, s tokenkeep.TokenStore, id string) *tokenkeep.Token {
	tb.Helper()
	t, err := s.FindTokenByID(tb.Context(), id)
	if err != nil {
		tb.Fatalf("find: %v", err)
	}
	return t
}

// same tells when two tokens differ in a secret or the version.
func same(tb testing.TB, got, want *tokenkeep.Token, what string) {
	tb.Helper()
	for name, pair := range map[string][2]tokenkeep.Secret{
		"client secret": {got.ClientSecret, want.ClientSecret},
		"refresh token": {got.RefreshToken, want.RefreshToken},
		"access token":  {got.AccessToken, want.AccessToken},
		"grant token":   {got.GrantToken, want.GrantToken},
	} {
		if !pair[0].Equal(pair[1]) {
			tb.Errorf("%s: another %s", what, name)
		}
	}
	if !slices.EqualFunc(got.Candidates, want.Candidates, tokenkeep.Secret.Equal) {
		tb.Errorf("%s: other candidates: %d, want %d", what, len(got.Candidates), len(want.Candidates))
	}
	if got.Version != want.Version {
		tb.Errorf("%s: version %d, want %d", what, got.Version, want.Version)
	}
}

// refused tells when err is not an unavailable store because of target, or shows a
// secret.
func refused(tb testing.TB, err, target error, what string) {
	tb.Helper()
	switch {
	case err == nil:
		tb.Errorf("%s: no error", what)
	case !errors.Is(err, target):
		tb.Errorf("%s: %v does not wrap %q", what, err, target)
	case tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable:
		tb.Errorf("%s: %v has the class %q", what, err, tokenkeep.ClassOf(err))
	case strings.Contains(err.Error(), "canary"):
		tb.Errorf("%s: the error shows a secret", what)
	}
}

// grep returns the name of a file in folder that holds text, or "".
func grep(tb testing.TB, folder, text string) string {
	tb.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		if strings.Contains(string(content), text) {
			return e.Name()
		}
	}
	return ""
}

// read returns the text of a key file.
func read(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// edit changes the text of a key file by hand.
func edit(tb testing.TB, path string, change func(text string) string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(change(read(tb, path))), 0o600); err != nil {
		tb.Fatal(err)
	}
}
