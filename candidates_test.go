package tokenkeep_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

func graceful() zohotest.Profile {
	return zohotest.Profile{Rotation: zohotest.RotateGrace, Grace: 30 * time.Second}
}

// stopOnce stops a process for 20 seconds at one step of its first refresh.
func stopOnce(step int) func(context.Context, int) {
	var stopped atomic.Bool
	return func(_ context.Context, n int) {
		if n == step && !stopped.Swap(true) {
			time.Sleep(20 * time.Second)
		}
	}
}

// overtaken lets one process stop with its successor in hand, and another take over
// within the grace. It returns when both are done, with the successor that came late.
func overtaken(t *testing.T, r *rotationRig, meanwhile func()) (late tokenkeep.Secret) {
	t.Helper()
	before := r.row().RefreshToken
	k := r.keeper(&tokenkeep.Options{OnStep: stopOnce(8)}, r.store)
	defer k.Close()
	s, done := r.session(k), make(chan struct{})
	go func() {
		defer close(done)
		_, err := s.Token(t.Context())
		if err != nil {
			t.Errorf("the late process: %v", err)
		}
	}()
	time.Sleep(time.Second)
	if meanwhile != nil {
		meanwhile()
	}
	<-done
	for _, token := range r.fake.Successors(before.Reveal()) {
		if token != r.row().RefreshToken.Reveal() {
			late = tokenkeep.NewSecret(token)
			break
		}
	}
	return late
}

func (r *rotationRig) refreshElsewhere() {
	r.t.Helper()
	k := r.keeper(nil, r.store)
	defer k.Close()
	_, err := r.session(k).Token(r.t.Context())
	r.check(err)
}

func candidates(row *tokenkeep.Token) []string {
	var list []string
	for _, c := range row.Candidates {
		list = append(list, c.Reveal())
	}
	return list
}

// Of two processes that refreshed within the grace, the one that the row has wins;
// the other's successor is kept.
func TestLateSuccessorIsACandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		late := overtaken(t, r, r.refreshElsewhere)
		row := r.row()
		if late.IsZero() || !slices.Equal(candidates(row), []string{late.Reveal()}) || row.State != (tokenkeep.State{}) {
			t.Errorf("%d candidates, state %v", len(row.Candidates), row.State)
		}
		if c := r.fake.Counters(); c.Mints != 2 || c.GraceReplays != 1 {
			t.Errorf("%d mints, %d replays", c.Mints, c.GraceReplays)
		}
		r.wantNoReplay("both")
	})
}

// When the refresh token is refused, the candidates are tried, newest first and each
// once; then a login is needed.
func TestCandidateTakesThePlaceOfADeadRefreshToken(t *testing.T) {
	for good := range 4 {
		t.Run(fmt.Sprintf("good=%d", good), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tryCandidates(t, good) })
		})
	}
}

// tryCandidates has a row with a dead refresh token and three candidates, of which
// one is good.
func tryCandidates(t *testing.T, good int) {
	t.Helper()
	r := newRotation(t, graceful())
	row := r.row()
	alive := row.RefreshToken
	row.RefreshToken, row.Expiry = tokenkeep.NewSecret("dead.0"), time.Now().Add(-time.Minute)
	for n := range 3 {
		row.Candidates = append(row.Candidates, tokenkeep.NewSecret(fmt.Sprintf("dead.%d", n+1)))
		if n == good {
			row.Candidates[n] = alive
		}
	}
	r.check(r.store.SaveToken(t.Context(), row))
	k := r.keeper(nil, r.store)
	defer k.Close()
	s := r.session(k)
	var err error
	flights := 1
	for ; flights < 9; flights++ {
		if _, err = s.Token(t.Context()); !errors.Is(err, tokenkeep.ErrRetryLater) {
			break
		}
	}
	want, requests := error(nil), good+2
	if good == 3 {
		want, requests = tokenkeep.ErrNeedsLogin, 4
	}
	if !errors.Is(err, want) || (err == nil) != (want == nil) || r.fake.Counters().TokenRequests != requests+1 { // and the login
		t.Errorf("%v after %d requests, want %v after %d", err, r.fake.Counters().TokenRequests-1, want, requests)
	}
	if flights != (requests+1)/2 {
		t.Errorf("%d flights for %d requests, want one candidate for each", flights, requests)
	}
	if left := len(r.row().Candidates); good < 3 && left != 2-good {
		t.Errorf("%d candidates are left", left)
	}
	r.wantNoReplay("candidates")
}

// A row keeps a few candidates, and a login ends them.
func TestCandidatesAreFewAndEndWithALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		var last []string
		for range 6 {
			time.Sleep(2 * time.Hour)
			last = append([]string{overtaken(t, r, r.refreshElsewhere).Reveal()}, last...)
		}
		if got := candidates(r.row()); !slices.Equal(got, last[:4]) {
			t.Errorf("%d candidates, want the newest four", len(got))
		}
		r.login()
		if got := candidates(r.row()); len(got) != 0 {
			t.Errorf("%d candidates after a login", len(got))
		}
		for _, c := range last[:4] {
			if alive, _ := r.fake.RefreshTokenAlive(c); alive {
				t.Error("a candidate of the former login lives")
			}
		}
	})
}

func TestLogoutRevokesCandidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		row := r.row()
		other := r.fake.Issue(rotApp, rotAnn).RefreshToken // of no family, so that it ends only if it is named
		row.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret(other)}
		r.check(r.store.SaveToken(t.Context(), row))
		k := r.keeper(nil, r.store)
		defer k.Close()
		r.check(k.Logout(t.Context(), r.id))
		if alive, _ := r.fake.RefreshTokenAlive(other); alive {
			t.Error("the candidate lives after the logout")
		}
	})
}

// A logout that meets a rotation ends what came of it too.
func TestLogoutMeetsARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
		time.Sleep(2 * time.Hour)
		var once bool
		k := r.keeperVia(lineTo{RoundTripper: r.opt.Transport, before: func(q *http.Request) {
			if !once && q.URL.Path == "/oauth/v2/token/revoke" {
				once = true
				r.refreshElsewhere()
			}
		}}, nil, r.store)
		defer k.Close()
		if err := k.Logout(t.Context(), r.id); err != nil {
			t.Error(err)
		}
		if _, err := r.store.FindTokenByID(t.Context(), r.id); !errors.Is(err, tokenkeep.ErrNotFound) {
			t.Errorf("the row: %v", err)
		}
	})
}

// A successor that comes late to a row in doubt heals it.
func TestLateSuccessorHealsARowInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		late := overtaken(t, r, func() {
			r.refreshElsewhere()
			row := r.row()
			row.State = tokenkeep.State{Class: tokenkeep.InDoubt, Reason: "its answer was lost"}
			row.Expiry = time.Now().Add(-time.Minute)
			r.check(r.store.SaveToken(t.Context(), row))
		})
		row := r.row()
		if row.State != (tokenkeep.State{}) || len(row.Candidates) != 0 || r.fake.Counters().Mints != 3 {
			t.Errorf("state %v, %d candidates, %d mints; the late one is %t", row.State, len(row.Candidates), r.fake.Counters().Mints, !late.IsZero())
		}
		r.wantNoReplay("in doubt")
	})
}

// A successor that was saved, though the store did not say so, is no candidate: by
// now it may be spent.
func TestSavedSuccessorIsNoCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		time.Sleep(2 * time.Hour)
		store := &forgetful{TokenStore: r.store, then: func() {
			r.expire()
			r.refreshElsewhere() // with the successor
		}}
		k := r.keeper(nil, store)
		defer k.Close()
		if _, err := r.session(k).Token(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(r.row().Candidates); n != 0 {
			t.Errorf("%d candidates", n)
		}
	})
}

// A forgetful store loses the answer to the first save of a new refresh token.
type forgetful struct {
	tokenkeep.TokenStore
	was  tokenkeep.Secret
	then func()
}

func (s *forgetful) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	row := t.Clone()
	if err := s.TokenStore.SaveToken(ctx, row); err != nil {
		return err
	}
	if was := s.was; !was.IsZero() && !was.Equal(t.RefreshToken) && s.then != nil {
		then := s.then
		s.then = nil
		then()
		return errors.New("connection reset")
	}
	s.was = t.RefreshToken
	t.ID, t.Version = row.ID, row.Version
	return nil
}

// The successor of a login that was replaced or deleted meanwhile is revoked: nobody
// else knows of it.
func TestSuccessorOfAFormerLoginIsRevoked(t *testing.T) {
	for name, end := range map[string]func(*rotationRig){
		"login": func(r *rotationRig) { r.login() },
		"delete": func(r *rotationRig) {
			k := r.keeper(nil, r.store)
			defer k.Close()
			r.check(k.Delete(r.t.Context(), r.id))
		},
	} {
		for _, p := range []zohotest.Profile{graceful(), {Rotation: zohotest.RotateStrict}} {
			t.Run(fmt.Sprintf("%s,%s", name, p.Rotation), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { replaceMeanwhile(t, p, end) })
			})
		}
	}
}

func replaceMeanwhile(t *testing.T, p zohotest.Profile, end func(*rotationRig)) {
	t.Helper()
	r := newRotation(t, p)
	r.opt.RevokeURL = "" // nobody else revokes anything
	first := r.row().RefreshToken
	time.Sleep(2 * time.Hour)
	late := *r
	late.opt.RevokeURL = r.origin + "/oauth/v2/token/revoke"
	k := late.keeper(&tokenkeep.Options{OnStep: stopOnce(8)}, r.store)
	defer k.Close()
	s := r.session(k)
	go func() { _, _ = s.Token(t.Context()) }()
	time.Sleep(time.Second)
	end(r)
	time.Sleep(time.Minute)
	successors := r.fake.Successors(first.Reveal())
	if len(successors) != 1 {
		t.Fatalf("%d successors", len(successors))
	}
	if alive, _ := r.fake.RefreshTokenAlive(successors[0]); alive {
		t.Error("the successor that nobody knows lives")
	}
	if row, err := r.store.FindTokenByID(t.Context(), r.id); err == nil {
		if alive, why := r.fake.RefreshTokenAlive(row.RefreshToken.Reveal()); !alive || len(row.Candidates) != 0 {
			t.Errorf("the new login is %s, %d candidates", why, len(row.Candidates))
		}
	}
}

// A login that another process has rotated by the time that its save turns out to be
// unsure is not given back: that would end what came of it.
func TestRotatedLoginIsNotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, zohotest.Profile{Rotation: zohotest.RotateStrict})
		store := &loginLoser{MemoryStore: r.store, until: time.Now().Add(30 * time.Second), then: func() {
			r.expire()
			r.refreshElsewhere()
		}}
		code, err := r.fake.GrantCode(rotApp, rotAnn, zohotest.GrantOptions{})
		r.check(err)
		k := r.keeper(nil, store)
		defer k.Close()
		if _, err := k.Login(t.Context(), &tokenkeep.Grant{Code: tokenkeep.NewSecret(code), UserName: rotAnn}); err == nil {
			t.Fatal("the login was told of")
		}
		if alive, why := r.fake.RefreshTokenAlive(r.row().RefreshToken.Reveal()); !alive {
			t.Errorf("the stored refresh token is %s", why)
		}
	})
}

// A loginLoser saves a login, loses the answer, and does nothing more until the login
// has failed.
type loginLoser struct {
	*tokenkeep.MemoryStore
	then  func()
	until time.Time
}

func (s *loginLoser) down() error {
	if s.then == nil && time.Now().Before(s.until) {
		return errors.New("connection reset")
	}
	return nil
}

func (s *loginLoser) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := s.down(); err != nil {
		return err
	}
	if s.then == nil {
		return s.MemoryStore.SaveToken(ctx, t)
	}
	then := s.then
	s.then = nil
	if err := s.MemoryStore.SaveToken(ctx, t.Clone()); err != nil {
		return err
	}
	then()
	return s.down()
}

func (s *loginLoser) FindToken(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	if err := s.down(); err != nil {
		return nil, err
	}
	return s.MemoryStore.FindToken(ctx, t)
}

func (s *loginLoser) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if err := s.down(); err != nil {
		return nil, err
	}
	return s.MemoryStore.FindTokenByID(ctx, id)
}

// A refused refresh token in whose place a candidate works is no login that died: the
// history tells of a failure that passed.
func TestCandidateThatHelpsIsNoDeadLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotation(t, graceful())
		row := r.row()
		row.Candidates = []tokenkeep.Secret{row.RefreshToken}
		row.RefreshToken, row.Expiry = tokenkeep.NewSecret("dead.0"), time.Now().Add(-time.Minute)
		r.check(r.store.SaveToken(t.Context(), row))
		r.refreshElsewhere()
		var told []tokenkeep.Class
		for e, err := range r.store.Events(t.Context(), tokenkeep.EventQuery{}) {
			r.check(err)
			if e.Kind == tokenkeep.Failed {
				told = append(told, e.Class)
			}
		}
		if !slices.Equal(told, []tokenkeep.Class{tokenkeep.RetryLater}) {
			t.Errorf("told of failures of the classes %v", told)
		}
	})
}
