package tokenkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A successor that a strict rotator gave is saved, whoever claims the row by
// then: it is the only one that works.
func TestResumedHolderSavesTheOnlySuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Rotation: RotationStrict}}
		p.refresh = func(_ context.Context, _ int64, r *Token) (*Token, error) {
			if r.RefreshToken.Reveal() != "1000.refresh.0" {
				t.Error("another refresh token was sent")
			}
			m := p.mint()
			m.RefreshToken = NewSecret("1000.refresh.successor")
			return m, nil
		}
		row := stored(t, store, -time.Minute)
		stopped := New(store, p, &Options{OnStep: func(_ context.Context, step int) {
			if step == 8 {
				time.Sleep(20 * time.Second)
			}
		}})
		defer stopped.Close()
		go func() { _, _ = open(t, stopped, row.ID).Token(t.Context()) }()
		time.Sleep(time.Second)
		// The claim of a strict rotator's holder stands still: it may have asked.
		if _, err := open(t, New(store, p, nil), row.ID).Token(t.Context()); !errors.Is(err, ErrInDoubt) {
			t.Errorf("the other process: %v", err)
		}
		time.Sleep(time.Minute)
		got := read(t, store, row.ID)
		if got.RefreshToken.Reveal() != "1000.refresh.successor" || got.State != (State{}) || p.refreshes.Load() != 1 {
			t.Errorf("state %v, %d requests, saved: %t", got.State, p.refreshes.Load(), got.RefreshToken.Reveal() == "1000.refresh.successor")
		}
	})
}

// A provider that was declared a strict rotator, to be on the safe side, and rotates
// nothing: the answer of a holder that comes late ends the doubt.
func TestLateAnswerWithoutASuccessorEndsTheDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{limits: Limits{Rotation: RotationStrict}}
		row := stored(t, store, -time.Minute)
		late := New(store, p, &Options{OnStep: func(_ context.Context, step int) {
			if step == 8 {
				time.Sleep(20 * time.Second)
			}
		}})
		defer late.Close()
		go func() { _, _ = open(t, late, row.ID).Token(t.Context()) }()
		time.Sleep(time.Second)
		s := open(t, New(store, p, nil), row.ID)
		if _, err := s.Token(t.Context()); !errors.Is(err, ErrInDoubt) {
			t.Errorf("before: %v", err)
		}
		time.Sleep(time.Minute)
		if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" {
			t.Errorf("after: %q, %v", tok.Reveal(), err)
		}
	})
}
