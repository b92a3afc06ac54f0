package storetest_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/storetest"
)

// A bad store, the checks that must see it, and the level that is left.
type badStore struct {
	fault fault
	level storetest.Level
	seen  []string
}

func badStores() []badStore {
	return []badStore{
		{ignoresVersion, storetest.Basic, []string{"versioned/stale-conflicts", "versioned/counter", "versioned/one-winner", "versioned/linearizable"}},
		{losesUpdates, storetest.Basic, []string{"versioned/counter", "versioned/one-winner", "versioned/upsert-race", "versioned/linearizable"}},
		{readsBehind, storetest.Basic, []string{"versioned/linearizable"}},
		{firstRow, storetest.None, []string{"functional/find-no-key"}},
		{guessesRow, storetest.None, []string{"functional/find-ambiguous"}},
		{reusesIDs, storetest.None, []string{"functional/ids-never-reused"}},
		{doesNotCopy, storetest.None, []string{"functional/copies"}},
		{blanksRefresh, storetest.None, []string{"functional/upsert-never-blanks-refresh-token"}},
		{foldsCase, storetest.None, []string{"functional/find-exact", "functional/values-alike"}},
		{ignoresContext, storetest.None, []string{"functional/context"}},
		{resurrects, storetest.Basic, []string{"versioned/missing-conflicts", "keeper/deleted-stays-deleted"}},
		{deadlocks, storetest.None, []string{"functional/list-save-inside", "functional/list-delete-inside"}},
		{cutsSeconds, storetest.None, []string{"functional/round-trip", "functional/values-times"}},
	}
}

// TestBadStores shows that the suite sees what it is there to see.
func TestBadStores(t *testing.T) {
	for _, bad := range badStores() {
		t.Run(string(bad.fault), func(t *testing.T) {
			cfg := memoryConfig(func() bookStore { return newMemoryShelf(bad.fault) })
			cfg.Short = true
			if bad.level == storetest.None {
				cfg.Level = storetest.Basic // what is left to see is slow, and for some a race
			}
			if bad.fault == deadlocks {
				cfg.Limit = 2 * time.Second // a deadlock is seen when the time is up
			}
			expectSeen(t, storetest.Check(t, cfg), bad)
		})
	}
}

// TestGoodBook shows that the bad stores fail for their faults alone.
func TestGoodBook(t *testing.T) {
	cfg := memoryConfig(func() bookStore { return newMemoryShelf() })
	cfg.Short = true
	storetest.Run(t, cfg)
}

// expectSeen tells when a report has not the level and the failures of bad.
func expectSeen(t *testing.T, r storetest.Report, bad badStore) {
	t.Helper()
	if r.Level != bad.level {
		t.Errorf("a store that %s reaches the level %s, want %s", bad.fault, r.Level, bad.level)
	}
	for _, name := range bad.seen {
		if !slices.Contains(r.Failed, name) {
			t.Errorf("a store that %s passes %s", bad.fault, name)
		}
		if len(r.Problems[name]) == 0 {
			t.Errorf("the report does not say why %s failed", name)
		}
	}
	if t.Failed() {
		t.Logf("%s", r)
	}
}

func TestReportIsJSON(t *testing.T) {
	cfg := memoryConfig(func() bookStore { return newMemoryShelf(firstRow) })
	cfg.Short, cfg.Level = true, storetest.Basic
	r := storetest.Check(t, cfg)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got storetest.Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Level != r.Level || !slices.Equal(got.Failed, r.Failed) || !slices.Equal(got.Skipped, r.Skipped) {
		t.Errorf("the report did not survive JSON: %s", data)
	}
	if !slices.Contains(r.Skipped, "versioned/counter") {
		t.Error("a check above the claimed level was not skipped")
	}
}
