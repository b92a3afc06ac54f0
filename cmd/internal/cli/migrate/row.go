package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// tries is how often a row is begun anew when another program changes it at the
// same moment.
const tries = 5

// An outcome is what became of a row.
type outcome int

const (
	present outcome = iota + 1
	updated
	copied
)

// row copies one row and, with Move, deletes it from the source. It counts what
// became of it.
func (m *migration) row(ctx context.Context, t *tokenkeep.Token) error {
	var done outcome
	for try := 1; ; try++ {
		row, err := m.released(ctx, t)
		if err != nil {
			return err
		}
		if row == nil {
			m.res.Rows-- // it was deleted meanwhile
			return nil
		}
		o, err := m.bring(ctx, row)
		done = max(done, o) // what an earlier try copied is there in the next one
		if err == nil {
			m.count(done)
			return nil
		}
		if !errors.Is(err, tokenkeep.ErrConflict) || try == tries {
			return err
		}
	}
}

func (m *migration) count(o outcome) {
	switch o {
	case present:
		m.res.Present++
	case updated:
		m.res.Updated++
	case copied:
		m.res.Copied++
	}
	if m.opt.Move && !m.opt.DryRun {
		m.res.Deleted++
	}
}

// bring copies the row or moves it.
func (m *migration) bring(ctx context.Context, row *tokenkeep.Token) (outcome, error) {
	if m.opt.Move && !m.opt.DryRun {
		return m.move(ctx, row)
	}
	o, _, err := m.copy(ctx, row)
	return o, err
}

// move claims the row, so that no Keeper refreshes it meanwhile, copies it, and
// deletes it.
func (m *migration) move(ctx context.Context, row *tokenkeep.Token) (outcome, error) {
	claimed := row.Clone()
	claimed.Claim = tokenkeep.Claim{Owner: m.opt.Owner, Since: time.Now()}
	if err := m.from.SaveToken(ctx, claimed); err != nil {
		return 0, err
	}
	o, twin, err := m.copy(ctx, row)
	if err != nil {
		return 0, errors.Join(err, m.release(ctx, claimed))
	}
	err = m.remove(ctx, claimed)
	if errors.Is(err, tokenkeep.ErrNotFound) {
		return m.gone(ctx, o, twin)
	}
	if err != nil {
		return o, errors.Join(err, m.release(ctx, claimed))
	}
	return o, nil
}

// gone follows a deletion in the source: deleted stays deleted.
func (m *migration) gone(ctx context.Context, o outcome, twin *tokenkeep.Token) (outcome, error) {
	if o == copied {
		if err := m.takeBack(ctx, twin); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: it was deleted while it was moved", tokenkeep.ErrConflict) // to find that it is gone
}

// remove deletes the row if it is still as it was claimed.
func (m *migration) remove(ctx context.Context, claimed *tokenkeep.Token) error {
	now, err := m.from.FindTokenByID(ctx, claimed.ID)
	if err != nil {
		return err
	}
	if now.Version != claimed.Version {
		return fmt.Errorf("%w: it was changed while it was moved", tokenkeep.ErrConflict)
	}
	return m.from.DeleteToken(ctx, claimed.ID)
}

// takeBack deletes a row that was added to the target.
func (m *migration) takeBack(ctx context.Context, added *tokenkeep.Token) error {
	if err := m.to.DeleteToken(ctx, added.ID); err != nil {
		return err
	}
	m.full.sub(contentDigest(added))
	m.logins.sub(loginDigest(added))
	return nil
}

// release gives a claim back, also after ctx has ended. A row that has changed
// since has lost it already.
func (m *migration) release(ctx context.Context, claimed *tokenkeep.Token) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	free := claimed.Clone()
	free.Claim = tokenkeep.Claim{}
	err := m.from.SaveToken(ctx, free)
	if errors.Is(err, tokenkeep.ErrConflict) {
		return nil
	}
	return err
}

// copy brings one row into the target and returns what is there then.
func (m *migration) copy(ctx context.Context, row *tokenkeep.Token) (outcome, *tokenkeep.Token, error) {
	for try := 1; ; try++ {
		have, err := m.find(ctx, row)
		if err != nil {
			return 0, nil, err
		}
		if err := m.tellApart(row, have); err != nil {
			return 0, nil, err
		}
		o := judge(row, have)
		if o == present || m.opt.DryRun {
			return o, have, nil
		}
		if have != nil && foreign(have.Claim) {
			return 0, nil, rowErrorf("run it again", "its older copy in the target is being refreshed by another program")
		}
		want, err := m.write(ctx, row, have)
		if !errors.Is(err, tokenkeep.ErrConflict) || try == tries {
			return o, want, err
		}
	}
}

// judge decides what to do with row, for which the target has have or nothing.
func judge(row, have *tokenkeep.Token) outcome {
	switch {
	case have == nil:
		return copied
	case age(row, have) < 0, difference(target(row, have), have) == "":
		return present
	}
	return updated
}

// write adds row to the target, or brings have, which is the same login there, up
// to date.
func (m *migration) write(ctx context.Context, row, have *tokenkeep.Token) (*tokenkeep.Token, error) {
	want := target(row, have)
	if err := m.to.SaveToken(ctx, want); err != nil {
		return nil, err
	}
	if err := m.readBack(ctx, want, have == nil); err != nil {
		return nil, err
	}
	if have != nil {
		m.full.sub(contentDigest(have))
		m.logins.sub(loginDigest(have))
	}
	m.full.add(contentDigest(want))
	m.logins.add(loginDigest(want))
	return want, nil
}

// target is what is saved for row: a new row, or the next version of have.
func target(row, have *tokenkeep.Token) *tokenkeep.Token {
	want := row.Clone()
	want.ID, want.Version, want.Claim = "", 0, tokenkeep.Claim{}
	if have != nil {
		want.ID, want.Version, want.CreatedAt = have.ID, have.Version, have.CreatedAt
		want.UserName = cmp.Or(want.UserName, have.UserName)
	}
	return want
}

// readBack compares what was saved with what the target has. A row that was added
// and is not what it should be is taken away again.
func (m *migration) readBack(ctx context.Context, want *tokenkeep.Token, added bool) error {
	got, err := m.to.FindTokenByID(ctx, want.ID)
	if errors.Is(err, tokenkeep.ErrNotFound) {
		return rowErrorf("stop the programs that use the target, then run it again", "it was deleted from the target as soon as it was there")
	}
	if err != nil {
		return err
	}
	if got.Version != want.Version && loginDigest(got) == loginDigest(want) {
		return nil // a program that uses the target was faster
	}
	field := difference(want, got)
	if field == "" {
		return nil
	}
	if added {
		if err := m.to.DeleteToken(ctx, want.ID); err != nil && !errors.Is(err, tokenkeep.ErrNotFound) {
			return err
		}
	}
	return rowErrorf("the target cannot hold this value; see its documentation", "the target gives back another %s than was saved", field)
}
