package tokenkeep

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"
)

// A dead row is not reaped while a new login of its user waits in the rescue journal:
// the login would be dropped with it.
func TestReapSparesARowWhoseNewLoginWaits(t *testing.T) {
	for name, edit := range map[string]func(*Token){
		"dead": func(r *Token) { r.State = State{Class: NeedsLogin, Reason: "gone", Since: time.Now().Add(-9 * day)} },
		"idle": func(r *Token) { r.UsedAt = time.Now().Add(-99 * day) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newRescueSetup(t)
				row := savedLogin(t, s.store, "ann", edit)
				if name == "idle" {
					row.CreatedAt = row.UsedAt
					must(t, s.store.SaveToken(t.Context(), row))
				}
				s.loseLogin(t, &Grant{Code: NewSecret("1000.code"), UserName: "ann"})
				k := s.keeper()
				k.opts.Policy.IdleTimeout = day
				_, err := k.Reap(t.Context(), ReapOptions{DeadFor: day, Idle: true})
				must(t, err)
				s.recover(t, RecoverReport{Merged: 1})
				now, err := s.store.FindTokenByID(t.Context(), row.ID)
				if err != nil || now.State != (State{}) || now.RefreshToken.Equal(row.RefreshToken) || len(s.p.revoked) > 1 {
					t.Errorf("the new login is lost: %+v, %v, revoked %v", now, err, s.p.revoked)
				}
			})
		})
	}
}

// Of two logins of one user at the same moment, one stays, whoever counts first.
func TestLoginsAtOnceDoNotEndEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		k, _ := policed(slowList{rows}, p, Policy{MaxLogins: 1})
		must(t, loginAtDC(t, k, "jp"))
		done := make(chan error, 2)
		for _, dc := range []string{"eu", "us"} {
			go func() { done <- loginAtDC(t, k, dc) }()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if left := rowsOf(t, rows); len(left) != 1 || left["ann@example.com@jp"] != nil {
			t.Errorf("left: %v", left)
		}
	})
}

// A slowList takes a second to list its rows.
type slowList struct{ *MemoryStore }

func (s slowList) GetTokens(ctx context.Context) iter.Seq2[*Token, error] {
	time.Sleep(time.Second)
	return s.MemoryStore.GetTokens(ctx)
}

// What Revoke marked when it was killed may be alive: to clean it up as dead revokes it.
func TestReapRevokesWhatAKilledRevokeMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		row := savedLogin(t, rows, "ann", nil)
		d := &ender{keeper: New(rows, p, nil), op: "revoke"}
		_, err := d.mark(t.Context(), row, RevokedOnRequest)
		must(t, err)
		time.Sleep(3 * day)
		_, err = New(rows, p, nil).Reap(t.Context(), ReapOptions{DeadFor: day})
		must(t, err)
		if len(rowsOf(t, rows)) != 0 || len(p.revoked) != 1 {
			t.Errorf("left %v, revoked %v", rowsOf(t, rows), p.revoked)
		}
	})
}

// Two who cannot revoke a login leave it as it was, whichever gives up last.
func TestRevokeTwiceAtOnceThatFails(t *testing.T) {
	for name, before := range map[string]State{
		"healthy": {}, "dead": {Class: NeedsLogin, Reason: "gone"}, "in doubt": {Class: InDoubt, Reason: "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, p := NewMemoryStore(), &stubProvider{}
				savedLogin(t, rows, "ann", func(r *Token) { r.State = before })
				p.revoke = func(*Token) error { time.Sleep(time.Second); return &Error{Class: RetryLater, Reason: "Zoho is down"} }
				done := make(chan error, 2)
				for i := range cap(done) {
					go func() {
						time.Sleep(time.Duration(i) * time.Second / 2)
						_, err := New(rows, p, nil).Revoke(t.Context(), RevokeQuery{All: true})
						done <- err
					}()
				}
				for range cap(done) {
					if err := <-done; err == nil {
						t.Error("no error")
					}
				}
				if row := rowsOf(t, rows)["ann@eu"]; row == nil || row.State != before || row.Claim.Held() {
					t.Errorf("left: %+v", row)
				}
			})
		})
	}
}

// A store that fails for a moment, having taken the mark, does not leave it there.
func TestRevokeTakesBackAMarkThatArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}
		savedLogin(t, rows, "ann", nil)
		begin := time.Now()
		k := New(cutOff{rows, begin.Add(time.Second)}, p, nil)
		if _, err := k.Revoke(t.Context(), RevokeQuery{All: true}); err == nil {
			t.Error("no error")
		}
		if row := rowsOf(t, rows)["ann@eu"]; row == nil || row.State != (State{}) || row.Claim.Held() {
			t.Errorf("left: %+v", row)
		}
	})
}

// A cutOff store takes a save and loses its answer, and cannot be read after that
// until a time.
type cutOff struct {
	*faultyStore
	until time.Time
}

func (s cutOff) SaveToken(ctx context.Context, t *Token) error {
	if err := s.faultyStore.SaveToken(ctx, t); err != nil || time.Now().After(s.until) {
		return err
	}
	s.onFind = func() error {
		if time.Now().Before(s.until) {
			return errDown
		}
		return nil
	}
	return errors.New("connection reset")
}

// Who looks at the row when a rotation is saved and not yet published takes it for
// what it is.
func TestOwnRotationIsNotNoticedWhileItIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{limits: Limits{Rotation: RotationStrict}}
		p.refresh = func(context.Context, int64, *Token) (*Token, error) {
			m := p.mint()
			m.RefreshToken = NewSecret("1000.next")
			return m, nil
		}
		row := stored(t, rows, -time.Minute)
		told := &eventList{}
		var s *Session
		k := New(rows, p, &Options{OnEvent: told.add, OnStep: func(ctx context.Context, step int) {
			if step == 10 {
				_, err := s.Row(ctx)
				must(t, err)
			}
		}})
		s = open(t, k, row.ID)
		_, err := s.Token(t.Context())
		must(t, err)
		if e := told.of(Adopted); len(e) > 0 {
			t.Errorf("told of %+v", e)
		}
	})
}

// Logout ends also the successor of the refresh token that could not be saved.
func TestLogoutRevokesTheSuccessorThatWaits(t *testing.T) {
	for _, kind := range []string{"memory", "journal", "revoke", "delete"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newRescueSetup(t)
				s.p.limits = Limits{Rotation: RotationStrict}
				s.p.refresh = func(context.Context, int64, *Token) (*Token, error) {
					s.store.onSave = down
					m := s.p.mint()
					m.RefreshToken = NewSecret("1000.next")
					return m, nil
				}
				row := stored(t, s.store, -time.Minute)
				k := s.keeper()
				sess := open(t, k, row.ID)
				if _, err := sess.Token(t.Context()); !errors.Is(err, errDown) {
					t.Fatal(err)
				}
				s.store.onSave = nil
				switch kind {
				case "memory":
					must(t, k.Logout(t.Context(), row.ID))
				case "journal":
					must(t, s.keeper().Logout(t.Context(), row.ID))
				case "revoke":
					_, err := k.Revoke(t.Context(), RevokeQuery{TokenID: row.ID})
					must(t, err)
				case "delete":
					must(t, k.Delete(t.Context(), row.ID))
				}
				n := 0
				for _, r := range s.p.revoked {
					if r[:9] == "1000.next" {
						n++
					}
				}
				if want := kind != "delete"; (n > 0) != want {
					t.Errorf("revoked %v", s.p.revoked)
				}
			})
		})
	}
}

// The history in memory does not grow for ever.
func TestHistoryInMemoryIsBounded(t *testing.T) {
	s := NewMemoryStore()
	batch := make([]Event, memoryEvents/10)
	for i := range 25 {
		for j := range batch {
			batch[j].Version = int64(i*len(batch) + j)
		}
		must(t, s.AppendEvents(t.Context(), batch))
	}
	if n := len(s.events); n < memoryEvents || n > 2*memoryEvents || s.events[n-1].Version != 25*memoryEvents/10-1 {
		t.Errorf("%d events, the last is %d", n, s.events[n-1].Version)
	}
}

// A row is not reaped either while nobody can tell whether a new login waits.
func TestReapSparesARowBesideAnUnreadableRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.sealer = xorSealer{7}
		savedLogin(t, s.store, "ann", func(r *Token) { r.State = State{Class: NeedsLogin, Since: time.Now().Add(-9 * day)} })
		s.loseLogin(t, &Grant{Code: NewSecret("1000.code"), UserName: "ann"})
		s.sealer = xorSealer{9}
		r, err := s.keeper().Reap(t.Context(), ReapOptions{DeadFor: day})
		if e, ok := errors.AsType[*Error](err); !ok || e.Class != RetryLater || r.Failed != 1 || s.rows(t) != 1 {
			t.Errorf("report %+v, error %v", r, err)
		}
	})
}

// A look-up or login that this process deletes before it becomes a session gives no
// token: nobody knew a state to end then.
func TestDeletedBeforeItIsASession(t *testing.T) {
	for name, begin := range map[string]func(context.Context, *Keeper, *Token) (*Session, error){
		"by user": func(ctx context.Context, k *Keeper, row *Token) (*Session, error) {
			return k.Session(ctx, row.UserName)
		},
		"by id": func(ctx context.Context, k *Keeper, row *Token) (*Session, error) { return k.SessionByID(ctx, row.ID) },
		"login": func(ctx context.Context, k *Keeper, row *Token) (*Session, error) {
			return k.Adopt(ctx, &Token{UserName: row.UserName, RefreshToken: NewSecret("1000.new"), AccessToken: NewSecret("1000.a"), Expiry: row.Expiry})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows := NewMemoryStore()
			row := savedLogin(t, rows, "ann", nil)
			store := &goneStore{MemoryStore: rows}
			k := New(store, &stubProvider{}, nil)
			store.then = func() { must(t, k.Delete(t.Context(), row.ID)) }
			s, err := begin(t.Context(), k, row)
			must(t, err)
			if tok, err := s.Token(t.Context()); !errors.Is(err, ErrNotFound) {
				t.Errorf("token of version %d, %v", tok.Version, err)
			}
			if n := len(rowsOf(t, rows)); n > 0 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// A goneStore does something once, right after it has read or saved a row.
type goneStore struct {
	*MemoryStore
	then func()
}

func (s *goneStore) done() {
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
}

func (s *goneStore) FindToken(ctx context.Context, t *Token) (*Token, error) {
	row, err := s.MemoryStore.FindToken(ctx, t)
	if t.AccessToken.IsZero() { // a login looks first
		s.done()
	}
	return row, err
}

func (s *goneStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	row, err := s.MemoryStore.FindTokenByID(ctx, id)
	s.done()
	return row, err
}

func (s *goneStore) SaveToken(ctx context.Context, t *Token) error {
	err := s.MemoryStore.SaveToken(ctx, t)
	s.done()
	return err
}

// A login that waits in the journal outlives the end of the same user's login at
// another data centre, and not that of the row it is for.
func TestDeletionSparesLoginsOfOtherDataCentres(t *testing.T) {
	for dc, merged := range map[string]int{"jp": 1, "eu": 0, "": 0} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			row := savedLogin(t, s.store, "ann", nil)
			s.p.exchange = func(context.Context, *Grant) (*Token, error) {
				m := s.p.mint()
				m.ClientID, m.DataCentre, m.RefreshToken = "1000.CLIENT", dc, NewSecret("1000.refresh.new")
				return m, nil
			}
			s.loseLogin(t, &Grant{Code: NewSecret("1000.code"), UserName: "ann"})
			must(t, s.keeper().Delete(t.Context(), row.ID))
			s.recover(t, RecoverReport{Merged: merged})
		})
	}
}

// What ends a login at the provider also revokes the login that waits in its place.
func TestLogoutRevokesTheLoginThatWaits(t *testing.T) {
	for name, end := range map[string]func(context.Context, *Keeper, string) error{
		"logout": func(ctx context.Context, k *Keeper, id string) error { return k.Logout(ctx, id) },
		"revoke": func(ctx context.Context, k *Keeper, id string) error {
			_, err := k.Revoke(ctx, RevokeQuery{TokenID: id})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newRescueSetup(t)
				row := savedLogin(t, s.store, "ann", nil)
				s.loseLogin(t, &Grant{Code: NewSecret("1000.code"), UserName: "ann"})
				must(t, end(t.Context(), s.keeper(), row.ID))
				if len(s.p.revoked) != 2 || s.p.revoked[1] != "1000.refresh.1|1000.access.1" || len(s.files(t)) != 0 {
					t.Errorf("revoked %v, left %v", s.p.revoked, s.files(t))
				}
			})
		})
	}
}
