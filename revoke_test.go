package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRevokeFinds(t *testing.T) {
	zone := func(dc, client string) func(*Token) {
		return func(r *Token) {
			r.DataCentre, r.ClientID, r.RefreshToken = dc, client, NewSecret("1000.refresh."+dc+client)
		}
	}
	for name, tt := range map[string]struct {
		query RevokeQuery
		left  string
		err   error
	}{
		"one token":            {RevokeQuery{TokenID: "1000000001"}, "ann@x:7@eu ann@x@eu ann@x@us bob@eu", nil},
		"a user":               {RevokeQuery{UserName: "ann@x"}, "anna@x@eu bob@eu", nil},
		"an organisation":      {RevokeQuery{UserName: "ann@x:7"}, "ann@x@eu ann@x@us anna@x@eu bob@eu", nil},
		"a client":             {RevokeQuery{ClientID: "1000.OTHER"}, "ann@x:7@eu ann@x@eu anna@x@eu bob@eu", nil},
		"a user of a client":   {RevokeQuery{UserName: "ann@x", ClientID: "1000.CLIENT"}, "ann@x@us anna@x@eu bob@eu", nil},
		"all":                  {RevokeQuery{All: true}, "", nil},
		"nothing is asked for": {RevokeQuery{}, "ann@x:7@eu ann@x@eu ann@x@us anna@x@eu bob@eu", ErrNoKey},
		"no such user":         {RevokeQuery{UserName: "an@x"}, "ann@x:7@eu ann@x@eu ann@x@us anna@x@eu bob@eu", ErrNotFound},
		"no such token":        {RevokeQuery{TokenID: "1000000099"}, "ann@x:7@eu ann@x@eu ann@x@us anna@x@eu bob@eu", ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			rows, p := NewMemoryStore(), &stubProvider{}
			savedLogin(t, rows, "ann@x", zone("eu", "1000.CLIENT"))
			savedLogin(t, rows, "anna@x", nil)
			savedLogin(t, rows, "ann@x", zone("us", "1000.OTHER"))
			savedLogin(t, rows, "ann@x:7", nil)
			savedLogin(t, rows, "bob", nil)
			dry := tt.query
			dry.DryRun = true
			k := New(rows, p, nil)
			before := rowsOf(t, rows)
			planned, planErr := k.Revoke(t.Context(), dry)
			if !reflect.DeepEqual(rowsOf(t, rows), before) || len(p.revoked) > 0 {
				t.Errorf("a dry run changed something, or revoked %v", p.revoked)
			}
			r, err := k.Revoke(t.Context(), tt.query)
			if !errors.Is(err, tt.err) || !errors.Is(planErr, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("errors %v and %v, want %v", err, planErr, tt.err)
			}
			var left []string
			for name := range rowsOf(t, rows) {
				left = append(left, name)
			}
			slices.Sort(left)
			if got := strings.Join(left, " "); got != tt.left {
				t.Errorf("left: %s, want %s", got, tt.left)
			}
			if r.Total() != 5-len(left) || len(p.revoked) != r.Total() || planned.Total() != r.Total() {
				t.Errorf("ended %d, planned %d, revoked %v", r.Total(), planned.Total(), p.revoked)
			}
		})
	}
}

// What cannot be revoked stays as it was, and goes on working; the error says which
// it is.
func TestRevokeThatFailsLeavesTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		kept := savedLogin(t, rows, "ann", func(r *Token) { r.State = State{Class: RetryLater, Reason: "an earlier failure"} })
		savedLogin(t, rows, "bob", nil)
		p.revoke = func(r *Token) error {
			if now := read(t, rows, r.ID); now.State.Class != NeedsLogin || !now.Claim.Held() {
				t.Errorf("%s is revoked and not marked: %+v", r.UserName, now.State)
			}
			if r.UserName == "ann" {
				return &Error{Class: RetryLater, Op: "revoke", Reason: "Zoho is down"}
			}
			return nil
		}
		k := New(rows, p, nil)
		r, err := k.Revoke(t.Context(), RevokeQuery{All: true})
		if err == nil || !strings.Contains(err.Error(), "1 of 2") || !strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "bob") {
			t.Errorf("error %v", err)
		}
		if r.Failed != 1 || r.Ended[CauseRevoked] != 1 || len(r.Failures) != 1 || r.Failures[0].TokenID != kept.ID {
			t.Errorf("report %+v", r)
		}
		now := read(t, rows, kept.ID)
		if now.State != kept.State || now.Claim.Held() || !now.RefreshToken.Equal(kept.RefreshToken) || len(rowsOf(t, rows)) != 1 {
			t.Errorf("the login is not as it was: %+v %+v", now.State, now.Claim)
		}
		if _, err := open(t, k, kept.ID).Refresh(t.Context()); err != nil {
			t.Errorf("it does not work: %v", err)
		}
	})
}

// A refresh that runs elsewhere brings nothing back, of providers that rotate neither.
func TestRevokedStaysRevoked(t *testing.T) {
	for _, rotation := range []Rotation{RotationNone, RotationStrict} {
		t.Run(string(rotation), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows := NewMemoryStore()
				row := stored(t, rows, -time.Minute)
				p := &stubProvider{limits: Limits{Rotation: rotation}}
				asked, answer := make(chan struct{}), make(chan struct{})
				p.refresh = func(context.Context, int64, *Token) (*Token, error) {
					close(asked)
					<-answer
					m := p.mint()
					if rotation == RotationStrict {
						m.RefreshToken = NewSecret("1000.refresh.successor")
					}
					return m, nil
				}
				here, there := New(rows, p, nil), New(rows, p, nil)
				s := open(t, there, row.ID)
				end := make(chan error, 1)
				go func() { _, err := s.Token(t.Context()); end <- err }()
				<-asked
				p.revoke = func(r *Token) error {
					if r.RefreshToken.Equal(row.RefreshToken) {
						close(answer)
						time.Sleep(time.Second) // the refresh is committed, or not
					}
					return nil
				}
				if _, err := here.Revoke(t.Context(), RevokeQuery{TokenID: row.ID}); err != nil {
					t.Fatal(err)
				}
				if err := <-end; rotation == RotationNone && !errors.Is(err, ErrNeedsLogin) {
					t.Errorf("the refresh ended in %v", err)
				}
				if left := rowsOf(t, rows); len(left) != 0 {
					t.Errorf("the login is back: %v", left)
				}
				if rotation == RotationStrict && !slices.Contains(p.revoked, "1000.refresh.successor|1000.access.1") {
					t.Errorf("the successor is not revoked: %v", p.revoked)
				}
				if _, err := s.Token(t.Context()); rotation == RotationNone && !errors.Is(err, ErrNeedsLogin) {
					t.Errorf("a later call ends in %v", err)
				}
			})
		})
	}
}

// A login that is made while the earlier one is revoked is kept, and reported.
func TestRevokeKeepsALoginOfThatMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := savedLogin(t, rows, "ann", nil)
		there := New(rows, &stubProvider{}, nil)
		p.revoke = func(*Token) error {
			_, err := there.Adopt(t.Context(), &Token{
				UserName: "ann", DataCentre: "eu", RefreshToken: NewSecret("1000.refresh.new"),
				AccessToken: NewSecret("1000.access.new"), Expiry: time.Now().Add(time.Hour),
			})
			return err
		}
		r, err := New(rows, p, nil).Revoke(t.Context(), RevokeQuery{UserName: "ann"})
		if !errors.Is(err, ErrConflict) || r.Kept != 1 || r.Total() != 0 || !strings.Contains(err.Error(), "logged in again at the same moment") {
			t.Errorf("report %+v, error %v", r, err)
		}
		now := read(t, rows, row.ID)
		if now.RefreshToken.Reveal() != "1000.refresh.new" || now.State != (State{}) || now.Claim.Held() {
			t.Errorf("the new login is not there: %+v", now)
		}
		if _, err := open(t, there, row.ID).Refresh(t.Context()); err != nil {
			t.Errorf("it does not work: %v", err)
		}
	})
}

// The events of what was ended say why, and who asked for it.
func TestRevokeTells(t *testing.T) {
	rows, list := NewMemoryStore(), &eventList{}
	row := savedLogin(t, rows, "ann", nil)
	k := New(rows, &stubProvider{}, &Options{OnEvent: list.add})
	_, err := k.Revoke(WithActor(t.Context(), "ops@host7"), RevokeQuery{All: true})
	must(t, err)
	for _, kind := range []EventKind{Revoked, Deleted} {
		e := list.of(kind)
		if len(e) != 1 || e[0].Reason != RevokedOnRequest || e[0].Actor != "ops@host7" || e[0].TokenID != row.ID ||
			e[0].UserName != "ann" || e[0].Login != LoginMark(row.RefreshToken) {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// When Zoho cannot be reached, not every login is tried.
func TestRevokeGivesUp(t *testing.T) {
	rows, p := NewMemoryStore(), &stubProvider{}
	for i := range 50 {
		savedLogin(t, rows, fmt.Sprint("user", i), nil)
	}
	p.revoke = func(*Token) error { return &Error{Class: RetryLater, Reason: "Zoho is down"} }
	r, err := New(rows, p, nil).Revoke(t.Context(), RevokeQuery{All: true})
	if !errors.Is(err, ErrGaveUp) || len(p.revoked) > endFailures+defaultEnders+1 || r.Failed < endFailures || len(rowsOf(t, rows)) != 50 {
		t.Errorf("%d tried, %d failed: %v", len(p.revoked), r.Failed, err)
	}
}

// A provider that panics loses nothing.
func TestRevokeOutlivesAPanic(t *testing.T) {
	rows, p := NewMemoryStore(), &stubProvider{}
	row := savedLogin(t, rows, "ann", nil)
	p.revoke = func(*Token) error { panic("bug") }
	if _, err := New(rows, p, nil).Revoke(t.Context(), RevokeQuery{All: true}); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("error %v", err)
	}
	if now := read(t, rows, row.ID); now.State != (State{}) {
		t.Errorf("the login is not as it was: %+v", now.State)
	}
}

// When the caller leaves, what was begun is ended or undone, and nothing more is
// begun.
func TestRevokeHonoursItsContext(t *testing.T) {
	rows, p := NewMemoryStore(), &stubProvider{}
	for i := range 50 {
		savedLogin(t, rows, fmt.Sprint("user", i), nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := New(rows, p, nil).Revoke(ctx, RevokeQuery{All: true, Each: func(Ending) { cancel() }})
	if !errors.Is(err, context.Canceled) || r.Total() > 10 || r.Total() == 0 {
		t.Errorf("%d ended: %v", r.Total(), err)
	}
	left := rowsOf(t, rows)
	if len(left)+len(p.revoked) != 50 {
		t.Errorf("%d left, %d revoked", len(left), len(p.revoked))
	}
	for _, row := range left {
		if row.State != (State{}) || row.Claim.Held() {
			t.Errorf("%s was begun and not ended: %+v", row.UserName, row.State)
		}
	}
}

// However many rows there are, few are in memory.
func TestSweepHoldsFewRows(t *testing.T) {
	s := &crowdStore{n: 20_000, row: func(i int) *Token {
		return &Token{ID: fmt.Sprint(FirstID + i), UserName: "ann", AccessToken: NewSecret("1000.a")}
	}}
	ended := 0
	r, err := New(s, &stubProvider{}, nil).Revoke(t.Context(), RevokeQuery{All: true, Workers: 3, Each: func(e Ending) {
		if e.TokenID != fmt.Sprint(FirstID+ended) {
			t.Fatalf("%s is out of order", e.TokenID)
		}
		ended++
	}})
	if err != nil || r.Total() != s.n || r.Rows != s.n || ended != s.n {
		t.Errorf("ended %d, told of %d: %v", r.Total(), ended, err)
	}
}

func TestSweepDoesNotReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &crowdStore{n: 1000, row: func(i int) *Token {
			return &Token{ID: fmt.Sprint(FirstID + i), UserName: "ann", AccessToken: NewSecret("1000.a")}
		}}
		p := &stubProvider{}
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan int64, 1)
		p.revoke = func(*Token) error { <-ctx.Done(); return ctx.Err() }
		go func() {
			time.Sleep(time.Minute)
			seen <- s.yielded.Load()
			cancel()
		}()
		_, err := New(s, p, nil).Revoke(ctx, RevokeQuery{All: true, Workers: 3})
		if n := <-seen; n > 5 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d rows were read while 3 are in work: %v", n, err)
		}
	})
}

// A store that takes the mark and loses its answer does not leave the login marked.
func TestRevokeWithALostAnswer(t *testing.T) {
	for _, revoke := range []error{nil, &Error{Class: RetryLater, Reason: "Zoho is down"}} {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := savedLogin(t, rows, "ann", nil)
		p.revoke = func(*Token) error { return revoke }
		_, err := New(&forgetfulStore{TokenStore: rows}, p, nil).Revoke(t.Context(), RevokeQuery{All: true})
		if (err == nil) != (revoke == nil) {
			t.Errorf("error %v", err)
		}
		left := rowsOf(t, rows)["ann@eu"]
		if revoke == nil && left != nil || revoke != nil && (left == nil || left.State != row.State || left.Claim.Held()) {
			t.Errorf("left: %+v", left)
		}
	}
}

// A forgetfulStore saves, and loses the answer each second time.
type forgetfulStore struct {
	TokenStore
	n int
}

func (s *forgetfulStore) SaveToken(ctx context.Context, t *Token) error {
	if err := s.TokenStore.SaveToken(ctx, t.Clone()); err != nil {
		return err
	}
	if s.n++; s.n%2 == 1 {
		return errors.New("connection reset")
	}
	return nil
}

// Two who end one login at the same moment both do.
func TestRevokeTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		for i := range 10 {
			savedLogin(t, rows, fmt.Sprint("user", i), nil)
		}
		p.revoke = func(*Token) error { time.Sleep(time.Second); return nil }
		done := make(chan error, 2)
		for range cap(done) {
			go func() {
				r, err := New(rows, p, nil).Revoke(t.Context(), RevokeQuery{All: true})
				if r.Kept+r.Failed > 0 {
					err = errors.Join(err, fmt.Errorf("%+v", r))
				}
				done <- err
			}()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if left := rowsOf(t, rows); len(left) != 0 || len(p.revoked) > 20 {
			t.Errorf("%d left; the two asked %d times for 10 logins", len(left), len(p.revoked))
		}
	})
}

// A caller who leaves in the middle of the mark leaves no login marked.
func TestRevokeIsCutOffAtTheMark(t *testing.T) {
	rows, p := NewMemoryStore(), &stubProvider{}
	row := savedLogin(t, rows, "ann", nil)
	ctx, cancel := context.WithCancel(t.Context())
	p.revoke = func(*Token) error { return ctx.Err() }
	store := &leavingStore{TokenStore: rows, cut: cancel}
	if _, err := New(store, p, nil).Revoke(ctx, RevokeQuery{All: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if now := read(t, rows, row.ID); now.State != (State{}) || now.Claim.Held() {
		t.Errorf("the login stays marked: %+v", now.State)
	}
}

// A leavingStore lets its caller leave in the middle of a save, and fails then.
type leavingStore struct {
	TokenStore
	cut func()
}

func (s *leavingStore) SaveToken(ctx context.Context, t *Token) error {
	if err := s.TokenStore.SaveToken(ctx, t); err != nil {
		return err
	}
	s.cut()
	return ctx.Err()
}
