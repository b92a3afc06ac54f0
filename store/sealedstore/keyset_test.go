package sealedstore_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// keysetText returns the manager's keyset in JSON.
func keysetText(t *testing.T, m *keyset.Manager) fixedSource {
	t.Helper()
	handle, err := m.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b)); err != nil {
		t.Fatal(err)
	}
	return fixedSource(b.String())
}

// addKey adds a primary key to the manager's keyset.
func addKey(t *testing.T, m *keyset.Manager, template *tinkpb.KeyTemplate) uint32 {
	t.Helper()
	id, err := m.Add(template)
	if err == nil {
		err = m.SetPrimary(id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A Tink keyset works like keys of ours: its primary key seals, its others open, its
// disabled ones do neither.
func TestTinkKeyset(t *testing.T) {
	m, inner := keyset.NewManager(), tokenkeep.NewMemoryStore()
	first := addKey(t, m, aead.XChaCha20Poly1305KeyTemplate())
	s := newStore(t, inner, openKeyring(t, keysetText(t, m)), nil)
	row, old := save(t, s, token("ann")), s.Keys().Primary()

	addKey(t, m, aead.AES256GCMKeyTemplate())
	s = newStore(t, inner, openKeyring(t, keysetText(t, m)), nil)
	same(t, get(t, s, row.ID), row, "a row under the older key of a keyset")
	found, err := s.FindToken(t.Context(), &tokenkeep.Token{AccessToken: row.AccessToken})
	if err != nil {
		t.Fatalf("find by access token: %v", err)
	}
	save(t, s, token("bob"))
	usedBy(t, s, map[string]int{old: 1, s.Keys().Primary(): 1})
	if ids := s.Keys().IDs(); len(ids) != 2 || ids[1] != old {
		t.Errorf("ids %v, want the primary one and %s", ids, old)
	}

	if err := m.Disable(first); err != nil {
		t.Fatal(err)
	}
	disabled := newStore(t, inner, openKeyring(t, keysetText(t, m)), nil)
	_, err = disabled.FindTokenByID(t.Context(), row.ID)
	refused(t, err, sealedstore.ErrKeyMissing, "a row under a disabled key")
	rotateTo(t, s, s.Keys().Primary(), 1)
	same(t, get(t, disabled, row.ID), found, "the row after a rotation")
}

func TestTinkKeysetOfAnotherKindIsRefused(t *testing.T) {
	m := keyset.NewManager()
	addKey(t, m, mac.HMACSHA256Tag256KeyTemplate())
	if _, err := sealedstore.OpenKeyring(t.Context(), keysetText(t, m)); err == nil || !strings.Contains(err.Error(), "AEAD") {
		t.Errorf("a keyset for MACs: %v", err)
	}
}

// A key ring seals other data too, for one purpose each.
func TestSealAndOpen(t *testing.T) {
	keys := newKeyring(t)
	sealed, err := keys.Seal([]byte("canary"), []byte("journal"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("canary")) {
		t.Error("the data is not sealed")
	}
	if _, err := keys.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := keys.Open(sealed, []byte("journal")); err != nil || string(got) != "canary" {
		t.Errorf("open after a new key: %v", err)
	}
	_, err = keys.Open(sealed, []byte("else"))
	refused(t, err, tokenkeep.ErrCorrupt, "open for something else")
	for n := range sealed {
		if _, err := keys.Open(sealed[:n], []byte("journal")); err == nil {
			t.Errorf("the first %d bytes open", n)
		}
	}
	_, err = newKeyring(t).Open(sealed, []byte("journal"))
	refused(t, err, sealedstore.ErrKeyMissing, "open by another ring")
}
