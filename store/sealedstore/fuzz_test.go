package sealedstore

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

type fuzzSource string

func (s fuzzSource) String() string { return "the fuzzer's source" }

func (s fuzzSource) Read(context.Context) (tokenkeep.Secret, error) {
	return tokenkeep.NewSecret(string(s)), nil
}

// No content of the inner store crashes a reader, and nothing that was not sealed for
// the row opens as sealed.
func FuzzRow(f *testing.F) {
	keys, err := OpenKeyring(context.Background(), fuzzSource("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := seal(keys.ring.Load().primary(), &tokenkeep.Token{ID: "1000000000", AccessToken: tokenkeep.NewSecret("a")}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.ClientSecret.Reveal(), sealed.AccessToken.Reveal())
	f.Add("tk1.", "tkf.")
	f.Add("tk1."+keys.Primary()+".1.", "tkf.reserved")
	f.Add("tk1."+keys.Primary()+".-1.AAAA", "plain")
	f.Add("", "tkf.reserved")
	s, err := New(tokenkeep.NewMemoryStore(), keys, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, clientSecret, accessToken string) {
		inner := &tokenkeep.Token{ID: "1000000001", Version: 1, ClientSecret: tokenkeep.NewSecret(clientSecret), AccessToken: tokenkeep.NewSecret(accessToken)}
		r, err := s.open(t.Context(), inner)
		if err == nil && r.keyID != "" {
			t.Error("something opens as sealed that was sealed for another row")
		}
		if err == nil && r.there() && (!r.token.ClientSecret.Equal(inner.ClientSecret) || !r.token.AccessToken.Equal(inner.AccessToken)) {
			t.Error("a plain row is not what was stored")
		}
	})
}

// No content of a ciphertext crashes its reader, and what it reads is what was packed.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(tokenkeep.NewSecret("c"), tokenkeep.NewSecret("r"), tokenkeep.Secret{}, tokenkeep.Secret{}, tokenkeep.NewSecret("next")))
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		secrets, err := unpack(b)
		if err != nil {
			return
		}
		again, err := unpack(pack(secrets...))
		if err != nil || len(secrets) < 4 || !slices.EqualFunc(again, secrets, tokenkeep.Secret.Equal) {
			t.Errorf("%d secrets became %d: %v", len(secrets), len(again), err)
		}
	})
}

// No text crashes the parser of key rings, and what it takes for keys is not changed by
// writing it again.
func FuzzKeys(f *testing.F) {
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Add("# comment\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=\r\n")
	f.Add("# retired AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=")
	f.Add(`{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"x","value":"AA=="},"status":"ENABLED","keyId":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		keys, aside, err := parseKeys(text)
		if err != nil || strings.HasPrefix(strings.TrimSpace(text), "{") {
			return
		}
		again, asideAgain, err := parseKeys(splitKeys(text).String())
		if err != nil || len(again) != len(keys) || !slices.Equal(asideAgain, aside) {
			t.Fatalf("%d keys became %d, or those put aside differ: %v", len(keys), len(again), err)
		}
		for i := range keys {
			if keys[i].id != again[i].id {
				t.Error("a key changed")
			}
		}
	})
}
