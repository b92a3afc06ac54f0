package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A row that cannot be understood is named and left as it is; its neighbours work,
// and it can be deleted.
func TestDamagedRow(t *testing.T) {
	for _, damage := range []string{
		"", "x", "\x00\xff", "1", "1 ", "1 ID", "1 ID 1", "1 ID x ab u\n", "1 ID 0 ab u\n", "1 ID -1 ab u\n", "1 1000000009 1 ab u\nuser_name ann\n",
		"1 ID 1 ab u\nexpiry tomorrow\n", "1 ID 1 ab u\nno-value\n", "1 ID 1 ab u\nunknown x\n", "1 ID 99999999999999999999 ab u\n", "0 ID 1 ab u\n",
		"1 ID 1 ab u\nfailures many\n", "1 ID 1 ab u\nmint 1,2\n",
	} {
		p := newPlace(t)
		bob, ann := save(t, p, login("bob")), save(t, p, login("ann"))
		value := strings.ReplaceAll(damage, "ID", ann.ID)
		if err := p.client.HSet(t.Context(), p.rows, ann.ID, value).Err(); err != nil {
			t.Fatal(err)
		}
		p.unchanged(t, "reading a damaged row", func() {
			_, byID := p.FindTokenByID(t.Context(), ann.ID)
			_, byName := p.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
			var list error
			for _, err := range p.GetTokens(t.Context()) {
				list = err
			}
			for what, err := range map[string]error{"find by id": byID, "find": byName, "list": list, "save": p.SaveToken(t.Context(), &tokenkeep.Token{UserName: "ann", AccessToken: ann.AccessToken})} {
				if !errors.Is(err, tokenkeep.ErrCorrupt) || !strings.Contains(err.Error(), ann.ID) {
					t.Errorf("%s with a row %q: %v", what, damage, err)
				}
			}
		})
		if _, err := p.FindToken(t.Context(), &tokenkeep.Token{UserName: "bob"}); err != nil {
			t.Errorf("the row beside a damaged one: %v", err)
		}
		save(t, p, bob)
		if err := p.DeleteToken(t.Context(), ann.ID); err != nil {
			t.Errorf("delete of a row %q: %v", damage, err)
		}
		save(t, p, login("ann"))
		if n := len(listed(t, p)); n != 2 {
			t.Errorf("%d rows after a damaged one was replaced", n)
		}
	}
}

// A save with a version does not overwrite a row whose head cannot be read.
func TestDamagedHead(t *testing.T) {
	p := newPlace(t)
	ann := save(t, p, login("ann"))
	if err := p.client.HSet(t.Context(), p.rows, ann.ID, "nonsense").Err(); err != nil {
		t.Fatal(err)
	}
	p.unchanged(t, "a save over a damaged row", func() {
		if err := p.SaveToken(t.Context(), ann); !errors.Is(err, tokenkeep.ErrCorrupt) {
			t.Errorf("save: %v", err)
		}
	})
}

// What a newer version wrote is not touched.
func TestNewer(t *testing.T) {
	p := newPlace(t)
	ann := save(t, p, login("ann"))
	if err := p.client.HSet(t.Context(), p.rows, ann.ID, "2 whatever it is").Err(); err != nil {
		t.Fatal(err)
	}
	p.unchanged(t, "a row of a newer version", func() {
		_, err := p.FindTokenByID(t.Context(), ann.ID)
		if !errors.Is(err, tokenkeep.ErrSchema) {
			t.Errorf("find: %v", err)
		}
		if err := p.SaveToken(t.Context(), ann); !errors.Is(err, tokenkeep.ErrSchema) {
			t.Errorf("save: %v", err)
		}
		if err := p.SaveToken(t.Context(), &tokenkeep.Token{UserName: "ann", AccessToken: ann.AccessToken}); !errors.Is(err, tokenkeep.ErrSchema) {
			t.Errorf("save by name: %v", err)
		}
		if err := p.DeleteToken(t.Context(), ann.ID); !errors.Is(err, tokenkeep.ErrSchema) {
			t.Errorf("delete: %v", err)
		}
	})
	if err := p.client.HSet(t.Context(), p.meta, "schema", "2").Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.client.HDel(t.Context(), p.rows, ann.ID).Err(); err != nil {
		t.Fatal(err)
	}
	p.everythingFails(t, "a newer schema", tokenkeep.ErrSchema)
}

// everythingFails tells when a script does not end in target, or changes a key.
func (p *place) everythingFails(t *testing.T, what string, target error) {
	t.Helper()
	p.unchanged(t, what, func() {
		_, find := p.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
		var list error
		for _, err := range p.GetTokens(t.Context()) {
			list = err
		}
		stored := login("ann")
		stored.ID, stored.Version = "1000000000", 1
		for op, err := range map[string]error{
			"find": find, "list": list, "insert": p.SaveToken(t.Context(), login("eve")), "replace": p.SaveToken(t.Context(), stored),
			"delete": p.DeleteToken(t.Context(), "1000000000"), "ping": p.Ping(t.Context()),
		} {
			if !errors.Is(err, target) {
				t.Errorf("%s: %s: %v", what, op, err)
			}
		}
	})
}

// Keys of other types belong to somebody else.
func TestForeignKeys(t *testing.T) {
	for _, suffix := range []string{"rows", "index", "meta"} {
		p := newPlace(t)
		if err := p.client.Set(t.Context(), "{"+p.prefix+"}:"+suffix, "theirs", 0).Err(); err != nil {
			t.Fatal(err)
		}
		p.everythingFails(t, "a foreign key "+suffix, tokenkeep.ErrCorrupt)
		p.unchanged(t, "delete all", func() {
			if err := p.DeleteTokens(t.Context()); !errors.Is(err, tokenkeep.ErrCorrupt) {
				t.Errorf("delete all with a foreign key %s: %v", suffix, err)
			}
		})
	}
}

// A key that was evicted is noticed: nobody is told that there is no such login,
// and no id is given twice.
func TestTorn(t *testing.T) {
	for _, suffix := range []string{"index", "meta"} {
		p := newPlace(t)
		ann := save(t, p, login("ann"))
		if err := p.client.Del(t.Context(), "{"+p.prefix+"}:"+suffix).Err(); err != nil {
			t.Fatal(err)
		}
		p.unchanged(t, "without the key "+suffix, func() {
			_, absent := p.FindToken(t.Context(), &tokenkeep.Token{UserName: "eve"})
			failures := map[string]error{"insert": p.SaveToken(t.Context(), login("eve")), "merge": p.SaveToken(t.Context(), login("ann")), "find": absent}
			if suffix == "index" {
				next := ann.Clone()
				next.AccessToken = tokenkeep.NewSecret("1000.access.next")
				failures["replace"] = p.SaveToken(t.Context(), next)
				_, failures["find a user"] = p.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
			}
			for what, err := range failures {
				if !errors.Is(err, tokenkeep.ErrCorrupt) {
					t.Errorf("%s without the key %s: %v", what, suffix, err)
				}
			}
		})
		if err := p.DeleteTokens(t.Context()); err != nil {
			t.Errorf("delete all, without the key %s: %v", suffix, err)
		}
		save(t, p, login("ann"))
	}
}

func TestCounter(t *testing.T) {
	p := newPlace(t)
	if err := p.client.HSet(t.Context(), p.meta, "schema", "1", "last", "9999999998").Err(); err != nil {
		t.Fatal(err)
	}
	if ann := save(t, p, login("ann")); ann.ID != "9999999999" {
		t.Errorf("id %s after 9999999998", ann.ID)
	}
	for _, last := range []string{"9999999999", "x", "-5", "1"} {
		if err := p.client.HSet(t.Context(), p.meta, "last", last).Err(); err != nil {
			t.Fatal(err)
		}
		p.unchanged(t, "an insert without an id to give", func() {
			if err := p.SaveToken(t.Context(), login("bob")); !errors.Is(err, tokenkeep.ErrCorrupt) {
				t.Errorf("counter at %s: %v", last, err)
			}
		})
	}
	if err := p.client.HSet(t.Context(), p.meta, "last", "9999999998").Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.SaveToken(t.Context(), login("bob")); err == nil {
		t.Error("an id that a row has was given again")
	}
}

// A login does not end by time, whatever somebody did to the keys.
func TestNeverExpires(t *testing.T) {
	p := newPlace(t)
	ann := save(t, p, login("ann"))
	for _, key := range []string{p.rows, p.index, p.meta} {
		if err := p.client.Expire(t.Context(), key, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	ann.AccessToken = tokenkeep.NewSecret("1000.access.next")
	save(t, p, ann)
	save(t, p, login("bob"))
	for _, key := range []string{p.rows, p.index, p.meta} {
		if ttl := p.client.TTL(t.Context(), key).Val(); ttl != -1 {
			t.Errorf("%s ends in %v", key, ttl)
		}
	}
}

// No secret is in the name of a key or in the index.
func TestNoSecretInIndex(t *testing.T) {
	p := newPlace(t)
	ann := save(t, p, login("ann"))
	members, err := p.client.ZRange(t.Context(), p.index, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	if len(members) != 5 {
		t.Errorf("%d members of the index for one token with four keys, want 5", len(members))
	}
	for _, m := range members {
		for _, secret := range []tokenkeep.Secret{ann.RefreshToken, ann.AccessToken, ann.GrantToken} {
			if strings.Contains(m, secret.Reveal()) {
				t.Error("a secret is in the index")
			}
		}
	}
	ann.AccessToken, ann.GrantToken = tokenkeep.NewSecret("1000.other"), tokenkeep.Secret{}
	save(t, p, ann)
	if n := p.client.ZCard(t.Context(), p.index).Val(); n != 4 {
		t.Errorf("%d members of the index for one token with three keys, want 4", n)
	}
	if err := p.DeleteToken(t.Context(), ann.ID); err != nil {
		t.Fatal(err)
	}
	if n := p.client.ZCard(t.Context(), p.index).Val(); n != 0 {
		t.Errorf("%d members of the index are left", n)
	}
}
