package redisstore_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
)

// A cutter stands between client and server. It can lose the answers to writes:
// the server does what it was asked, and the connection breaks before the client
// hears of it.
type cutter struct {
	listener net.Listener
	upstream string
	lose     atomic.Int64 // how many answers are lost next
	lost     atomic.Int64
	conns    sync.WaitGroup
}

func newCutter(tb testing.TB, upstream string) *cutter {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	c := &cutter{listener: l, upstream: upstream}
	c.conns.Go(c.serve)
	tb.Cleanup(func() {
		_ = l.Close()
		c.conns.Wait()
	})
	return c
}

func (c *cutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.upstream)
		if err != nil {
			_ = client.Close()
			continue
		}
		var writes atomic.Bool // the last request is a script with a nonce, of 32 digits
		closeBoth := func() { _, _ = client.Close(), server.Close() }
		c.conns.Go(func() {
			defer closeBoth()
			pump(client, server, func(b []byte) bool { writes.Store(bytes.Contains(b, []byte("$32\r\n"))); return true })
		})
		c.conns.Go(func() {
			defer closeBoth()
			pump(server, client, func([]byte) bool {
				if !writes.Load() || c.lose.Add(-1) < 0 {
					return true
				}
				c.lost.Add(1)
				return false
			})
		})
	}
}

// pump copies until pass says no.
func pump(from io.Reader, to io.Writer, pass func([]byte) bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if !pass(b[:n]) {
				return
			}
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cutPlace returns a store behind a cutter.
func cutPlace(t *testing.T) (*place, *cutter) {
	t.Helper()
	address := sharedServer(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := newCutter(t, u.Host)
	u.Host = c.listener.Addr().String()
	p := placeAt(t, address)
	s, err := redisstore.Open(t.Context(), u.String(), &redisstore.Options{Prefix: p.prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p.Store = s
	return p, c
}

// What the server did although its answer was lost is not done twice, and not
// mistaken for somebody else's.
func TestLostAnswers(t *testing.T) {
	p, c := cutPlace(t)
	first := save(t, p, login("warm")) // the scripts are known, connections are up
	if err := p.DeleteToken(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	for _, lost := range []int64{1, 2} {
		ann := login("ann")
		for _, step := range []struct {
			what string
			do   func() error
		}{
			{"insert", func() error { return p.SaveToken(t.Context(), ann) }},
			{"replace", func() error {
				ann.AccessToken = tokenkeep.NewSecret("1000.access.next")
				return p.SaveToken(t.Context(), ann)
			}},
			{"merge", func() error {
				return p.SaveToken(t.Context(), &tokenkeep.Token{UserName: "ann", AccessToken: tokenkeep.NewSecret("1000.access.third")})
			}},
			{"insert without a key", func() error {
				return p.SaveToken(t.Context(), &tokenkeep.Token{RefreshToken: tokenkeep.NewSecret("1000.nameless")})
			}},
			{"delete", func() error { return p.DeleteToken(t.Context(), ann.ID) }},
			{"append to the history", func() error { return p.AppendEvents(t.Context(), []tokenkeep.Event{event(0), event(1)}) }},
		} {
			before := c.lost.Load()
			c.lose.Store(lost)
			if err := step.do(); err != nil {
				t.Errorf("%d answers lost, %s: %v", lost, step.what, err)
			}
			if c.lost.Load() != before+lost {
				t.Errorf("%s: %d answers were lost, want %d", step.what, c.lost.Load()-before, lost)
			}
			c.lose.Store(0)
		}
		rows := listed(t, p)
		if len(rows) != int(lost) { // the nameless ones
			t.Errorf("%d rows are left, want %d", len(rows), lost)
		}
		if events := numbers(t, p); len(events) != int(2*lost) {
			t.Errorf("events %v after %d calls that added two", events, lost)
		}
		if ann.Version != 2 {
			t.Errorf("a replaced row has version %d, want 2", ann.Version)
		}
	}
}

// A save whose answers are all lost ends in an error that is no conflict.
func TestAllAnswersLost(t *testing.T) {
	p, c := cutPlace(t)
	ann := save(t, p, login("ann"))
	c.lose.Store(1 << 30)
	next := ann.Clone()
	next.AccessToken = tokenkeep.NewSecret("1000.access.next")
	err := p.SaveToken(t.Context(), next)
	c.lose.Store(0)
	if tokenkeep.ClassOf(err) != tokenkeep.StoreUnavailable || errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save without an answer: %v", err)
	}
	if next.Version != ann.Version {
		t.Error("a save that failed changed the version of its token")
	}
	row, err := p.FindTokenByID(t.Context(), ann.ID)
	if err != nil || !row.AccessToken.Equal(next.AccessToken) || row.Version != 2 {
		t.Errorf("the save happened once: version %d, error %v", row.Version, err)
	}
}
