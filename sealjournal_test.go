package tokenkeep

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// twoKeys seals with the first sealer, and opens with either.
type twoKeys struct{ first, second xorSealer }

func (s twoKeys) Seal(plain, aad []byte) ([]byte, error) { return s.first.Seal(plain, aad) }

func (s twoKeys) Open(sealed, aad []byte) ([]byte, error) {
	if plain, err := s.first.Open(sealed, aad); err == nil {
		return plain, nil
	}
	return s.second.Open(sealed, aad)
}

// Records from before a change of keys, or from before there was a key, open with the
// new key alone afterwards, and are merged as they would have been.
func TestSealJournal(t *testing.T) {
	for name, before := range map[string]Sealer{"clear": nil, "old key": xorSealer{7}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newRescueSetup(t)
				s.sealer = before
				row := stored(t, s.store, -time.Minute)
				s.lose(t, row)
				s.sealer = twoKeys{xorSealer{9}, xorSealer{7}}
				n, err := s.keeper().SealJournal(t.Context())
				must(t, err)
				if n != 1 || len(s.files(t)) != 1 {
					t.Fatalf("sealed %d records, there are %v", n, s.files(t))
				}
				content, err := os.ReadFile(s.files(t)[0])
				must(t, err)
				if strings.Contains(string(content), "1000.access") {
					t.Error("the record is in clear")
				}
				s.sealer = xorSealer{9}
				minted := s.p.refreshes.Load()
				_, err = open(t, s.keeper(), row.ID).Token(t.Context())
				must(t, err)
				if s.p.refreshes.Load() != minted {
					t.Error("the token in the record was not used")
				}
			})
		})
	}
}

// What cannot be opened stays, and is told of; what is damaged is passed over.
func TestSealJournalLeavesWhatItCannotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.sealer = xorSealer{7}
		s.lose(t, stored(t, s.store, -time.Minute))
		before := s.files(t)[0]
		must(t, os.WriteFile(filepath.Join(s.dir, "refresh-0-torn.rec"), []byte("torn"), 0o600))
		s.sealer = xorSealer{9}
		if n, err := s.keeper().SealJournal(t.Context()); n != 0 || err == nil {
			t.Errorf("sealed %d, %v", n, err)
		}
		if _, err := os.Stat(before); err != nil || len(s.files(t)) != 2 {
			t.Errorf("%v, %v", s.files(t), err)
		}
		s.sealer = xorSealer{7}
		s.recover(t, RecoverReport{Merged: 1, Damaged: 1})
	})
}

// failingSealer does something before it seals, or instead.
type failingSealer struct {
	xorSealer
	before func() error
}

func (s failingSealer) Seal(plain, aad []byte) ([]byte, error) {
	if err := s.before(); err != nil {
		return nil, err
	}
	return s.xorSealer.Seal(plain, aad)
}

// A record that was merged or dropped meanwhile does not come back.
func TestSealJournalBringsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.sealer = xorSealer{7}
		s.loseLogin(t, &Grant{Code: NewSecret("1000.code"), UserName: "ann"})
		s.sealer = failingSealer{xorSealer{7}, func() error { return os.Remove(s.files(t)[0]) }}
		if n, err := s.keeper().SealJournal(t.Context()); n != 0 || err != nil {
			t.Errorf("sealed %d, %v", n, err)
		}
		if len(s.files(t)) != 0 {
			t.Errorf("it is back: %v", s.files(t))
		}
	})
}

func TestSealJournalWithoutAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		if n, err := s.keeper().SealJournal(t.Context()); n != 0 || err != nil {
			t.Errorf("without a sealer: %d, %v", n, err)
		}
		s.sealer = xorSealer{7}
		if n, err := s.keeper().SealJournal(t.Context()); n != 0 || err != nil {
			t.Errorf("without a folder: %d, %v", n, err)
		}
		s.lose(t, stored(t, s.store, -time.Minute))
		broken := errors.New("no key")
		s.sealer = failingSealer{xorSealer{7}, func() error { return broken }}
		if n, err := s.keeper().SealJournal(t.Context()); n != 0 || !errors.Is(err, broken) || len(s.files(t)) != 1 {
			t.Errorf("with a sealer that fails: %d, %v", n, err)
		}
	})
}
