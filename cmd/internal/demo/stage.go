package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// latency is how long the fake's accounts servers take, so that what happens at
// once is seen to happen at once.
const latency = 100 * time.Millisecond

// anHour is longer than Zoho's access tokens live.
const anHour = 61 * time.Minute

// A stage is where the story plays. It is used by one goroutine; crowds come and
// go within a chapter.
type stage struct {
	*narrator
	command []string // starts a further process

	dir      string
	setup    setup
	fake     *zohotest.Fake
	way      *guard
	provider *zoho.Provider
	store    closableStore
	keeper   *tokenkeep.Keeper
	steps    *steps
	ann, bo  *user

	processes []*process
	elsewhere int64 // connections to other machines that ended processes asked for

	// caller is the session of the i-th of many callers at once. A test breaks
	// the refresh by giving each a Keeper of its own over a store that forgets.
	caller func(u *user, i int) *tokenkeep.Session
}

// A user is one who logs in.
type user struct {
	email   string
	dc      string // where the account lives
	name    string // what the login is kept under
	id      string // of the stored token
	session *tokenkeep.Session
}

// steps counts the steps of the refresh transaction in this process.
type steps [16]atomic.Int64

func (s *steps) count(_ context.Context, n int) { s[n].Add(1) }

// newStage builds everything but the logins.
func newStage(ctx context.Context, n *narrator, command []string) (*stage, error) {
	st := &stage{
		narrator: n, command: command, way: newGuard(),
		ann: &user{email: "ann@example.com", dc: "us"},
		bo:  &user{email: "bo@example.com", dc: "eu"},
	}
	st.caller = func(u *user, _ int) *tokenkeep.Session { return u.session }
	if err := st.build(ctx); err != nil {
		return nil, errors.Join(err, st.close(false))
	}
	return st, nil
}

func (st *stage) build(ctx context.Context) error {
	var err error
	if st.dir, err = os.MkdirTemp("", "tokenkeep-demo-"); err != nil { // 0700
		return fmt.Errorf("temporary folder: %w", err)
	}
	st.fake = zohotest.New(&zohotest.Options{DataCentres: []string{"us", "eu"}, Latency: latency})
	if err = st.fake.Listen(); err != nil {
		return fmt.Errorf("fake Zoho: %w", err)
	}
	for _, u := range []*user{st.ann, st.bo} {
		st.fake.AddUser(zohotest.User{Email: u.email, DC: u.dc})
	}
	app := st.fake.AddClient(zohotest.Client{Name: "tokenkeep demo", RedirectURIs: []string{redirectURL}, DCs: []string{"eu"}})
	st.setup = setup{Store: filepath.Join(st.dir, "tokens.db"), ClientID: app.ID, ClientSecret: app.Secret}
	for _, dc := range []string{"us", "eu"} {
		st.setup.Places = append(st.setup.Places, location{dc, st.fake.AccountsURL(dc), st.fake.APIDomain(dc)})
	}
	return st.open(ctx)
}

// open opens the store and makes a Keeper, as an app does when it starts.
func (st *stage) open(ctx context.Context) error {
	var err error
	if st.provider, err = st.setup.provider(st.way); err != nil {
		return err
	}
	if st.store, err = openStore(ctx, st.setup.Store); err != nil {
		return err
	}
	st.steps = &steps{}
	st.keeper = tokenkeep.New(st.store, st.provider, &tokenkeep.Options{Base: st.way, OnStep: st.steps.count})
	return nil
}

// shut closes what open opened, as an app does when it ends.
func (st *stage) shut() error {
	if st.store == nil {
		return nil
	}
	err := errors.Join(st.keeper.Close(), st.store.Close())
	st.store, st.keeper = nil, nil
	return err
}

// close ends all processes and the fake, and removes the folder unless it is to
// be kept.
func (st *stage) close(keep bool) error {
	st.killAll()
	err := st.shut()
	st.way.CloseIdleConnections()
	if st.fake != nil {
		st.fake.Close()
	}
	if !keep && st.dir != "" {
		err = errors.Join(err, os.RemoveAll(st.dir))
	}
	return err
}

// start starts a further process that works for u.
func (st *stage) start(ctx context.Context, u *user, pause int) (*process, error) {
	p, err := startProcess(ctx, st.command, task{Setup: st.setup, User: u.name, Pause: pause})
	if err == nil {
		st.processes = append(st.processes, p)
	}
	return p, err
}

func (st *stage) killAll() {
	for _, p := range st.processes {
		p.kill()
		st.elsewhere += p.elsewhere
	}
	st.processes = nil
}

// row reads what the store has of u.
func (st *stage) row(ctx context.Context, u *user) (*tokenkeep.Token, error) {
	return st.store.FindTokenByID(ctx, u.id)
}

// since returns what the fake has counted since an earlier look. Only the sums
// are meaningful.
func (st *stage) since(before zohotest.Counters) zohotest.Counters {
	now := st.fake.Counters()
	now.TokenRequests -= before.TokenRequests
	now.Mints -= before.Mints
	now.Exchanges -= before.Exchanges
	now.Revokes -= before.Revokes
	now.Throttles -= before.Throttles
	now.APIRequests -= before.APIRequests
	now.Unauthorized -= before.Unauthorized
	return now
}

// alive reports whether the fake still accepts u's stored refresh token, and its
// access token.
func (st *stage) alive(t *tokenkeep.Token) (refresh, access bool) {
	refresh, _ = st.fake.RefreshTokenAlive(t.RefreshToken.Reveal())
	access, _ = st.fake.AccessTokenAlive(t.AccessToken.Reveal())
	return refresh, access
}
