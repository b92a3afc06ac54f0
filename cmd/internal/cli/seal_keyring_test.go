package cli_test

import (
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// The key may be in the system's keyring, where it is made and changed too; a keyring
// that does not answer is told of (U13).
func TestKeyInTheKeyring(t *testing.T) {
	keyring.MockInit()
	b := newBench(t)
	b.env["TOKENKEEP_KEY_KEYRING"] = "tokenkeep/tokens"
	run := func(want int, says string, args ...string) {
		t.Helper()
		if code := b.run(t.Context(), args...); code != want || !strings.Contains(b.out.String()+b.err.String(), says) {
			t.Fatalf("%s: exit code %d, want %d: %s%s", args, code, want, b.out.String(), b.err.String())
		}
	}
	run(7, "next: bring the key back", "status")
	run(0, "made the entry tokenkeep/tokens", "store", "new-key")
	run(1, "is there already", "store", "new-key")
	b.in = strings.NewReader(b.fake.Issue(clientID, "ann@example.com").RefreshToken)
	run(0, "", "login", "ann", "--with-refresh-token", "-")
	run(0, "was removed", "store", "rotate-key")
	run(0, "1 row with the key", "store", "check")
	run(0, "", "token", "ann")
	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	run(7, "next: bring the key back", "status")
}

// With the key in its environment a program needs no file, and rotates by what it is
// given.
func TestKeyInTheEnvironment(t *testing.T) {
	b := newBench(t)
	first, second := sealedstore.NewKey().Reveal(), sealedstore.NewKey().Reveal()
	run := func(want int, says, key string, args ...string) {
		t.Helper()
		b.env["TOKENKEEP_KEY"] = key
		if code := b.run(t.Context(), args...); code != want || !strings.Contains(b.out.String()+b.err.String(), says) {
			t.Fatalf("%s: exit code %d, want %d: %s%s", args, code, want, b.out.String(), b.err.String())
		}
		if text := b.out.String() + b.err.String(); key != "" && strings.Contains(text, strings.Split(key, ",")[0]) {
			t.Errorf("%s shows the key: %s", args, text)
		}
	}
	run(7, "32 random bytes", "no key", "status")
	b.in = strings.NewReader(b.fake.Issue(clientID, "ann@example.com").RefreshToken)
	run(0, "", first, "login", "ann", "--with-refresh-token", "-")
	run(7, "put a new key first in it", first, "store", "rotate-key")
	run(7, "the key is not in the key ring", second, "status")
	run(0, "take it out of the environment variable TOKENKEEP_KEY", second+","+first, "store", "rotate-key")
	run(0, "", second, "token", "ann")
	run(7, "the key is not in the key ring", first, "token", "ann")
	run(1, "cannot be written from here", first, "store", "new-key")
}
