package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

func keeperChecks() []check {
	return []check{
		{name: "keeper/one-request-in-one-process", level: Basic, run: checkOneFlight},
		{name: "keeper/stored-before-handed-out", level: Basic, run: checkStoredFirst},
		{name: "keeper/deleted-stays-deleted", level: Versioned, run: checkDeletedMeanwhile},
		{name: "keeper/newest-login-wins", level: Versioned, run: checkNewLoginMeanwhile},
		{name: "keeper/one-request-of-all-processes", level: Versioned, shared: true, run: checkOneRequest},
		{name: "keeper/stopped-holder", level: Versioned, shared: true, stops: true, run: checkStopped},
		{name: "keeper/killed-at-each-step", level: Durable, shared: true, run: checkKilledAtSteps},
		{name: "keeper/killed-while-ending", level: Durable, shared: true, run: checkKilledWhileEnding},
	}
}

// expiring saves a login whose access token ends in d; with a negative d it has
// ended.
func (x *trial) expiring(s tokenkeep.TokenStore, user string, d time.Duration) *tokenkeep.Token {
	t := plain(user)
	t.Expiry = time.Now().Add(d).Truncate(time.Millisecond)
	return x.save(s, t)
}

// flightTime bounds the refreshes of the parent, and with them how long a Keeper
// takes to close after a check went wrong.
const flightTime = 2 * takeOver

// keep makes a Keeper that is closed with the check.
func (x *trial) keep(s tokenkeep.TokenStore, ts *tokenServer, opts tokenkeep.Options) *tokenkeep.Keeper {
	opts.FlightTime = flightTime
	k := tokenkeep.New(s, newProvider(ts.URL), &opts)
	x.onEnd(func() { _ = k.Close() })
	return k
}

// session returns a session that must be there.
func (x *trial) session(k *tokenkeep.Keeper, id string) *tokenkeep.Session {
	session, err := k.SessionByID(x.ctx, id)
	x.must(err, "session")
	return session
}

// settled tells when, after all is over, the row is not a healthy login with the
// access token that callers got.
func (x *trial) settled(s tokenkeep.TokenStore, login *tokenkeep.Token, access, what string) {
	row := x.get(s, login.ID)
	if !row.AccessToken.Equal(secret(access)) {
		x.errorf("%s: callers got an access token that is not the stored one", what)
	}
	if !row.RefreshToken.Equal(login.RefreshToken) {
		x.errorf("%s: the refresh token changed", what)
	}
	if row.Claim.Held() || row.State.Class != "" {
		x.errorf("%s: the row is left with state %q and a claim of %q", what, row.State.Class, row.Claim.Owner)
	}
}

// requests tells when not exactly want requests were made for a login.
func (x *trial) requests(ts *tokenServer, login *tokenkeep.Token, want int, what string) {
	if n := len(ts.minted(login.RefreshToken)); n != want {
		x.errorf("%s: %d token requests, want exactly %d", what, n, want)
	}
}

// errNotStored: a token was handed out that a kill would lose.
var errNotStored = errors.New("an access token was handed out that is not in the store")

// stored asks for a token, which must be in the store by the time it is handed
// out.
func stored(ctx context.Context, s tokenkeep.TokenStore, session *tokenkeep.Session) (string, error) {
	t, err := session.Token(ctx)
	if err != nil {
		return "", err
	}
	row, err := s.FindTokenByID(ctx, session.ID())
	if err != nil {
		return "", fmt.Errorf("find by id: %w", err)
	}
	if !row.AccessToken.Equal(t.Secret()) {
		return "", errNotStored
	}
	return t.Reveal(), nil
}

// call asks for n tokens at once and returns the different ones.
func call(ctx context.Context, s tokenkeep.TokenStore, session *tokenkeep.Session, n int) ([]string, error) {
	var mu sync.Mutex
	var tokens []string
	var errs []error
	crowd(n, func(int) {
		t, err := stored(ctx, s, session)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	})
	if len(errs) > 0 {
		return tokens, fmt.Errorf("%d of %d callers failed, the first with: %w", len(errs), n, errs[0])
	}
	return tokens, nil
}

// checkOneFlight: the callers of one process share one request.
func checkOneFlight(x *trial) {
	s, ts := x.fresh(), x.server()
	login := x.expiring(s, "ann", -time.Minute)
	tokens, err := call(x.ctx, s, x.session(x.keep(s, ts, tokenkeep.Options{}), login.ID), x.size.flights)
	x.must(err, "token")
	x.requests(ts, login, 1, "one expired token")
	if len(tokens) != 1 {
		x.fatalf("callers got %d different access tokens", len(tokens))
	}
	x.settled(s, login, tokens[0], "one expired token")
}

// checkStoredFirst: as long as a new token is not saved, nobody gets it.
func checkStoredFirst(x *trial) {
	s, ts := x.fresh(), x.server()
	login := x.expiring(s, "ann", -time.Minute)
	var session *tokenkeep.Session
	k := x.keep(s, ts, tokenkeep.Options{OnStep: at(8, func() {
		ctx, cancel := context.WithTimeout(x.ctx, 100*time.Millisecond)
		defer cancel()
		if _, err := stored(ctx, s, session); errors.Is(err, errNotStored) {
			x.errorf("before the save: %v", err)
		}
	})})
	session = x.session(k, login.ID)
	_, err := stored(x.ctx, s, session)
	x.must(err, "token")
}

// playCall asks for Count tokens at once and says the different ones.
func playCall(ctx context.Context, p *player) error {
	return p.withStore(ctx, func(s tokenkeep.TokenStore) error {
		k := tokenkeep.New(s, newProvider(p.task.URL), nil)
		session, err := k.SessionByID(ctx, p.task.ID)
		if err != nil {
			return err
		}
		tokens, err := call(ctx, s, session, p.task.Count)
		for _, t := range tokens {
			p.say("token %s", t)
		}
		return errors.Join(err, k.Close())
	})
}

// checkOneRequest: so do the callers of all processes.
func checkOneRequest(x *trial) {
	dsn, ts := x.dsn(), x.server()
	s, _ := x.open(dsn)
	login := x.expiring(s, "ann", -time.Minute)
	said := x.together(repeat(x.size.processes, task{Role: "call", DSN: dsn, ID: login.ID, URL: ts.URL, Count: x.size.flights}))
	x.requests(ts, login, 1, "one expired token")
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(said...))))
	if len(all) != 1 {
		x.fatalf("the processes got %d different access tokens", len(all))
	}
	x.settled(s, login, strings.TrimPrefix(all[0], "token "), "one expired token")
}

// at returns an OnStep hook that does f once, at step n.
func at(n int, f func()) func(context.Context, int) {
	once := sync.OnceFunc(f)
	return func(_ context.Context, step int) {
		if step == n {
			once()
		}
	}
}

// checkDeletedMeanwhile: a login that is deleted at any step of its refresh stays
// deleted, and what was minted for it is revoked.
func checkDeletedMeanwhile(x *trial) {
	s, ts := x.fresh(), x.server()
	for _, step := range []int{2, 3, 4, 5, 6, 7, 8} {
		what := fmt.Sprintf("deleted at step %d", step)
		login := x.expiring(s, fmt.Sprintf("user%d", step), -time.Minute)
		k := x.keep(s, ts, tokenkeep.Options{OnStep: at(step, func() {
			if err := s.DeleteToken(x.ctx, login.ID); err != nil {
				x.errorf("%s: delete: %v", what, err)
			}
		})})
		if _, err := x.session(k, login.ID).Token(x.ctx); err == nil {
			x.errorf("%s: a token was handed out", what)
		}
		if _, err := s.FindTokenByID(x.ctx, login.ID); !errors.Is(err, tokenkeep.ErrNotFound) {
			x.errorf("%s: the row is back (error %v)", what, err)
		}
		if step <= 5 {
			x.requests(ts, login, 0, what)
		}
		for _, access := range ts.minted(login.RefreshToken) {
			if !ts.wasRevoked(access) {
				x.errorf("%s: the access token that was minted meanwhile is not revoked", what)
			}
		}
	}
	if n := len(x.all(s)); n != 0 {
		x.errorf("%d deleted rows are back", n)
	}
}

// checkNewLoginMeanwhile: a login that is renewed at any step of its refresh
// keeps the newer grant.
func checkNewLoginMeanwhile(x *trial) {
	s, ts := x.fresh(), x.server()
	for _, step := range []int{2, 3, 4, 5, 6, 7, 8} {
		what := fmt.Sprintf("logged in again at step %d", step)
		user := fmt.Sprintf("user%d", step)
		login := x.expiring(s, user, -time.Minute)
		newer := plain(user)
		newer.RefreshToken, newer.AccessToken = secret("1000.newer."+user), secret("1000.newest."+user)
		k := x.keep(s, ts, tokenkeep.Options{OnStep: at(step, func() {
			if err := s.SaveToken(x.ctx, newer); err != nil {
				x.errorf("%s: save: %v", what, err)
			}
		})})
		got, err := x.session(k, login.ID).Token(x.ctx)
		x.must(err, what)
		if got.Reveal() != newer.AccessToken.Reveal() {
			x.errorf("%s: the caller got a token of the older login", what)
		}
		x.settled(s, newer, newer.AccessToken.Reveal(), what)
	}
}
