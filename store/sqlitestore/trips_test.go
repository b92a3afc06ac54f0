package sqlitestore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A lookup and a save with a version are one statement, prepared beforehand: one
// round trip on a database with a network in between.
func TestRoundTrips(t *testing.T) {
	base, err := sqlite.NewConnector("file:" + filepath.Join(t.TempDir(), "tokens.db"))
	if err != nil {
		t.Fatal(err)
	}
	counter := &countingConnector{Connector: base}
	db := sql.OpenDB(counter)
	db.SetMaxOpenConns(1) // or the pool prepares the statements on a second one
	s, err := sqlstore.New(t.Context(), db, sqlstore.SQLite(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tok := fullToken("a")
	if err := s.SaveToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for what, do := range map[string]func() error{
		"find by user": func() error { _, err := s.FindToken(ctx, &tokenkeep.Token{UserName: tok.UserName}); return err },
		"find by refresh token": func() error {
			_, err := s.FindToken(ctx, &tokenkeep.Token{ClientID: tok.ClientID, RefreshToken: tok.RefreshToken, DataCentre: "eu"})
			return err
		},
		"find by id": func() error { _, err := s.FindTokenByID(ctx, tok.ID); return err },
		"save":       func() error { return s.SaveToken(ctx, tok) },
	} {
		counter.trips.Store(0)
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := counter.trips.Load(); n != 1 {
			t.Errorf("%s: %d round trips, want 1", what, n)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A countingConnector counts what its connections send: statements prepared,
// executed, and transactions begun.
type countingConnector struct {
	driver.Connector
	trips atomic.Int64
}

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countingConn{Conn: conn, trips: &c.trips}, nil
}

type countingConn struct {
	driver.Conn
	trips *atomic.Int64
}

func (c *countingConn) Prepare(query string) (driver.Stmt, error) {
	c.trips.Add(1)
	stmt, err := c.Conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &countingStmt{Stmt: stmt, trips: c.trips}, nil
}

func (c *countingConn) Begin() (driver.Tx, error) {
	c.trips.Add(1)
	return c.Conn.Begin() //nolint:staticcheck // the plain interface is enough to count
}

type countingStmt struct {
	driver.Stmt
	trips *atomic.Int64
}

func (s *countingStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.trips.Add(1)
	return s.Stmt.Exec(args) //nolint:staticcheck // likewise
}

func (s *countingStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.trips.Add(1)
	return s.Stmt.Query(args) //nolint:staticcheck // likewise
}
