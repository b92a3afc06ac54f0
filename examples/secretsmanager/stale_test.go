package secretsmanager_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/storetest"
)

// staleReads is how many reads do not see what was written before.
const staleReads = 3

// TestStaleReadsLoseNothing: a reader who sees an old version cannot save over
// the new one.
func TestStaleReadsLoseNothing(t *testing.T) {
	_, url := newStandIn(t, staleReads)
	s := open(newClient(), url)
	row := &tokenkeep.Token{UserName: "ann", AccessToken: tokenkeep.NewSecret("1000.a")}
	if err := s.SaveToken(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 5
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := increment(t.Context(), s, row.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := settled(t, s, row.ID)
	if got.State.Failures != writers*each || got.Version != 1+writers*each {
		t.Errorf("%d of %d increments are left, version %d", got.State.Failures, writers*each, got.Version)
	}
}

// increment counts by compare-and-swap, as the Keeper does everything: whoever is
// late reads again.
func increment(ctx context.Context, s tokenkeep.TokenStore, id string) error {
	for {
		row, err := s.FindTokenByID(ctx, id)
		if err == nil {
			row.State.Failures++
			err = s.SaveToken(ctx, row)
		}
		if !errors.Is(err, tokenkeep.ErrConflict) && !errors.Is(err, tokenkeep.ErrNotFound) {
			return err
		}
	}
}

// settled reads until nothing is stale.
func settled(t *testing.T, s tokenkeep.TokenStore, id string) (got *tokenkeep.Token) {
	t.Helper()
	for range staleReads + 1 {
		var err error
		if got, err = s.FindTokenByID(t.Context(), id); err != nil && !errors.Is(err, tokenkeep.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return got
}

// TestStaleReadsAreNotCertified: but it finds too little, and may save a user's
// second login beside the first; the suite sees that, and gives no level.
func TestStaleReadsAreNotCertified(t *testing.T) {
	client := newClient()
	report := storetest.Check(t, storetest.Config{
		Open: func(_ context.Context, dsn string) (tokenkeep.TokenStore, error) {
			return open(client, dsn), nil
		},
		NewDSN: func(tb testing.TB) string {
			tb.Helper()
			_, url := newStandIn(tb, staleReads)
			return url
		},
		Level: storetest.Basic, Short: true, MaxBytes: 48 << 10,
	})
	if report.Level != storetest.None {
		t.Errorf("level %q, with reads that lag", report.Level)
	}
	t.Log(report)
}
