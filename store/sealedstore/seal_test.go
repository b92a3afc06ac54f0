package sealedstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// No secret is in any file of the database, log and shared memory included, at any
// time: neither after saves, nor after a rotation, nor after rows are gone.
func TestNoSecretInFiles(t *testing.T) {
	folder := newFolder(t)
	s, err := openSQLite(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.(*sealedstore.Store)
	defer func() { _ = sealed.Close() }()
	look := func(when string) {
		if file := grep(t, folder, "canary"); file != "" {
			t.Errorf("%s: a secret is in %s", when, file)
		}
	}
	var rows []*tokenkeep.Token
	for i := range 20 {
		rows = append(rows, save(t, s, token(fmt.Sprintf("user%d", i))))
	}
	save(t, s, &tokenkeep.Token{UserName: "user0", AccessToken: tokenkeep.NewSecret("1000.canary-merged")})
	look("after first saves")
	for _, row := range rows[1:] {
		row.AccessToken = tokenkeep.NewSecret("1000.canary-second")
		save(t, s, row)
		_, _ = s.FindToken(t.Context(), &tokenkeep.Token{ClientID: row.ClientID, RefreshToken: row.RefreshToken})
	}
	look("after second saves")
	if _, err := sealed.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	look("after a rotation")
	if err := s.DeleteToken(t.Context(), rows[3].ID); err != nil {
		t.Fatal(err)
	}
	look("after a delete")
	if grep(t, folder, "user7") == "" {
		t.Error("user names are not found in the files either: the test looks in the wrong place")
	}
}

// What was sealed for one row does not open in another, nor when what it is bound to
// was changed (I31).
func TestMovedCiphertextDoesNotOpen(t *testing.T) {
	secrets := func(to, from *tokenkeep.Token) {
		to.ClientSecret, to.RefreshToken, to.AccessToken, to.GrantToken = from.ClientSecret, from.RefreshToken, from.AccessToken, from.GrantToken
	}
	moves := map[string]func(bob, ann *tokenkeep.Token){
		"all secrets":       secrets,
		"the client secret": func(bob, ann *tokenkeep.Token) { bob.ClientSecret = ann.ClientSecret },
		"the whole row": func(bob, ann *tokenkeep.Token) {
			id, version := bob.ID, bob.Version
			*bob = *ann.Clone()
			bob.ID, bob.Version = id, version
		},
		"user name":       func(bob, _ *tokenkeep.Token) { bob.UserName = "eve" },
		"client":          func(bob, _ *tokenkeep.Token) { bob.ClientID = "1000.OTHER" },
		"data centre":     func(bob, _ *tokenkeep.Token) { bob.DataCentre = "us" },
		"accounts server": func(bob, _ *tokenkeep.Token) { bob.AccountsServer = "https://accounts.example" },
		"API domain":      func(bob, _ *tokenkeep.Token) { bob.APIDomain = "https://api.example" },
		"version": func(bob, _ *tokenkeep.Token) {
			bob.ClientSecret = tokenkeep.NewSecret(strings.Replace(bob.ClientSecret.Reveal(), ".1.", ".2.", 1))
		},
		"one character": func(bob, _ *tokenkeep.Token) {
			v := []byte(bob.ClientSecret.Reveal())
			v[len(v)/2] ^= 1
			bob.ClientSecret = tokenkeep.NewSecret(string(v))
		},
		"the end cut off": func(bob, _ *tokenkeep.Token) {
			v := bob.ClientSecret.Reveal()
			bob.ClientSecret = tokenkeep.NewSecret(v[:len(v)-4])
		},
		"all but the header cut off": func(bob, _ *tokenkeep.Token) {
			bob.ClientSecret = tokenkeep.NewSecret(bob.ClientSecret.Reveal()[:8])
		},
		"a plain token": func(bob, _ *tokenkeep.Token) { bob.AccessToken = tokenkeep.NewSecret("1000.foreign") },
		"a plain candidate": func(bob, _ *tokenkeep.Token) {
			bob.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("1000.foreign")}
		},
		"another scheme": func(bob, _ *tokenkeep.Token) { bob.ClientSecret = tokenkeep.NewSecret("tk1.x") },
	}
	for what, move := range moves {
		t.Run(what, func(t *testing.T) {
			inner := tokenkeep.NewMemoryStore()
			s := newStore(t, inner, newKeyring(t), nil)
			ann, bob := save(t, s, token("ann")), save(t, s, token("bob"))
			changed := get(t, inner, bob.ID)
			move(changed, get(t, inner, ann.ID))
			save(t, inner, changed)
			doesNotOpen(t, s, inner, bob)
			same(t, get(t, s, ann.ID), ann, "the other row")
		})
	}
}

// doesNotOpen tells when a row opens, or is changed by the attempt to use it.
func doesNotOpen(t *testing.T, s *sealedstore.Store, inner tokenkeep.TokenStore, row *tokenkeep.Token) {
	t.Helper()
	before := get(t, inner, row.ID)
	ctx := t.Context()
	_, err := s.FindTokenByID(ctx, row.ID)
	refused(t, err, tokenkeep.ErrCorrupt, "find by id")
	refused(t, s.SaveToken(ctx, row.Clone()), tokenkeep.ErrCorrupt, "save of a version")
	refused(t, s.SaveToken(ctx, &tokenkeep.Token{ID: row.ID, AccessToken: tokenkeep.NewSecret("new")}), tokenkeep.ErrCorrupt, "save by id")
	var last error
	for _, err := range s.GetTokens(ctx) {
		last = err
	}
	refused(t, last, tokenkeep.ErrCorrupt, "list")
	_, err = s.Rotate(ctx, "")
	refused(t, err, tokenkeep.ErrCorrupt, "rotate")
	after := get(t, inner, row.ID)
	same(t, after, before, "the inner row after attempts to use it")
	if err := s.DeleteToken(ctx, row.ID); err != nil {
		t.Errorf("a row that does not open cannot be deleted by its id: %v", err)
	}
}

// Nameless rows have nothing but their ids to tell them apart.
func TestNamelessRowsAreBoundToTheirIDs(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	s := newStore(t, inner, newKeyring(t), nil)
	ann := save(t, s, &tokenkeep.Token{RefreshToken: tokenkeep.NewSecret("1000.a")})
	bob := save(t, s, &tokenkeep.Token{RefreshToken: tokenkeep.NewSecret("1000.b")})
	a, b := get(t, inner, ann.ID), get(t, inner, bob.ID)
	a.ID, a.Version = b.ID, b.Version
	save(t, inner, a)
	_, err := s.FindTokenByID(t.Context(), bob.ID)
	refused(t, err, tokenkeep.ErrCorrupt, "a nameless row with what another one holds")
}

// A fingerprint that is moved finds a row, and gives nobody its token.
func TestMovedFingerprintFindsNothing(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	s := newStore(t, inner, newKeyring(t), nil)
	ann, bob := save(t, s, token("ann")), save(t, s, token("bob"))
	a, b := get(t, inner, ann.ID), get(t, inner, bob.ID)
	a.AccessToken, b.AccessToken = b.AccessToken, a.AccessToken
	save(t, inner, a)
	save(t, inner, b)
	_, err := s.FindToken(t.Context(), &tokenkeep.Token{AccessToken: ann.AccessToken})
	refused(t, err, tokenkeep.ErrCorrupt, "find by an access token whose fingerprint was moved")
}

// The same token seals differently each time and has other fingerprints in other
// fields and under other keys.
func TestSealsTellNothing(t *testing.T) {
	seen := map[string]string{}
	note := func(s tokenkeep.Secret, what string) {
		if other, ok := seen[s.Reveal()]; ok {
			t.Errorf("%s is stored like %s", what, other)
		}
		seen[s.Reveal()] = what
	}
	for i := range 2 {
		inner := tokenkeep.NewMemoryStore()
		s := newStore(t, inner, newKeyring(t), nil)
		v := tokenkeep.NewSecret("1000.the-same-everywhere")
		row := save(t, s, &tokenkeep.Token{UserName: "ann", ClientSecret: v, RefreshToken: v, AccessToken: v, GrantToken: v})
		for j := range 2 {
			in := get(t, inner, row.ID)
			note(in.ClientSecret, fmt.Sprintf("seal %d of store %d", j, i))
			if j == 0 {
				note(in.RefreshToken, fmt.Sprintf("refresh token of store %d", i))
				note(in.AccessToken, fmt.Sprintf("access token of store %d", i))
				note(in.GrantToken, fmt.Sprintf("grant token of store %d", i))
			}
			save(t, s, row)
		}
	}
}

// Secrets that do not fit into a field of the inner store are refused.
func TestTooLongSecretsAreRefused(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	s := newStore(t, inner, newKeyring(t), nil)
	big := token("ann")
	big.RefreshToken = tokenkeep.NewSecret(strings.Repeat("x", 48_000))
	save(t, s, big)
	same(t, get(t, s, big.ID), big, "a long token")
	big.RefreshToken = tokenkeep.NewSecret(strings.Repeat("x", 50_000))
	if err := s.SaveToken(t.Context(), big); err == nil || !strings.Contains(err.Error(), "bytes together") {
		t.Errorf("save of secrets that are too long: %v", err)
	}
}

// Another ring opens nothing: rows stay as they are, and the error says what to do.
func TestMissingKey(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	row := save(t, newStore(t, inner, newKeyring(t), nil), token("ann"))
	other := newStore(t, inner, newKeyring(t), nil)
	before := get(t, inner, row.ID)
	_, err := other.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
	refused(t, err, sealedstore.ErrKeyMissing, "find by user")
	if !strings.Contains(err.Error(), "bring the key back") || !strings.Contains(err.Error(), row.ID) {
		t.Errorf("the error does not say what to do: %v", err)
	}
	refused(t, other.SaveToken(t.Context(), row.Clone()), sealedstore.ErrKeyMissing, "save of a version")
	refused(t, other.SaveToken(t.Context(), token("ann")), sealedstore.ErrKeyMissing, "login of the same user")
	_, err = other.Rotate(t.Context(), "")
	refused(t, err, sealedstore.ErrKeyMissing, "rotate")
	same(t, get(t, inner, row.ID), before, "the inner row")
}
