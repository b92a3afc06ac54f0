package lineage_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A town is a fake Zoho, a store, and programs that use them, at a time that passes
// in no time.
type town struct {
	t     *testing.T
	fake  *zohotest.Fake
	store *tokenkeep.MemoryStore
	mine  map[string]*tokenkeep.Keeper // by client
}

const appSecret = "c11e0000canary0000c11e0000canary0000c11e00"

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, fake: zohotest.New(nil), store: tokenkeep.NewMemoryStore(), mine: map[string]*tokenkeep.Keeper{}}
	for _, client := range []string{app, other} {
		w.fake.AddClient(zohotest.Client{ID: client, Secret: appSecret})
		w.mine[client] = w.keeper(client)
	}
	w.fake.AddUser(zohotest.User{Email: "ann@example.com"})
	w.fake.AddUser(zohotest.User{Email: "bob@example.com"})
	return w
}

func (w *town) keeper(client string) *tokenkeep.Keeper {
	w.t.Helper()
	p, err := zoho.New(zoho.Config{
		ClientID: client, ClientSecrets: []tokenkeep.Secret{secret(appSecret)}, Transport: w.fake.Transport(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return tokenkeep.New(w.store, p, &tokenkeep.Options{Base: w.fake.Transport()})
}

// login logs a user in and keeps the login under name.
func (w *town) login(name, email, client string) *tokenkeep.Session {
	w.t.Helper()
	got := w.fake.Issue(client, email)
	s, err := w.mine[client].Login(w.t.Context(), &tokenkeep.Grant{RefreshToken: secret(got.RefreshToken), UserName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return s
}

// use lets every login be used for some hours, as a server does. That some fail is
// what these tests are about.
func (w *town) use(hours int, sessions ...*tokenkeep.Session) {
	w.t.Helper()
	for range hours * 4 {
		for _, s := range sessions {
			_, _ = s.Token(w.t.Context())
			time.Sleep(time.Second)
		}
		time.Sleep(15 * time.Minute)
	}
}

// why tells the story of the login with the id.
func (w *town) why(id, user string) *lineage.Story {
	w.t.Helper()
	for _, k := range w.mine {
		for range k.History(w.t.Context(), tokenkeep.EventQuery{TokenID: "none"}) { // what waits is recorded
		}
	}
	row, err := w.store.FindTokenByID(w.t.Context(), id)
	if err != nil {
		row = nil
	}
	f, err := lineage.Gather(w.t.Context(), w.store, lineage.Query{
		Row: row, User: user, Provider: "Zoho", Limits: new(zoho.Provider).Limits(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return lineage.Explain(f)
}

// TestSeededLogouts lets the fake end logins in every way, and asks why.
func TestSeededLogouts(t *testing.T) {
	const ann2 = "ann@example.com:2" // the same person in another organisation
	for _, tt := range []struct {
		name string
		seed func(w *town) (id string)
		want string
	}{
		{"nothing", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(5, s)
			return s.ID()
		}, "fine sure"},
		{"21 logins elsewhere", func(w *town) string {
			s, o, b := w.login(ann, "ann@example.com", app), w.login(ann, "ann@example.com", other), w.login(bob, "bob@example.com", app)
			w.use(3, s, o, b)
			for range 20 {
				w.fake.Issue(app, "ann@example.com")
			}
			w.use(3, s, o, b)
			return s.ID()
		}, "evicted possible, app_removed possible, revoked_elsewhere possible, -client_deleted, -password_changed"},
		{"21 logins elsewhere, and a newer one here", func(w *town) string {
			s, two := w.login(ann, "ann@example.com", app), w.login(ann2, "ann@example.com", app)
			w.use(3, s, two)
			for range 19 {
				w.fake.Issue(app, "ann@example.com")
			}
			w.use(3, s, two)
			return s.ID()
		}, "evicted likely, revoked_elsewhere possible, -app_removed, -client_deleted, -password_changed"},
		{"the password was changed", func(w *town) string {
			s, o, b := w.login(ann, "ann@example.com", app), w.login(ann, "ann@example.com", other), w.login(bob, "bob@example.com", app)
			w.use(3, s, o, b)
			w.fake.ChangePassword("ann@example.com", true)
			w.use(3, s, o, b)
			return s.ID()
		}, "password_changed likely, evicted possible, app_removed possible, revoked_elsewhere possible, -client_deleted"},
		{"the app was removed", func(w *town) string {
			s, two, o := w.login(ann, "ann@example.com", app), w.login(ann2, "ann@example.com", app), w.login(ann, "ann@example.com", other)
			w.use(3, s, two, o)
			w.fake.RemoveApp(app, "ann@example.com")
			w.use(3, s, two, o)
			return s.ID()
		}, "app_removed likely, evicted possible, client_deleted possible, revoked_elsewhere possible, -password_changed"},
		{"the client was deleted", func(w *town) string {
			s, b := w.login(ann, "ann@example.com", app), w.login(bob, "bob@example.com", app)
			w.use(3, s, b)
			w.fake.DeleteClient(app)
			w.use(3, s, b)
			return s.ID()
		}, "wrong_client sure, client_deleted likely"},
		{"an operator revoked it", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(3, s)
			ctx := tokenkeep.WithActor(w.t.Context(), "ops on host7 (tokenkeep logout)")
			if err := w.keeper(app).Logout(ctx, s.ID()); err != nil {
				w.t.Fatal(err)
			}
			w.use(2, s)
			return s.ID()
		}, "revoked_by_operator sure"},
		{"an operator ended all logins of a client that leaked", func(w *town) string {
			s, b := w.login(ann, "ann@example.com", app), w.login(bob, "bob@example.com", app)
			w.use(3, s, b)
			ctx := tokenkeep.WithActor(w.t.Context(), "ops on host7 (tokenkeep revoke)")
			if _, err := w.keeper(app).Revoke(ctx, tokenkeep.RevokeQuery{ClientID: app}); err != nil {
				w.t.Fatal(err)
			}
			w.use(2, s, b)
			return s.ID()
		}, "revoked_by_operator sure"},
		{"an operator revoked a copy of it", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(3, s)
			ctx := tokenkeep.WithActor(w.t.Context(), "ops on host7 (tokenkeep logout)")
			dup, err := s.Row(ctx)
			if err != nil {
				w.t.Fatal(err)
			}
			dup.ID, dup.Version, dup.UserName, dup.AccessToken = "", 0, "copy", secret("1000.c.c")
			if err := w.store.SaveToken(ctx, dup); err != nil {
				w.t.Fatal(err)
			}
			if err := w.keeper(app).Logout(ctx, dup.ID); err != nil {
				w.t.Fatal(err)
			}
			w.use(2, s)
			return s.ID()
		}, "revoked_by_operator sure"},
		{"another tool overwrote the row", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(3, s)
			w.overwrite(s.ID(), "1000.dead.dead")
			w.use(2, s)
			return s.ID()
		}, "overwritten likely"},
		{"another tool deleted the row", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(3, s)
			if err := w.store.DeleteToken(w.t.Context(), s.ID()); err != nil {
				w.t.Fatal(err)
			}
			w.use(1, s)
			return s.ID()
		}, "vanished likely"},
		{"logged in again elsewhere in this store", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			w.use(3, s)
			_, err := w.keeper(app).Login(w.t.Context(), &tokenkeep.Grant{
				RefreshToken: secret(w.fake.Issue(app, "ann@example.com").RefreshToken), UserName: ann,
			})
			if err != nil {
				w.t.Fatal(err)
			}
			w.use(2, s)
			return s.ID()
		}, "fine sure, replaced sure past"},
		{"used up by a tool without a store", func(w *town) string {
			s := w.login(ann, "ann@example.com", app)
			row, err := s.Row(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			time.Sleep(59 * time.Minute)
			p, err := zoho.New(zoho.Config{ClientID: app, ClientSecrets: []tokenkeep.Secret{secret(appSecret)}, Transport: w.fake.Transport()})
			if err != nil {
				w.t.Fatal(err)
			}
			for range 10 {
				if _, err := p.Refresh(w.t.Context(), row); err != nil {
					w.t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Minute)
			_, _ = s.Token(w.t.Context())
			return s.ID()
		}, "too_many_mints sure"},
		{"the secret was changed", func(w *town) string {
			s, b := w.login(ann, "ann@example.com", app), w.login(bob, "bob@example.com", app)
			w.use(2, s, b)
			w.fake.AddClient(zohotest.Client{ID: app, Secret: "another"})
			w.use(2, s, b)
			return s.ID()
		}, "wrong_client sure, client_deleted likely"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				s := w.why(tt.seed(w), ann)
				if got := brief(s); got != tt.want {
					t.Errorf("verdicts %q\nwant %q\n%+v", got, tt.want, s)
				}
				check(t, s)
			})
		})
	}
}

// overwrite replaces the refresh token in a row, as a program that shares the table
// does.
func (w *town) overwrite(id, refresh string) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	row, err := w.store.FindTokenByID(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	row.RefreshToken, row.AccessToken, row.Expiry = secret(refresh), secret("1000.x.x"), time.Now().Add(time.Hour)
	if err := w.store.SaveToken(ctx, row); err != nil {
		w.t.Fatal(err)
	}
}
