package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// The end of a login is five calls: read, mark, revoke, read, delete. A process is
// killed before or after one of them: moment 2n is before the nth, 2n+1 after it.
const (
	firstMoment  = 2
	lastMoment   = 11
	beforeDelete = 10
	loginsEach   = 3 // of each process, which is killed at its second
)

// playEnd ends the logins of the user ID and waits at one moment of the second until
// it is told to go on, or killed.
func playEnd(ctx context.Context, p *player) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	m := &moments{p: p, calls: map[string]int{}}
	k := tokenkeep.New(&endingStore{s, m}, &endingProvider{newProvider(p.task.URL), m}, &tokenkeep.Options{ClaimTime: p.task.Claim})
	_, err = k.Revoke(ctx, tokenkeep.RevokeQuery{UserName: p.task.ID, Workers: 1})
	return errors.Join(err, k.Close())
}

// playRefresh refreshes all logins, time and again, until it is told to stop.
func playRefresh(ctx context.Context, p *player) error {
	return p.withStore(ctx, func(s tokenkeep.TokenStore) error {
		k := tokenkeep.New(s, newProvider(p.task.URL), &tokenkeep.Options{ClaimTime: p.task.Claim})
		for {
			rows, err := collect(s.GetTokens(ctx))
			if err != nil {
				return err
			}
			for _, row := range rows {
				select {
				case <-p.commands:
					return k.Close()
				case <-time.After(time.Millisecond):
				}
				if session, err := k.SessionByID(ctx, row.ID); err == nil {
					_, _ = session.Refresh(ctx) // it may be ended at this moment
				}
			}
		}
	})
}

// moments counts the calls for each row.
type moments struct {
	p *player

	mu    sync.Mutex // guards what follows
	calls map[string]int
}

// call does f, a call for the row with this id, and waits before or after it if that
// is the moment.
func (m *moments) call(id string, f func() error) error {
	m.mu.Lock()
	m.calls[id]++
	second, n := len(m.calls) == 2, m.calls[id]
	m.mu.Unlock()
	m.await(second && 2*n == m.p.task.Step, id)
	err := f()
	m.await(second && 2*n+1 == m.p.task.Step, id)
	return err
}

func (m *moments) await(now bool, id string) {
	if now {
		m.p.say("at %s", id)
		<-m.p.commands
	}
}

// An endingStore and an endingProvider wait at the moment.
type endingStore struct {
	tokenkeep.TokenStore
	m *moments
}

func (s *endingStore) FindTokenByID(ctx context.Context, id string) (t *tokenkeep.Token, err error) {
	err = s.m.call(id, func() error {
		t, err = s.TokenStore.FindTokenByID(ctx, id)
		return err
	})
	return t, err
}

func (s *endingStore) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	return s.m.call(t.ID, func() error { return s.TokenStore.SaveToken(ctx, t) })
}

func (s *endingStore) DeleteToken(ctx context.Context, id string) error {
	return s.m.call(id, func() error { return s.TokenStore.DeleteToken(ctx, id) })
}

type endingProvider struct {
	*provider
	m *moments
}

func (p *endingProvider) Revoke(ctx context.Context, t *tokenkeep.Token) error {
	return p.m.call(t.ID, func() error { return p.provider.Revoke(ctx, t) })
}

// checkKilledWhileEnding: a process that ends logins and is killed at any moment leaves
// each whole, or gone and revoked, or marked for the next run. A login that is made at
// that moment stays. Another process refreshes all of them meanwhile.
func checkKilledWhileEnding(x *trial) {
	dsn, ts := x.dsn(), x.server()
	s, _ := x.open(dsn)
	var logins []*tokenkeep.Token
	for moment := firstMoment; moment <= lastMoment; moment++ {
		for n := range loginsEach {
			logins = append(logins, x.expiring(s, fmt.Sprintf("%s:%d", endedUser(moment), n), -time.Minute))
		}
	}
	refresher := x.spawn(task{Role: "refresh", DSN: dsn, URL: ts.URL, Claim: x.size.claim})
	refresher.tell("go")
	k := x.keep(s, ts, tokenkeep.Options{ClaimTime: 200 * time.Millisecond, Policy: tokenkeep.Policy{ClockSkew: -1}})
	logins = append(logins, x.killEnders(k, dsn, ts)...)
	refresher.tell("stop")
	x.finish(refresher)
	x.wholeOrGone(s, k, ts, logins)
	time.Sleep(300 * time.Millisecond) // a mark is nobody's after that
	_, err := k.Reap(x.ctx, tokenkeep.ReapOptions{UnfinishedFor: time.Hour})
	x.must(err, "reap what was left")
	for _, row := range x.all(s) {
		if row.State.Class != "" {
			x.errorf("%s is still in state %s after the next run: %s", row.UserName, row.State.Class, row.State.Reason)
		}
	}
	x.wholeOrGone(s, k, ts, logins)
	_, err = k.Revoke(x.ctx, tokenkeep.RevokeQuery{All: true})
	x.must(err, "revoke all")
	if n := len(x.all(s)); n != 0 {
		x.errorf("%d logins are left after all were revoked", n)
	}
	x.wholeOrGone(s, k, ts, logins)
}

func endedUser(moment int) string { return fmt.Sprintf("moment%d@zylker.com", moment) }

// killEnders brings a process to each moment, logs its user in again at every other
// one, kills them all, and returns the new logins. What is saved between the last look
// at a row and its deletion is lost with it, as is said: nobody logs in there.
func (x *trial) killEnders(k *tokenkeep.Keeper, dsn string, ts *tokenServer) (newer []*tokenkeep.Token) {
	children := map[int]*child{}
	for moment := firstMoment; moment <= lastMoment; moment++ {
		c := x.spawn(task{Role: "end", DSN: dsn, URL: ts.URL, ID: endedUser(moment), Step: moment, Claim: x.size.claim})
		c.tell("go")
		children[moment] = c
	}
	for moment := firstMoment; moment <= lastMoment; moment++ {
		c := children[moment]
		if line := c.hear(x.ctx); !strings.HasPrefix(line, "at ") {
			x.fatalf("a process that ends logins did not come to moment %d: %s", moment, c.why(line))
		}
		if moment%2 == 1 && moment < beforeDelete-1 {
			t := plain(endedUser(moment) + ":1")
			t.RefreshToken, t.AccessToken = secret("1000.newer."+t.UserName), secret("1000.newest."+t.UserName)
			t.Expiry = time.Now().Add(time.Hour)
			_, err := k.Adopt(x.ctx, t)
			x.must(err, "login again")
			newer = append(newer, t)
		}
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	return newer
}

// wholeOrGone tells of logins that neither work nor are revoked.
func (x *trial) wholeOrGone(s tokenkeep.TokenStore, k *tokenkeep.Keeper, ts *tokenServer, logins []*tokenkeep.Token) {
	rows := map[string]*tokenkeep.Token{}
	for _, row := range x.all(s) {
		rows[row.RefreshToken.Reveal()] = row
	}
	for _, login := range logins {
		row, revoked := rows[login.RefreshToken.Reveal()], ts.wasRevoked(login.RefreshToken.Reveal())
		switch {
		case row == nil && isNewer(login) && len(rows) > 0:
			x.errorf("the new login of %s is gone", login.UserName)
		case row == nil && !revoked:
			x.errorf("a login of %s is gone and not revoked", login.UserName)
		case row == nil || row.State.Class == tokenkeep.NeedsLogin:
		case revoked:
			x.errorf("a login of %s is revoked, and stored as if it worked", login.UserName)
		default:
			if _, err := x.session(k, row.ID).TokenFor(x.ctx, need); err != nil {
				x.errorf("a login of %s that was not ended does not work: %v", login.UserName, err)
			}
		}
	}
	for _, row := range rows {
		if isNewer(row) && row.State.Class != "" {
			x.errorf("the new login of %s is in state %s", row.UserName, row.State.Class)
		}
	}
}

func isNewer(t *tokenkeep.Token) bool {
	return strings.HasPrefix(t.RefreshToken.Reveal(), "1000.newer.")
}
