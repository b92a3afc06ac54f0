package sealedstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// hookStore calls a function once, before the save that follows.
type hookStore struct {
	tokenkeep.TokenStore
	beforeSave func()
}

func (s *hookStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if f := s.beforeSave; f != nil {
		s.beforeSave = nil
		f()
	}
	return s.TokenStore.SaveToken(ctx, t)
}

func rotate(tb testing.TB, s *sealedstore.Store, want int) string {
	tb.Helper()
	sum, err := s.Rotate(tb.Context(), "")
	if err != nil {
		tb.Fatal(err)
	}
	if sum.Sealed != want || sum.Failed != 0 {
		tb.Errorf("the rotation sealed %d rows and failed on %d, want %d and 0", sum.Sealed, sum.Failed, want)
	}
	return sum.Primary
}

// usedBy tells when rows are sealed with other keys than want says.
func usedBy(tb testing.TB, s *sealedstore.Store, want map[string]int) {
	tb.Helper()
	uses, err := s.KeysInUse(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if fmt.Sprint(uses) != fmt.Sprint(want) {
		tb.Errorf("rows by key: %v, want %v", uses, want)
	}
}

// A rotation seals all rows, changes no version that callers see, and the old key
// can go afterwards.
func TestRotate(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	plain := save(t, inner, token("plain"))
	s := newStore(t, inner, newKeyring(t), nil)
	old := s.Keys().Primary()
	var rows []*tokenkeep.Token
	for i := range 5 {
		rows = append(rows, save(t, s, token(fmt.Sprintf("user%d", i))))
	}
	save(t, s, rows[1])
	usedBy(t, s, map[string]int{"": 1, old: 5})
	primary := rotate(t, s, 6)
	if primary == old || s.Keys().Primary() != primary {
		t.Errorf("the primary key is %s after a rotation from %s to %s", s.Keys().Primary(), old, primary)
	}
	usedBy(t, s, map[string]int{primary: 6})
	for _, row := range append(rows, plain) {
		same(t, get(t, s, row.ID), row, "after a rotation")
		save(t, s, row) // with the version that was read before
	}
	found, err := s.FindToken(t.Context(), &tokenkeep.Token{ClientID: rows[0].ClientID, RefreshToken: rows[0].RefreshToken})
	if err != nil || found.ID != rows[0].ID {
		t.Errorf("find by refresh token after a rotation: %v", err)
	}
	if err := s.Retire(t.Context(), old); err != nil {
		t.Errorf("an unused key is not retired: %v", err)
	}
	if ids := s.Keys().IDs(); len(ids) != 1 || ids[0] != primary {
		t.Errorf("keys after the retirement: %v", ids)
	}
}

func TestRetireRefusesAKeyInUse(t *testing.T) {
	path := filepath.Join(newFolder(t), "key")
	s := newStore(t, tokenkeep.NewMemoryStore(), openKeyring(t, sealedstore.KeyFile(path)), nil)
	old := s.Keys().Primary()
	refuse := func(id, what string, target error) {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Retire(t.Context(), id); !errors.Is(err, target) {
			t.Errorf("retirement of %s: %v", what, err)
		}
		after, err := os.Stat(path)
		if err != nil || id == old && !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("the retirement of %s changed the key file before it was refused: %v", what, err)
		}
	}
	refuse(old, "the primary key, which no row uses", sealedstore.ErrKeyInUse)
	row := save(t, s, token("ann"))
	refuse(old, "the primary key", sealedstore.ErrKeyInUse)
	if _, err := s.Keys().AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuse(old, "a key in use", sealedstore.ErrKeyInUse)
	refuse("0123456789", "an unknown key", sealedstore.ErrKeyMissing)
	same(t, get(t, s, row.ID), row, "after refused retirements")
	rotateTo(t, s, s.Keys().Primary(), 1)
	if err := s.Retire(t.Context(), old); err != nil {
		t.Error(err)
	}
}

func rotateTo(tb testing.TB, s *sealedstore.Store, id string, want int) {
	tb.Helper()
	sum, err := s.Rotate(tb.Context(), id)
	if err != nil || sum.Sealed != want {
		tb.Fatalf("rotation to %s: %+v, %v; want %d rows", id, sum, err, want)
	}
}

// A rotation that was cut off goes on where it was.
func TestRotationIsResumed(t *testing.T) {
	inner := &hookStore{TokenStore: tokenkeep.NewMemoryStore()}
	s := newStore(t, inner, newKeyring(t), nil)
	for i := range 6 {
		save(t, s, token(fmt.Sprintf("user%d", i)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	inner.beforeSave = func() { inner.beforeSave = cancel } // in the second save
	sum, err := s.Rotate(ctx, "")
	if !errors.Is(err, context.Canceled) || sum.Sealed == 0 || sum.Sealed > 2 {
		t.Fatalf("a rotation that is cut off: %+v, %v", sum, err)
	}
	rotateTo(t, s, sum.Primary, 6-sum.Sealed)
	rotateTo(t, s, sum.Primary, 0)
	usedBy(t, s, map[string]int{sum.Primary: 6})
}

// A refresh that read the row before a rotation saves after it: what it read is
// still the row's version (T24).
func TestRotationConflictsWithNoSave(t *testing.T) {
	inner := &hookStore{TokenStore: tokenkeep.NewMemoryStore()}
	s := newStore(t, inner, newKeyring(t), nil)
	row := save(t, s, token("ann"))
	rotate(t, s, 1)
	row.AccessToken = tokenkeep.NewSecret("1000.second")
	save(t, s, row)
	inner.beforeSave = func() { rotate(t, s, 1) } // between the save's read and its write
	row.AccessToken = tokenkeep.NewSecret("1000.third")
	save(t, s, row)
	same(t, get(t, s, row.ID), row, "a row that was saved amid a rotation")
	usedBy(t, s, map[string]int{s.Keys().Primary(): 1})
}

// The rotation's own write does not undo a refresh that came between its read and
// its write.
func TestRotationOverwritesNoSave(t *testing.T) {
	inner := &hookStore{TokenStore: tokenkeep.NewMemoryStore()}
	s := newStore(t, inner, newKeyring(t), nil)
	row := save(t, s, token("ann"))
	inner.beforeSave = func() {
		row.AccessToken = tokenkeep.NewSecret("1000.second")
		save(t, s, row)
	}
	if _, err := s.Rotate(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	same(t, get(t, s, row.ID), row, "a row that was refreshed amid a rotation")
	inner.beforeSave = func() {
		if err := s.DeleteToken(t.Context(), row.ID); err != nil {
			t.Error(err)
		}
	}
	rotate(t, s, 0)
	if _, err := s.FindTokenByID(t.Context(), row.ID); !errors.Is(err, tokenkeep.ErrNotFound) {
		t.Errorf("a row that was deleted amid a rotation is back: %v", err)
	}
}

// Another process, which sealed with the key of before, leaves no row behind under
// it: neither one that it saves nor one that it makes while the rotation runs.
func TestRotationLeavesNoRowToAKeyOfBefore(t *testing.T) {
	for what, t2 := range map[string]*tokenkeep.Token{"row that is saved": token("ann"), "row that is made": token("bob")} {
		t.Run(what, func(t *testing.T) {
			shared := tokenkeep.NewMemoryStore()
			file := sealedstore.KeyFile(filepath.Join(newFolder(t), "key"))
			rotating := newStore(t, shared, openKeyring(t, file), nil)
			save(t, rotating, token("ann"))
			old := rotating.Keys().Primary()
			saves := 0
			inner := &hookStore{TokenStore: shared}
			other := newStore(t, inner, openKeyring(t, file), nil)
			hook := func() {
				if _, err := rotating.Rotate(t.Context(), ""); err != nil {
					t.Error(err)
				}
				if err := rotating.Retire(t.Context(), old); err != nil {
					t.Error(err)
				}
			}
			inner.beforeSave = hook
			if t2.UserName == "bob" { // the first save reserves the row, the second fills it
				inner.beforeSave = func() { saves++; inner.beforeSave = hook }
			}
			save(t, other, t2)
			usedBy(t, rotating, map[string]int{rotating.Keys().Primary(): 1 + saves})
			same(t, get(t, rotating, t2.ID), t2, "the row")
		})
	}
}

// A process that was started before a rotation reads, finds and saves after it.
func TestOtherProcessLearnsOfANewKey(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	path := filepath.Join(newFolder(t), "key")
	first := newStore(t, inner, openKeyring(t, sealedstore.KeyFile(path)), nil)
	other := newStore(t, inner, openKeyring(t, sealedstore.KeyFile(path)), nil)
	row := save(t, first, token("ann"))
	for range 3 {
		old := first.Keys().Primary()
		rotate(t, first, 1)
		if err := first.Retire(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		found, err := other.FindToken(t.Context(), &tokenkeep.Token{AccessToken: row.AccessToken})
		if err != nil {
			t.Fatalf("find by access token: %v", err)
		}
		save(t, other, found)
		usedBy(t, first, map[string]int{first.Keys().Primary(): 1})
		row = found
	}
}

// findHook calls a function once, after the look-up that comes first.
type findHook struct {
	tokenkeep.TokenStore
	after func()
}

func (s *findHook) FindToken(ctx context.Context, partial *tokenkeep.Token) (*tokenkeep.Token, error) {
	t, err := s.TokenStore.FindToken(ctx, partial)
	if f := s.after; f != nil {
		s.after = nil
		f()
	}
	return t, err
}

// A look-up by token finds a row that is sealed anew between two looks of it.
func TestRowIsFoundWhileItIsSealedAnew(t *testing.T) {
	shared := tokenkeep.NewMemoryStore()
	keys := newKeyring(t)
	s := newStore(t, shared, keys, nil)
	sealed := save(t, s, token("ann"))
	plain := save(t, shared, token("bob"))
	if _, err := keys.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	inner := &findHook{TokenStore: shared, after: func() { rotateTo(t, s, keys.Primary(), 2) }}
	for _, row := range []*tokenkeep.Token{sealed, plain} {
		got, err := newStore(t, inner, keys, nil).FindToken(t.Context(), &tokenkeep.Token{AccessToken: row.AccessToken})
		if err != nil || got.ID != row.ID {
			t.Errorf("%s: %v", row.UserName, err)
		}
		inner.after = func() { rotate(t, s, 2) }
	}
}

// A retirement that finds a row sealed with the key by then brings the key back.
func TestRetireBringsAKeyBackThatComesIntoUse(t *testing.T) {
	shared := tokenkeep.NewMemoryStore()
	path := filepath.Join(newFolder(t), "key")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old := newStore(t, shared, openKeyring(t, fixedSource(text)), nil) // never learns of another key
	inner := &listHook{TokenStore: shared}
	s := newStore(t, inner, openKeyring(t, sealedstore.KeyFile(path)), nil)
	oldID := s.Keys().Primary()
	rotate(t, s, 0)
	inner.before = func(n int) {
		if n == 2 { // after the first look, and the removal
			save(t, old, token("ann"))
		}
	}
	inner.lists = 0
	if err := s.Retire(t.Context(), oldID); !errors.Is(err, sealedstore.ErrKeyInUse) {
		t.Errorf("retirement of a key that came into use: %v", err)
	}
	if _, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"}); err != nil {
		t.Errorf("the row does not open: %v", err)
	}
}

// listHook calls a function before each listing.
type listHook struct {
	tokenkeep.TokenStore
	before func(n int)
	lists  int
}

func (s *listHook) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	s.lists++
	if s.before != nil {
		s.before(s.lists)
	}
	return s.TokenStore.GetTokens(ctx)
}

func TestRotateNeedsAWritableSource(t *testing.T) {
	first, second := sealedstore.NewKey().Reveal(), sealedstore.NewKey().Reveal()
	inner := tokenkeep.NewMemoryStore()
	before := newStore(t, inner, openKeyring(t, fixedSource(first)), nil)
	save(t, before, token("ann"))
	if _, err := before.Rotate(t.Context(), ""); !errors.Is(err, tokenkeep.ErrReadOnly) || !strings.Contains(err.Error(), "put the new key first") {
		t.Errorf("rotation of a source that cannot be written: %v", err)
	}
	after := newStore(t, inner, openKeyring(t, fixedSource(second+"\n"+first)), nil)
	rotateTo(t, after, after.Keys().Primary(), 1)
	if err := after.Retire(t.Context(), before.Keys().Primary()); !errors.Is(err, tokenkeep.ErrReadOnly) {
		t.Errorf("retirement in a source that cannot be written: %v", err)
	}
	want := token("ann")
	want.Version = 1
	same(t, get(t, newStore(t, inner, openKeyring(t, fixedSource(second)), nil), "1000000000"), want, "a row by the new key alone")
}
