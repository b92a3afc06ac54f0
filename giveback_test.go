package tokenkeep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// sluggishStore takes its time for each save: before it, or for its answer.
type sluggishStore struct {
	*MemoryStore
	early, late time.Duration
}

func (s *sluggishStore) SaveToken(ctx context.Context, t *Token) error {
	if s.early > 0 {
		if err := sleep(ctx, s.early); err != nil {
			return err
		}
	}
	row := t.Clone()
	if err := s.MemoryStore.SaveToken(ctx, row); err != nil {
		return err
	}
	if s.late > 0 {
		if err := sleep(ctx, s.late); err != nil {
			return err // it was saved
		}
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// A store whose writes take longer than a claim may stand still lets no request
// through. That leaves nothing behind: no claim, no mint that was never asked for,
// and no doubt whether a strict rotator's refresh token was spent.
func TestSlowStoreLeavesNoClaimBehind(t *testing.T) {
	for name, s := range map[string]sluggishStore{
		"slow":        {early: 3 * defaultClaimTime / 2},
		"slow answer": {late: 3 * defaultClaimTime / 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, p := &sluggishStore{NewMemoryStore(), 0, 0}, &stubProvider{limits: Limits{Rotation: RotationStrict, Mints: 10, Window: time.Hour}}
			row := stored(t, store, -time.Minute)
			store.early, store.late = s.early, s.late
			for range 3 {
				if _, err := open(t, New(store, p, nil), row.ID).Token(t.Context()); ClassOf(err) != RetryLater {
					t.Errorf("%s: %v", name, err)
				}
			}
			if got := read(t, store, row.ID); got.Claim.Held() || len(got.Mints) > 0 || got.State.Class != "" {
				t.Errorf("%s: claim %q, %d mints, state %q are left", name, got.Claim.Owner, len(got.Mints), got.State.Class)
			}
			store.early, store.late = 0, 0
			began := time.Now()
			_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
			if err != nil || p.refreshes.Load() != 1 || time.Since(began) > time.Second {
				t.Errorf("%s: %v, %d requests, after %v", name, err, p.refreshes.Load(), time.Since(began))
			}
		})
	}
}

// A claim that took over a dead one stays: the dead process may have asked.
func TestClaimOverADeadOneIsNotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := &sluggishStore{NewMemoryStore(), 0, 0}, &stubProvider{}
		row := stored(t, store, -time.Minute)
		row.Claim = Claim{Owner: "dead", Since: time.Now()}
		must(t, store.SaveToken(t.Context(), row))
		store.early = 3 * defaultClaimTime / 2
		_, err := open(t, New(store, p, nil), row.ID).Token(t.Context())
		if got := read(t, store, row.ID); err == nil || !got.Claim.Held() {
			t.Errorf("%v, claim %q", err, got.Claim.Owner)
		}
	})
}
