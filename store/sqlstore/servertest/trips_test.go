package servertest

import (
	"context"
	"database/sql"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A tripCounter counts round trips: what is sent after something was received.
type tripCounter struct {
	mu      sync.Mutex
	trips   int
	sending bool
}

func (c *tripCounter) sent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sending {
		c.trips++
	}
	c.sending = true
}

func (c *tripCounter) received() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = false
}

// take returns the count and begins again.
func (c *tripCounter) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.trips
	c.trips, c.sending = 0, false
	return n
}

func (c *tripCounter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, c}, nil
}

type countedConn struct {
	net.Conn

	counter *tripCounter
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.counter.sent()
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.counter.received()
	}
	return n, err
}

// counted opens a pool of one connection that counts.
func (p product) counted(t *testing.T, dsn string) (*sql.DB, *tripCounter) {
	t.Helper()
	c := &tripCounter{}
	var db *sql.DB
	if p.driver == "mysql" {
		config, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		config.DialFunc = c.dial
		connector, err := mysql.NewConnector(config)
		if err != nil {
			t.Fatal(err)
		}
		db = sql.OpenDB(connector)
	} else {
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		config.DialFunc = c.dial
		db = stdlib.OpenDB(*config)
	}
	db.SetMaxOpenConns(1) // or the pool prepares the statements on a second one
	t.Cleanup(func() { _ = db.Close() })
	return db, c
}

// A lookup and a save with a version are one round trip, a save without one of a
// row that is there two.
func TestRoundTrips(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		dsn := pr.shared(t)
		db, counter := pr.counted(t, dsn)
		s, err := sqlstore.New(t.Context(), db, pr.dialect(), &sqlstore.Options{Table: pr.freshTable(t, dsn)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, tok := t.Context(), fullToken("a")
		if err := s.SaveToken(ctx, tok); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what string
			want int
			do   func() error
		}{
			{"find by user", 1, func() error { _, err := s.FindToken(ctx, &tokenkeep.Token{UserName: tok.UserName}); return err }},
			{"find by refresh token", 1, func() error {
				_, err := s.FindToken(ctx, &tokenkeep.Token{ClientID: tok.ClientID, RefreshToken: tok.RefreshToken, DataCentre: "eu"})
				return err
			}},
			{"find by id", 1, func() error { _, err := s.FindTokenByID(ctx, tok.ID); return err }},
			{"save with a version", 1, func() error { return s.SaveToken(ctx, tok) }},
			{"save without a version", 2, func() error {
				return s.SaveToken(ctx, &tokenkeep.Token{UserName: tok.UserName, AccessToken: tokenkeep.NewSecret("1000.new")})
			}},
			{"save of a new token", 9, func() error { return s.SaveToken(ctx, fullToken("b")) }},
			{"delete", 1, func() error { return s.DeleteToken(ctx, tok.ID) }},
		} {
			counter.take()
			if err := c.do(); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			if n := counter.take(); n != c.want {
				t.Errorf("%s: %d round trips, want %d", c.what, n, c.want)
			}
		}
	})
}
