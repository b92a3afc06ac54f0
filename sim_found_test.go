package tokenkeep

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What TestSimulation found, each in its smallest form.

// A token that waits for its save gives way to a newer one in the store, also when
// the callers want another than that.
func TestUnsavedTokenReplacesNoNewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, -time.Minute)
		store := &faultyStore{TokenStore: rows}
		p.refresh = func(_ context.Context, n int64, _ *Token) (*Token, error) {
			if n == 1 {
				store.onSave = func(*Token) error { return errors.New("connection refused") }
			}
			return p.mint(), nil
		}
		k := New(store, p, nil)
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		store.onSave = nil
		_, err := open(t, New(rows, p, nil), row.ID).Token(t.Context())
		must(t, err)
		tok, err := open(t, k, row.ID).Refresh(t.Context())
		if err != nil || tok.Reveal() != "1000.access.3" {
			t.Errorf("Refresh() = %q, %v; the store had 1000.access.2", tok.Reveal(), err)
		}
	})
}

// A provider counts a mint when it sees the request, which can be long after the
// claim: its window does not outlast the row's.
func TestSlowRequestsCountWhenTheyEnd(t *testing.T) {
	for name, lost := range map[string]bool{"answered": false, "lost": true} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { slowThenFast(t, lost) }) })
	}
}

// slowThenFast is a provider that counts ten slow requests when they end, and
// whether those that come after them keep to its window.
func slowThenFast(t *testing.T, lost bool) {
	t.Helper()
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, -time.Minute)
	var counted []time.Time
	p.refresh = func(_ context.Context, n int64, _ *Token) (*Token, error) {
		if n <= 10 {
			time.Sleep(20 * time.Second)
		}
		if i := len(counted) - 10; i >= 0 && time.Since(counted[i]) < 10*time.Minute {
			t.Errorf("request %d comes %v after the tenth before it", n, time.Since(counted[i]))
		}
		counted = append(counted, time.Now())
		if lost && n <= 10 {
			return nil, &Error{Class: RetryLater, Unknown: true, Until: time.Now()}
		}
		return p.mint(), nil
	}
	s := open(t, New(store, p, nil), row.ID)
	for range 20 * 60 {
		_, _ = s.Refresh(t.Context())
		time.Sleep(time.Second)
	}
	if len(counted) < 20 {
		t.Errorf("only %d requests", len(counted))
	}
}

// A login whose save may have arrived is not revoked: the row would be left with a
// dead refresh token, and the earlier one is gone.
func TestLoginThatMayBeStoredIsNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, time.Hour)
		var deaf atomic.Bool
		store := &deafenedStore{MemoryStore: rows, deaf: &deaf}
		p.exchange = func(context.Context, *Grant) (*Token, error) {
			deaf.Store(true)
			return &Token{ClientID: row.ClientID, DataCentre: row.DataCentre, UserName: row.UserName, RefreshToken: NewSecret("1000.refresh.new")}, nil
		}
		if _, err := New(store, p, nil).Login(t.Context(), &Grant{Code: NewSecret("code")}); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		if got := read(t, rows, row.ID); got.RefreshToken.Reveal() != "1000.refresh.new" || len(p.revoked) != 0 {
			t.Errorf("the row was saved: %t; revoked: %q", got.RefreshToken.Reveal() == "1000.refresh.new", p.revoked)
		}
	})
}

// A deafenedStore does what it is asked to, and loses its answers while deaf is set.
type deafenedStore struct {
	*MemoryStore
	deaf *atomic.Bool
}

func (s *deafenedStore) SaveToken(ctx context.Context, t *Token) error {
	return s.answer(s.MemoryStore.SaveToken(ctx, t.Clone()))
}

func (s *deafenedStore) FindToken(ctx context.Context, t *Token) (*Token, error) {
	row, err := s.MemoryStore.FindToken(ctx, t)
	return row, s.answer(err)
}

func (s *deafenedStore) answer(err error) error {
	if s.deaf.Load() {
		return errors.New("connection reset")
	}
	return err
}

// A login is saved once: whether its answer is lost or the read behind it, the next
// attempt does not bring back what other processes have replaced meanwhile.
func TestLoginIsNotSavedOverItsOwnSuccessor(t *testing.T) {
	for _, cut := range []string{"save", "read"} {
		t.Run(cut, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { loginThenCut(t, cut) }) })
	}
}

// loginThenCut loses an answer in the middle of a login.
func loginThenCut(t *testing.T, cut string) {
	t.Helper()
	rows, p := NewMemoryStore(), &stubProvider{limits: Limits{Rotation: RotationStrict}}
	row := stored(t, rows, -time.Minute)
	user := row.UserName
	if cut == "read" { // only a new row is read behind the save
		user = "somebody new"
	}
	login := &Token{ClientID: row.ClientID, RefreshToken: NewSecret("1000.refresh.new")}
	var once sync.Once
	rotate := func() { // another process refreshes the new login at once
		next, err := rows.FindToken(t.Context(), login)
		must(t, err)
		next.RefreshToken, next.AccessToken = NewSecret("1000.refresh.successor"), NewSecret("1000.access.successor")
		must(t, rows.SaveToken(t.Context(), next))
	}
	store := &cutStore{MemoryStore: rows, cut: cut, then: func() (hit bool) {
		once.Do(func() { hit = true; rotate() })
		return hit
	}}
	s, err := New(store, p, nil).Adopt(t.Context(), &Token{
		UserName: user, ClientID: row.ClientID, RefreshToken: login.RefreshToken, GrantToken: NewSecret("code"),
	})
	if err != nil || (s.ID() == row.ID) != (cut == "save") {
		t.Fatal(err)
	}
	if got := read(t, rows, s.ID()); got.RefreshToken.Reveal() != "1000.refresh.successor" {
		t.Errorf("after a lost %s the row has %q", cut, got.RefreshToken.Reveal())
	}
}

// A cutStore does what it is asked to, and loses the first answer of one kind that
// comes after a save.
type cutStore struct {
	*MemoryStore
	cut   string
	saved bool
	then  func() bool
}

func (s *cutStore) SaveToken(ctx context.Context, t *Token) error {
	row := t.Clone()
	if err := s.MemoryStore.SaveToken(ctx, row); err != nil {
		return err
	}
	s.saved = true
	if s.cut == "save" && s.then() {
		return errors.New("connection reset")
	}
	t.ID, t.Version = row.ID, row.Version
	return nil
}

func (s *cutStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	if s.cut == "read" && s.saved && s.then() {
		return nil, errors.New("connection reset")
	}
	return s.MemoryStore.FindTokenByID(ctx, id)
}

// A store may have words of its own for a ctx that is over: the caller's error tells
// of the ctx all the same.
func TestErrorOfAStoreTellsThatTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	store := &faultyStore{TokenStore: NewMemoryStore(), onFind: func() error { cancel(); return errors.New("i/o timeout") }}
	if _, err := New(store, &stubProvider{}, nil).SessionByID(ctx, "1000000000"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A token that waits for its save goes on waiting when another flight is content with
// the one that it is to replace.
func TestUnsavedTokenOutlivesAnAdoption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, -time.Minute)
		store := &faultyStore{TokenStore: rows}
		s := open(t, New(store, p, nil), row.ID)
		row.AccessToken, row.Expiry = NewSecret("1000.access.other"), time.Now().Add(4*time.Minute)
		must(t, rows.SaveToken(t.Context(), row)) // another process, which s has not heard of
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			store.onSave = func(*Token) error { return errors.New("connection refused") }
			return p.mint(), nil
		}
		if _, err := s.TokenFor(t.Context(), 5*time.Minute); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		store.onSave = nil
		if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.other" {
			t.Fatalf("Token() = %q, %v", tok.Reveal(), err)
		}
		tok, err := s.TokenFor(t.Context(), 5*time.Minute)
		if err != nil || tok.Reveal() != "1000.access.1" || p.refreshes.Load() != 1 {
			t.Errorf("TokenFor() = %q, %v, after %d requests", tok.Reveal(), err, p.refreshes.Load())
		}
	})
}

// Who asks for a token after this Keeper deleted the login gets none, though a
// refresh that has saved its token by then is still on its way to tell.
func TestNobodyJoinsTheRefreshOfADeletedLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, -time.Minute)
		atEnd := make(chan struct{})
		k := New(rows, &stubProvider{}, &Options{OnStep: func(_ context.Context, step int) {
			if step == 11 {
				<-atEnd
			}
		}})
		s := open(t, k, row.ID)
		go func() { _, _ = s.Token(t.Context()) }()
		synctest.Wait()
		must(t, k.Delete(t.Context(), row.ID))
		late := make(chan error, 1)
		go func() {
			_, err := s.Token(t.Context())
			late <- err
		}()
		synctest.Wait()
		close(atEnd)
		if err := <-late; !errors.Is(err, ErrNeedsLogin) {
			t.Errorf("a token of a deleted login was handed out: error %v", err)
		}
	})
}

// Two that end one login, and can revoke it neither: it works on, though the mark of
// the second hides what the first had seen.
func TestTwoEndersThatFailLeaveALoginThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, rows, -time.Minute)
		down := &Error{Class: RetryLater, Op: "revoke", Reason: "Zoho is down"}
		second := &stubProvider{revoke: func(*Token) error { time.Sleep(time.Second); return down }}
		p.revoke = func(*Token) error {
			go func() { _, _ = New(rows, second, nil).Revoke(t.Context(), RevokeQuery{All: true}) }()
			synctest.Wait()
			return down
		}
		k := New(rows, p, nil)
		if _, err := k.Revoke(t.Context(), RevokeQuery{All: true}); err == nil {
			t.Error("no error though nothing was revoked")
		}
		time.Sleep(time.Minute)
		if _, err := open(t, k, row.ID).Token(t.Context()); err != nil {
			t.Errorf("the login is lost: %v", err)
		}
	})
}

// A login of a strict rotator that is refreshed elsewhere, and cannot be revoked: the
// mark does not make anybody forget that its refresh token may be spent.
func TestFailedRevokeForgetsNoSpentToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, -time.Minute)
		row.Claim = Claim{Owner: "elsewhere:1:A:B", Since: time.Now()} // it has died since
		must(t, rows.SaveToken(t.Context(), row))
		p := &stubProvider{limits: Limits{Rotation: RotationStrict}}
		p.revoke = func(*Token) error { return &Error{Class: RetryLater, Reason: "the provider is down"} }
		k := New(rows, p, nil)
		if _, err := k.Revoke(t.Context(), RevokeQuery{All: true}); err == nil {
			t.Error("no error though nothing was revoked")
		}
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrInDoubt) || p.refreshes.Load() != 0 {
			t.Errorf("error %v after %d requests", err, p.refreshes.Load())
		}
	})
}

// What a run had marked when it was killed is ended by the next run of Reap, whatever
// that looks for, and revoked.
func TestReapEndsWhatAKilledRunBegan(t *testing.T) {
	for name, state := range map[string]Class{"alive": "", "in doubt": InDoubt} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, p := NewMemoryStore(), &stubProvider{}
				row := stored(t, rows, time.Hour)
				row.State = State{Class: state}
				must(t, rows.SaveToken(t.Context(), row))
				k := New(rows, p, nil)
				_, err := (&ender{keeper: k, op: "revoke"}).mark(t.Context(), row, RevokedOnRequest) // and no more
				must(t, err)
				time.Sleep(day)
				r, err := k.Reap(t.Context(), ReapOptions{DeadFor: time.Hour})
				must(t, err)
				if r.Ended[CauseLeft] != 1 || len(p.revoked) != 1 || len(rowsOf(t, rows)) != 0 {
					t.Errorf("report %+v, revoked %v", r, p.revoked)
				}
			})
		})
	}
}

// A use that takes the token which another process refreshed is a use: it is written
// down, so that the login is not idle too early.
func TestUseOfAnothersTokenCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		row := stored(t, rows, time.Minute)
		k, _ := policed(rows, &stubProvider{}, Policy{IdleTimeout: 80 * time.Minute, ClockSkew: -1})
		s := open(t, k, row.ID)
		time.Sleep(time.Minute)
		row.AccessToken, row.Expiry, row.UsedAt = NewSecret("1000.access.other"), time.Now().Add(10*time.Hour), time.Now()
		must(t, rows.SaveToken(t.Context(), row))
		time.Sleep(30 * time.Minute)
		_, err := s.Refresh(t.Context())
		must(t, err)
		synctest.Wait()
		if used := read(t, rows, row.ID).UsedAt; !used.Equal(time.Now()) {
			t.Errorf("it was used just now, and the row says %v ago", time.Since(used))
		}
	})
}

// The deletion of one row takes no other row's token from memory: a caller who has a
// valid one goes on without the store.
func TestDeletionOfAnotherRowForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &goneStore{MemoryStore: NewMemoryStore()}
		ann, bob := savedLogin(t, rows.MemoryStore, "ann", nil), savedLogin(t, rows.MemoryStore, "bob", nil)
		store := &faultyStore{TokenStore: rows}
		k := New(store, &stubProvider{}, nil)
		s := open(t, k, ann.ID)
		rows.then = func() { must(t, k.Delete(t.Context(), bob.ID)) } // in the middle of a look at ann's row
		_, err := k.SessionByID(t.Context(), ann.ID)
		must(t, err)
		store.onFind = func() error { return errors.New("connection refused") }
		if _, err := s.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDeletions(t *testing.T) {
	var d deletions
	d.add("a")
	n := d.count()
	if d.add("b"); d.since(n, "a") || !d.since(n, "b") || !d.since(n-1, "a") {
		t.Error("a deletion was not told, or one from before")
	}
	for range len(d.ids) {
		d.add("c")
	}
	if !d.since(n, "b") {
		t.Error("a deletion was forgotten with a sure answer")
	}
}
