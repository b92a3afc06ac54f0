package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// find returns the row of the target that is the same login as row, or nil. It
// fails if the target has another login where row would go.
func (m *migration) find(ctx context.Context, row *tokenkeep.Token) (*tokenkeep.Token, error) {
	if row.ClientID != "" && !row.RefreshToken.IsZero() {
		have, err := m.to.FindToken(ctx, &tokenkeep.Token{ClientID: row.ClientID, RefreshToken: row.RefreshToken})
		if errors.Is(err, tokenkeep.ErrAmbiguous) {
			return nil, rowErrorf(removeHint, "several tokens of the target have its refresh token")
		}
		if !errors.Is(err, tokenkeep.ErrNotFound) {
			return have, err
		}
	}
	have, err := m.to.FindToken(ctx, row)
	switch {
	case errors.Is(err, tokenkeep.ErrNotFound):
		return nil, nil
	case errors.Is(err, tokenkeep.ErrNoKey):
		return m.scan(ctx, row)
	case errors.Is(err, tokenkeep.ErrAmbiguous):
		return nil, rowErrorf(removeHint, "several tokens of the target fit it")
	case err != nil:
		return nil, err
	case loginDigest(have) != loginDigest(row):
		return nil, rowErrorf(removeHint, "the target has another login of this user, client and data centre (token %s there)", have.ID)
	}
	return have, nil
}

const removeHint = "decide which login stays; tokenkeep tokens delete ID --store URL deletes the other one, then run it again"

// scan finds row among all rows of the target: nothing in it can be looked up.
func (m *migration) scan(ctx context.Context, row *tokenkeep.Token) (*tokenkeep.Token, error) {
	want := loginDigest(row)
	for t, err := range m.to.GetTokens(ctx) {
		if err != nil {
			return nil, err
		}
		if loginDigest(t) == want {
			return t, nil
		}
	}
	return nil, nil
}

// tellApart finds out that a row of the target is the row of the source itself,
// because both stores are one under two names.
func (m *migration) tellApart(row, have *tokenkeep.Token) error {
	if have == nil {
		return nil
	}
	claimed := m.opt.Move && have.Claim.Owner == m.opt.Owner
	twin := have.ID == row.ID && have.Version == row.Version && have.Version > 0 &&
		!have.UpdatedAt.IsZero() && have.UpdatedAt.Equal(row.UpdatedAt)
	if claimed || twin {
		return fmt.Errorf("%w: token %s is in both, down to the time of its last save", ErrSame, row.ID)
	}
	return nil
}

// age compares when row of the source and have of the target were used last: it
// is positive if row is newer.
func age(row, have *tokenkeep.Token) int {
	return cmp.Or(
		compareTimes(row.Expiry, have.Expiry),
		compareTimes(row.UsedAt, have.UsedAt),
		compareTimes(row.State.Since, have.State.Since),
	)
}

// compareTimes compares to the millisecond, which is what all stores keep.
func compareTimes(a, b time.Time) int {
	return a.Truncate(time.Millisecond).Compare(b.Truncate(time.Millisecond))
}

// look is the time between two looks at a row that is being refreshed.
const look = 50 * time.Millisecond

// released returns the row when nobody refreshes it any more, nil when it is gone.
func (m *migration) released(ctx context.Context, row *tokenkeep.Token) (*tokenkeep.Token, error) {
	began, still := time.Now(), time.Now()
	version := row.Version
	for first := true; ; first = false {
		if m.opt.Move || !first { // what is deleted has to be read last
			now, err := m.from.FindTokenByID(ctx, row.ID)
			if errors.Is(err, tokenkeep.ErrNotFound) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			row = now
		}
		if !foreign(row.Claim) {
			return row, nil
		}
		if row.Version != version {
			version, still = row.Version, time.Now()
		}
		if time.Since(still) > m.opt.Patience/3 || time.Since(began) > m.opt.Patience {
			return nil, claimed(row)
		}
		if err := sleep(ctx, look); err != nil {
			return nil, err
		}
	}
}

// foreign reports whether a claim is held by something else than a migration.
func foreign(c tokenkeep.Claim) bool {
	return c.Held() && (len(c.Owner) < len(OwnerPrefix) || c.Owner[:len(OwnerPrefix)] != OwnerPrefix)
}

func claimed(row *tokenkeep.Token) error {
	return rowErrorf("stop the programs that use the source; if none runs, tokenkeep refresh "+row.ID+" --store URL ends what a killed one began; then run it again",
		"it is being refreshed by another program (%s)", row.Claim.Owner)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
