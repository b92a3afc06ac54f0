package tokenkeep

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var namedLogin = &Grant{Code: NewSecret("1000.code"), UserName: "patricia@zylker.com"}

func TestLoginIsRescued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.loseLogin(t, namedLogin)
		s.recover(t, RecoverReport{Merged: 1})
		s.recover(t, RecoverReport{})
		session, err := s.keeper().Session(t.Context(), namedLogin.UserName)
		must(t, err)
		row, err := session.Row(t.Context())
		must(t, err)
		if row.RefreshToken.Reveal() != "1000.refresh.1" || row.GrantToken.Reveal() != "1000.code" || row.DataCentre != "eu" {
			t.Errorf("row %+v", row)
		}
		if s.rows(t) != 1 || len(s.files(t)) != 0 || len(s.p.revoked) != 0 || s.told(Rescued) != 1 {
			t.Errorf("%d rows, left %v, revoked %q, events %v", s.rows(t), s.files(t), s.p.revoked, s.events)
		}
		if _, err := s.keeper().Login(t.Context(), namedLogin); err != nil || s.p.exchanges.Load() != 1 {
			t.Errorf("the code was redeemed again: %v", err)
		}
	})
}

func TestRescuedLoginGetsItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.loseLogin(t, code)
		s.p.identify = func(*Token) (string, error) { return "patricia@zylker.com:42", nil }
		s.recover(t, RecoverReport{Merged: 1})
		_, err := s.keeper().Session(t.Context(), "patricia@zylker.com:42")
		must(t, err)
	})
}

// The user of a login that failed tries again. The first one then is superfluous,
// and takes none of the user's refresh tokens at the provider.
func TestLoginThatWasTriedAgain(t *testing.T) {
	for _, name := range []string{"", "patricia@zylker.com:42"} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			s.p.identify = func(*Token) (string, error) { return "patricia@zylker.com:42", nil }
			s.loseLogin(t, &Grant{Code: NewSecret("1000.c1"), UserName: name})
			_, err := s.keeper().Login(t.Context(), &Grant{Code: NewSecret("1000.c2"), UserName: name})
			must(t, err)
			s.recover(t, RecoverReport{Dropped: 1})
			session, err := s.keeper().Session(t.Context(), "patricia@zylker.com:42")
			must(t, err)
			row, err := session.Row(t.Context())
			must(t, err)
			if row.RefreshToken.Reveal() != "1000.refresh.2" || s.rows(t) != 1 || len(s.files(t)) != 0 {
				t.Errorf("name %q: row %+v, %d rows, left %v", name, row, s.rows(t), s.files(t))
			}
			if !slices.Equal(s.p.revoked, []string{"1000.refresh.1|1000.access.1"}) {
				t.Errorf("name %q: revoked %q", name, s.p.revoked)
			}
		})
	}
}

// A name without an organisation may stand for two logins: both stay.
func TestRescuedLoginOfAnUnknownOrganisationStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.p.identify = func(*Token) (string, error) { return "patricia@zylker.com", nil }
		s.loseLogin(t, &Grant{Code: NewSecret("1000.c1")})
		_, err := s.keeper().Login(t.Context(), &Grant{Code: NewSecret("1000.c2")})
		must(t, err)
		s.recover(t, RecoverReport{Merged: 1})
		if s.rows(t) != 2 || len(s.p.revoked) != 0 {
			t.Errorf("%d rows, revoked %q", s.rows(t), s.p.revoked)
		}
	})
}

// A rescued login renews the row that it was made to renew, though that was
// refreshed since, and whatever state it is in.
func TestRescuedLoginRenewsItsRow(t *testing.T) {
	for name, c := range map[string]struct {
		class Class
		used  time.Duration // before or after the login
		blind bool          // the store could not even be read
		want  RecoverReport
	}{
		"refreshed since":        {"", time.Minute, false, RecoverReport{Merged: 1}},
		"dead":                   {NeedsLogin, time.Minute, true, RecoverReport{Merged: 1}},
		"not used since":         {"", -time.Hour, true, RecoverReport{Merged: 1}},
		"perhaps a newer login":  {"", time.Minute, true, RecoverReport{Dropped: 1}},
		"dead, and was readable": {NeedsLogin, time.Minute, false, RecoverReport{Merged: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			row := stored(t, s.store, time.Hour)
			var blind TokenStore = s.store
			if c.blind {
				blind = blindStore{s.store}
			}
			s.store.onSave = down
			_, err := New(blind, s.p, &Options{Journal: s.dir}).Login(t.Context(), namedLogin)
			if !errors.Is(err, ErrStoreUnavailable) {
				t.Fatal(err)
			}
			s.store.onSave = nil
			row.State.Class, row.UsedAt = c.class, time.Now().Add(c.used)
			must(t, s.store.SaveToken(t.Context(), row))
			s.recover(t, c.want)
			got := read(t, s.store, row.ID)
			fresh, revoked := "1000.refresh.1", "1000.refresh.0|1000.access.0"
			if c.want.Dropped == 1 {
				fresh, revoked = "1000.refresh.0", "1000.refresh.1|1000.access.1"
			} else if got.State != (State{}) {
				t.Errorf("%s: state %+v", name, got.State)
			}
			if got.RefreshToken.Reveal() != fresh || !slices.Equal(s.p.revoked, []string{revoked}) || s.rows(t) != 1 {
				t.Errorf("%s: row %+v, revoked %q", name, got, s.p.revoked)
			}
		})
	}
}

// blindStore finds nothing because it cannot read.
type blindStore struct{ TokenStore }

func (blindStore) FindToken(context.Context, *Token) (*Token, error) { return nil, errDown }

// What was deleted after the login stays deleted.
func TestRescuedLoginOfADeletedUser(t *testing.T) {
	for _, where := range []string{"here", "elsewhere"} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			row := stored(t, s.store, time.Hour)
			s.loseLogin(t, namedLogin)
			want := RecoverReport{}
			if where == "here" {
				must(t, s.keeper().Delete(t.Context(), row.ID))
			} else {
				must(t, s.store.DeleteToken(t.Context(), row.ID))
				want.Dropped = 1
			}
			s.recover(t, want)
			if s.rows(t) != 0 || len(s.files(t)) != 0 {
				t.Errorf("deleted %s: %d rows, left %v", where, s.rows(t), s.files(t))
			}
		})
	}
}

// A login that nobody can keep does not take one of Zoho's 20 places.
func TestLoginThatCanBeKeptNowhereIsRevoked(t *testing.T) {
	for name, c := range map[string]struct {
		journal bool
		err     error
		lost    bool // the store saved it and its answer was lost
		grant   *Grant
		want    int
	}{
		"no journal":          {false, errDown, false, namedLogin, 1},
		"unwritable journal":  {true, errDown, false, namedLogin, 1},
		"refused for good":    {true, ErrInvalid, false, namedLogin, 1},
		"stored after all":    {false, errDown, true, namedLogin, 0},
		"the caller's tokens": {false, errDown, false, &Grant{RefreshToken: NewSecret("1000.r"), UserName: "u"}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newRescueSetup(t)
			if c.journal {
				must(t, os.WriteFile(s.dir, nil, 0o600))
			} else {
				s.dir = ""
			}
			s.store.onSave = func(row *Token) error {
				if c.lost {
					must(t, s.store.TokenStore.SaveToken(t.Context(), row.Clone()))
				}
				return c.err
			}
			_, err := s.keeper().Login(t.Context(), c.grant)
			if (err == nil) != c.lost || err != nil && !errors.Is(err, c.err) {
				t.Errorf("%s: %v", name, err)
			}
			if len(s.p.revoked) != c.want || s.told(Revoked) != c.want {
				t.Errorf("%s: revoked %q, events %v", name, s.p.revoked, s.events)
			}
		})
	}
}

func TestLoginIsJournaledBeforeTheStoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		hangs := &hookedStore{TokenStore: s.store, onSave: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		k := New(hangs, s.p, &Options{Journal: s.dir})
		go func() { _, _ = k.Login(t.Context(), namedLogin) }()
		time.Sleep(time.Second)
		if n := len(s.files(t)); n != 1 {
			t.Errorf("%d records after a second", n)
		}
		time.Sleep(time.Minute)
		s.store.onSave = down
		go func() { _, _ = s.keeper().Login(t.Context(), namedLogin) }()
		time.Sleep(time.Millisecond)
		if n := len(s.files(t)); n != 2 {
			t.Errorf("%d records right after the store refused", n)
		}
		time.Sleep(time.Minute)
	})
}

// A record that a crash left beside its merged row means nothing to what the row
// became: it is recognised by the code too, when a rotator has replaced the refresh
// token, and a spent one is not shown to the provider again.
func TestMergedLoginIsRecognisedAfterARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.p.limits.Rotation = RotationStrict
		s.loseLogin(t, namedLogin)
		path := s.files(t)[0]
		content, err := os.ReadFile(path)
		must(t, err)
		s.recover(t, RecoverReport{Merged: 1})
		session, err := s.keeper().Session(t.Context(), namedLogin.UserName)
		must(t, err)
		row := read(t, s.store, session.ID())
		row.RefreshToken, row.AccessToken = NewSecret("1000.refresh.next"), NewSecret("1000.access.next")
		must(t, s.store.SaveToken(t.Context(), row))
		must(t, os.WriteFile(path, content, 0o600))
		s.recover(t, RecoverReport{Merged: 1})
		if got := read(t, s.store, row.ID); got.Version != row.Version || len(s.p.revoked) != 0 {
			t.Errorf("row %+v, revoked %q", got, s.p.revoked)
		}
		row.GrantToken, row.UsedAt = NewSecret("1000.another"), time.Now().Add(time.Minute)
		must(t, s.store.SaveToken(t.Context(), row))
		must(t, os.WriteFile(path, content, 0o600))
		s.recover(t, RecoverReport{Dropped: 1})
		if len(s.p.revoked) != 0 {
			t.Errorf("revoked %q", s.p.revoked)
		}
	})
}

// A rescued login whose name is found later than the one of a newer login does not
// take its place.
func TestRescuedLoginKeepsItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		began := time.Now()
		s.loseLogin(t, &Grant{Code: NewSecret("1000.c1")}) // nobody knows the name now
		time.Sleep(time.Hour / 2)
		s.recover(t, RecoverReport{Merged: 1})
		for row := range s.store.GetTokens(t.Context()) {
			if !row.CreatedAt.Equal(began) {
				t.Errorf("the login of %v says %v", began, row.CreatedAt)
			}
		}
	})
}

// A store that says of itself that it is unavailable is asked again, and what it
// does not take is kept.
func TestUnavailableStoreIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		saves := 0
		s.store.onSave = func(*Token) error {
			if saves++; saves < 10 {
				return &Error{Class: StoreUnavailable, Reason: "locked"}
			}
			return nil
		}
		_, err := s.keeper().Login(t.Context(), namedLogin)
		must(t, err)
		if len(s.files(t)) != 0 {
			t.Errorf("left %v", s.files(t))
		}
	})
}

// A crash at any point of a merge, before or after what it does to the store or
// the provider, is followed by a merge that ends the same.
func TestMergeIsRepeatedWithoutEffect(t *testing.T) {
	for _, kind := range []string{"refresh", "login", "renewal", "nameless", "deleted"} {
		for _, after := range []bool{false, true} {
			for n := 1; n < 100; n++ {
				done := false
				synctest.Test(t, func(t *testing.T) { done = crashInMerge(t, kind, after, n) })
				if done {
					if n < 2 {
						t.Errorf("%s: only %d calls", kind, n)
					}
					break
				}
			}
		}
	}
}

func crashInMerge(t *testing.T, kind string, after bool, n int) (done bool) {
	s := newRescueSetup(t)
	s.p.identify = func(*Token) (string, error) { return "patricia@zylker.com:42", nil }
	var row *Token
	switch kind {
	case "login":
		s.loseLogin(t, namedLogin)
	case "nameless":
		s.loseLogin(t, code)
	case "renewal":
		row = stored(t, s.store, time.Hour)
		s.loseLogin(t, namedLogin)
	default:
		row = stored(t, s.store, -time.Minute)
		s.lose(t, row)
	}
	if kind == "deleted" {
		must(t, s.store.DeleteToken(t.Context(), row.ID))
	}
	store := &crashingStore{TokenStore: s.store, left: n, after: after}
	func() {
		defer func() { done = recover() == nil }()
		_, _ = New(store, s.p, &Options{Journal: s.dir}).Recover(t.Context())
	}()
	_, err := s.keeper().Recover(t.Context())
	must(t, err)
	if len(s.files(t)) != 0 {
		t.Errorf("%s, crash %d: left %v", kind, n, s.files(t))
	}
	if kind == "deleted" {
		if s.rows(t) != 0 {
			t.Errorf("%s, crash %d: the row is back", kind, n)
		}
		return done
	}
	want := "1000.access.1"
	for got := range s.store.GetTokens(t.Context()) {
		if got.AccessToken.Reveal() != want || got.Claim.Held() || got.State != (State{}) {
			t.Errorf("%s, crash %d: row %+v", kind, n, got)
		}
	}
	if s.rows(t) != 1 || s.p.refreshes.Load()+s.p.exchanges.Load() != 1 {
		t.Errorf("%s, crash %d: %d rows", kind, n, s.rows(t))
	}
	return done
}

// crashingStore panics at one of its calls, before or after its effect.
type crashingStore struct {
	TokenStore
	left  int
	after bool
}

func (s *crashingStore) crash(now bool) {
	if now != s.after {
		return
	}
	if s.left--; s.left == 0 {
		panic("crash")
	}
}

func (s *crashingStore) FindToken(ctx context.Context, t *Token) (*Token, error) {
	s.crash(false)
	defer s.crash(true)
	return s.TokenStore.FindToken(ctx, t)
}

func (s *crashingStore) FindTokenByID(ctx context.Context, id string) (*Token, error) {
	s.crash(false)
	defer s.crash(true)
	return s.TokenStore.FindTokenByID(ctx, id)
}

func (s *crashingStore) SaveToken(ctx context.Context, t *Token) error {
	s.crash(false)
	defer s.crash(true)
	return s.TokenStore.SaveToken(ctx, t)
}

func TestRecordsOfOtherClientsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRescueSetup(t)
		s.loseLogin(t, namedLogin)
		got, err := New(s.store, s.p, &Options{Journal: s.dir, ClientID: "1000.OTHER"}).Recover(t.Context())
		if err != nil || got != (RecoverReport{Left: 1}) {
			t.Errorf("%+v, %v", got, err)
		}
		s.recover(t, RecoverReport{Merged: 1})
	})
}

func TestRecordOfANewerVersionStays(t *testing.T) {
	if _, err := decodeRecord([]byte(`{"version":2,"kind":"lineage"}`)); !errors.Is(err, errNewerRecord) {
		t.Error(err)
	}
}

// FuzzJournalRecord reads what it is given and, if that is a record, gets the same
// from what it writes.
func FuzzJournalRecord(f *testing.F) {
	login := &record{kind: RescuedLogin, owner: "h:1:A", token: &Token{RefreshToken: NewSecret("r")}, base: new("")}
	refresh := &record{
		kind: RescuedRefresh, owner: "h:1:A:B", why: "down", token: &Token{AccessToken: NewSecret("a"), Expiry: time.Unix(1, 0)},
		row: &Token{ID: "1000000000"}, spent: mark(NewSecret("r")), was: mark(NewSecret("a0")),
	}
	for _, r := range []*record{login, refresh} {
		b, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte(`{"version":1,"kind":"login","token":{"refresh_token":"` + redacted + `"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := decodeRecord(payload)
		if err != nil {
			if len(payload) > 20 && strings.Contains(err.Error(), string(payload)) {
				t.Error("the error shows the content")
			}
			return
		}
		_ = r.entry()
		again, err := r.encode()
		if err != nil {
			t.Skip() // a year that JSON does not take
		}
		r2, err := decodeRecord(again)
		if err != nil {
			t.Fatal(err)
		}
		third, _ := r2.encode()
		if string(third) != string(again) {
			t.Errorf("%s became %s", again, third)
		}
		if r.kind == RescuedRefresh {
			_ = r.verdict(&Token{RefreshToken: NewSecret("r")}, time.Now())
			_ = claimedByOther(Claim{Owner: "x"}, r.owner)
		}
	})
}
