package tokenkeep_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A rotationRig is a provider with one of the rotation policies, a store, and one
// login in it, whose access token lives for an hour.
type rotationRig struct {
	t      *testing.T
	fake   *zohotest.Fake
	store  *tokenkeep.MemoryStore
	id     string
	origin string
	opt    oauth.Options
}

const (
	rotApp = "app"
	rotAnn = "ann@example.com"
)

func newRotation(t *testing.T, p zohotest.Profile) *rotationRig {
	t.Helper()
	f := zohotest.New(&zohotest.Options{Profile: &p})
	return fillRotation(t, p, f, f.Transport())
}

// fillRotation logs the user in at f.
func fillRotation(t *testing.T, p zohotest.Profile, f *zohotest.Fake, rt http.RoundTripper) *rotationRig {
	t.Helper()
	f.AddClient(zohotest.Client{ID: rotApp, Secret: "s3cret"})
	f.AddUser(zohotest.User{Email: rotAnn})
	r := &rotationRig{t: t, fake: f, store: tokenkeep.NewMemoryStore(), origin: f.AccountsURL("us"), opt: oauth.Options{
		APIs: []string{f.APIDomain("us")}, RevokeURL: f.AccountsURL("us") + "/oauth/v2/token/revoke",
		Rotation: tokenkeep.Rotation(p.Rotation), Grace: p.Grace, SingleAccessToken: p.SingleAccessToken, Transport: rt,
	}}
	r.id = r.login().ID()
	return r
}

// login logs the user in, once more or for the first time, by another process.
func (r *rotationRig) login() *tokenkeep.Session {
	r.t.Helper()
	code, err := r.fake.GrantCode(rotApp, rotAnn, zohotest.GrantOptions{})
	r.check(err)
	k := r.keeper(nil, r.store)
	defer k.Close()
	s, err := k.Login(r.t.Context(), &tokenkeep.Grant{Code: tokenkeep.NewSecret(code), UserName: rotAnn})
	r.check(err)
	return s
}

func (r *rotationRig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// keeper is a process of its own on a store.
func (r *rotationRig) keeper(opts *tokenkeep.Options, store tokenkeep.TokenStore) *tokenkeep.Keeper {
	return r.keeperVia(r.opt.Transport, opts, store)
}

// keeperVia is a process that reaches the provider in another way.
func (r *rotationRig) keeperVia(rt http.RoundTripper, opts *tokenkeep.Options, store tokenkeep.TokenStore) *tokenkeep.Keeper {
	opt := r.opt
	opt.Transport = rt
	p, err := oauth.New(oauth2.Config{
		ClientID: rotApp, ClientSecret: "s3cret", Endpoint: oauth2.Endpoint{TokenURL: r.origin + "/oauth/v2/token"},
	}, opt)
	if err != nil {
		panic(err)
	}
	return tokenkeep.New(store, p, opts)
}

func (r *rotationRig) session(k *tokenkeep.Keeper) *tokenkeep.Session {
	r.t.Helper()
	s, err := k.SessionByID(r.t.Context(), r.id)
	r.check(err)
	return s
}

func (r *rotationRig) row() *tokenkeep.Token {
	r.t.Helper()
	row, err := r.store.FindTokenByID(r.t.Context(), r.id)
	r.check(err)
	return row
}

// expire lets the access token end, in the store too.
func (r *rotationRig) expire() {
	r.t.Helper()
	row := r.row()
	row.Expiry = time.Now().Add(-time.Minute)
	r.check(r.store.SaveToken(r.t.Context(), row))
}

// wantNoReplay: no used refresh token was sent, but for grace replays.
func (r *rotationRig) wantNoReplay(what string) {
	r.t.Helper()
	if c := r.fake.Counters(); c.SpentRepresented != 0 || c.FamiliesRevoked != 0 {
		r.t.Errorf("%s: %d used refresh tokens were sent, %d logins revoked", what, c.SpentRepresented, c.FamiliesRevoked)
	}
}

// A mortal store is one that a process reaches as long as it lives and is not
// stopped.
type mortal struct {
	tokenkeep.TokenStore
	dead  atomic.Bool
	until atomic.Int64 // stopped, in Unix nanoseconds
}

var errDead = errors.New("the process is dead")

// stop lets nothing pass for d.
func (m *mortal) stop(d time.Duration) { m.until.Store(time.Now().Add(d).UnixNano()) }

func (m *mortal) gate() error {
	time.Sleep(time.Until(time.Unix(0, m.until.Load())))
	if m.dead.Load() {
		return errDead
	}
	return nil
}

func (m *mortal) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if err := m.gate(); err != nil {
		return err
	}
	return m.TokenStore.SaveToken(ctx, t)
}

func (m *mortal) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	if err := m.gate(); err != nil {
		return nil, err
	}
	return m.TokenStore.FindTokenByID(ctx, id)
}

// A lineTo is the way to the provider, on which a test can do things.
type lineTo struct {
	http.RoundTripper
	before, after func(r *http.Request)
}

func (l lineTo) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.before != nil {
		l.before(r)
	}
	resp, err := l.RoundTripper.RoundTrip(r)
	if l.after != nil {
		l.after(r)
	}
	return resp, err
}
