package sealedstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A key that something else than a row needs, such as a record of a rescue journal, is
// not retired; nor is one of which that cannot be told.
func TestRetireAsksWhatElseIsSealed(t *testing.T) {
	keys := newKeyring(t)
	sealed, err := keys.Seal([]byte("a record"), nil)
	if err != nil {
		t.Fatal(err)
	}
	unknown := errors.New("the journal cannot be read")
	var answer error
	records := [][]byte{sealed}
	uses := func(context.Context) (map[string]int, error) {
		count := map[string]int{}
		for _, r := range records {
			id, err := sealedstore.KeyOf(r)
			if err != nil {
				t.Error(err)
			}
			count[id]++
		}
		return count, answer
	}
	s := newStore(t, tokenkeep.NewMemoryStore(), keys, &sealedstore.Options{AlsoInUse: uses})
	old := keys.Primary()
	rotate(t, s, 0)
	if err := s.Retire(t.Context(), old); !errors.Is(err, sealedstore.ErrKeyInUse) {
		t.Errorf("retirement of the key of a record: %v", err)
	}
	records, answer = nil, unknown
	if err := s.Retire(t.Context(), old); !errors.Is(err, unknown) {
		t.Errorf("retirement without knowing: %v", err)
	}
	if _, err := keys.Open(sealed, nil); err != nil {
		t.Errorf("the record does not open any more: %v", err)
	}
	answer = nil
	if err := s.Retire(t.Context(), old); err != nil {
		t.Error(err)
	}
}

// A record that appears while its key is retired brings the key back.
func TestRetireBringsAKeyBackThatARecordNeeds(t *testing.T) {
	keys := newKeyring(t)
	looks := 0
	old := keys.Primary()
	s := newStore(t, tokenkeep.NewMemoryStore(), keys, &sealedstore.Options{Archive: true, AlsoInUse: func(context.Context) (map[string]int, error) {
		looks++
		return map[string]int{old: looks - 1}, nil
	}})
	rotate(t, s, 0)
	if err := s.Retire(t.Context(), old); !errors.Is(err, sealedstore.ErrKeyInUse) {
		t.Errorf("retirement: %v", err)
	}
	if ids := keys.IDs(); len(ids) != 2 || ids[1] != old {
		t.Errorf("keys: %v", ids)
	}
}

// A key that is put aside opens nothing, is named by the error, and can be brought back.
func TestArchivedKey(t *testing.T) {
	path := filepath.Join(newFolder(t), "key")
	keys := openKeyring(t, sealedstore.KeyFile(path))
	first := keys.Primary()
	forgotten := newStore(t, tokenkeep.NewMemoryStore(), keys, nil)
	row := save(t, forgotten, token("ann"))

	s := newStore(t, tokenkeep.NewMemoryStore(), keys, &sealedstore.Options{Archive: true})
	rotate(t, s, 0)
	if err := s.Retire(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if ids := keys.IDs(); len(ids) != 1 || ids[0] == first {
		t.Errorf("keys after the retirement: %v", ids)
	}
	_, err := forgotten.FindTokenByID(t.Context(), row.ID)
	refused(t, err, sealedstore.ErrKeyMissing, "a row whose key was put aside")
	if err != nil && !strings.Contains(err.Error(), `"# retired "`) {
		t.Errorf("the error does not say where the key is: %v", err)
	}
	primary := keys.Primary()
	edit(t, path, func(text string) string { return strings.Replace(text, "# retired ", "", 1) + "\n" })
	same(t, get(t, forgotten, row.ID), row, "the row after its key was brought back")

	if keys.Primary() != primary {
		t.Error("a key that was brought back seals")
	}

	if err := newStore(t, tokenkeep.NewMemoryStore(), keys, nil).Retire(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if text := read(t, path); strings.Count(text, "retired") != 0 {
		t.Error("a key that was given up is still in the file")
	}
}

func TestKeyOfNothingSealed(t *testing.T) {
	for _, data := range []string{"", "tkd1.", "plain", "tk1.x.1.abc"} {
		_, err := sealedstore.KeyOf([]byte(data))
		refused(t, err, tokenkeep.ErrCorrupt, data)
	}
}

// A rotation tells how far it is.
func TestRotationTellsItsProgress(t *testing.T) {
	var told []int
	s := newStore(t, tokenkeep.NewMemoryStore(), newKeyring(t), &sealedstore.Options{Progress: func(rows int) { told = append(told, rows) }})
	save(t, s, token("ann"))
	save(t, s, token("bob"))
	rotate(t, s, 2)
	if len(told) != 2 || told[1] != 2 {
		t.Errorf("told %v", told)
	}
}
