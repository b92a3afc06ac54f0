package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// The benchmarks make each operation through the store and through a bare
// prepared statement of the same driver, in turns, and report the medians and
// their ratio. "raw" reads and writes the same columns as the store; "raw10" is a
// table of Zoho's ten columns alone, with an index for each key.
//
// SQLITESTORE_BENCH_ROWS=1000000 runs them on as many rows; the default is 1,000.

const tenColumns = "id, user_name, client_id, client_secret, refresh_token, access_token, grant_token, expiry_time, redirect_url, api_domain"

const extraColumns = "version, accounts_server, data_centre, scopes, state, claim, mints, created_at, updated_at, used_at"

// A bench is a filled store with bare statements beside it.
type bench struct {
	rows  int
	store *sqlitestore.Store
	db    *sql.DB // on the same file
}

func newBench(b *testing.B) *bench {
	b.Helper()
	rows := 1000
	if v := os.Getenv("SQLITESTORE_BENCH_ROWS"); v != "" {
		var err error
		if rows, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "tokens.db")
	store, err := sqlitestore.Open(b.Context(), path, nil)
	if err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=5000&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	x := &bench{rows: rows, store: store, db: db}
	x.fill(b)
	return x
}

func name(i int) string { return fmt.Sprintf("user%07d", i) }

// fill makes the rows by SQL, and a table of ten columns like them.
func (x *bench) fill(b *testing.B) {
	b.Helper()
	t := fullToken("X")
	for _, statement := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ` + strconv.Itoa(x.rows) + `)
		INSERT INTO oauthtoken (id, user_name, client_id, refresh_token, access_token, expiry_time, api_domain, accounts_server, data_centre, scopes, created_at, updated_at)
		SELECT 1000000000 + i, printf('user%07d', i) || '` + strings.TrimPrefix(t.UserName, "X") + `', '` + t.ClientID + `',
			'` + t.RefreshToken.Reveal() + `' || i, '` + t.AccessToken.Reveal() + `' || i, '1795459190603', '` + t.APIDomain + `',
			'` + t.AccountsServer + `', 'eu', 'ZohoCRM.modules.ALL', 1795459190603, 1795459190603 FROM n`,
		`CREATE TABLE ten (id varchar(10) PRIMARY KEY, ` + strings.Join(strings.Split(tenColumns, ", ")[1:], " varchar(255), ") + ` varchar(255))`,
		`INSERT INTO ten SELECT ` + tenColumns + ` FROM oauthtoken`,
		`CREATE INDEX ten_user ON ten (user_name)`,
		`CREATE INDEX ten_refresh ON ten (refresh_token)`,
		`CREATE INDEX ten_access ON ten (access_token)`,
		`CREATE INDEX ten_grant ON ten (grant_token)`,
		`PRAGMA wal_checkpoint(TRUNCATE)`,
	} {
		if _, err := x.db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

func (x *bench) prepare(b *testing.B, query string) *sql.Stmt {
	b.Helper()
	stmt, err := x.db.PrepareContext(b.Context(), query)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stmt.Close() })
	return stmt
}

// A contender is one way to make an operation, for the i-th row. What before does
// is not counted.
type contender struct {
	name   string
	before func(i int) error
	do     func(i int) error
}

func nothing(int) error { return nil }

// race runs the contenders in turns; the first is the store.
func (x *bench) race(b *testing.B, contenders ...contender) {
	b.Helper()
	times := make([][]time.Duration, len(contenders))
	i := 0
	for b.Loop() {
		i = (i*31 + 7919) % x.rows
		for k := range contenders {
			k = (k + i) % len(contenders)
			if err := contenders[k].before(i); err != nil {
				b.Fatal(contenders[k].name, err)
			}
			start := time.Now()
			err := contenders[k].do(i)
			times[k] = append(times[k], time.Since(start))
			if err != nil {
				b.Fatal(contenders[k].name, err)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	store := median(times[0])
	b.ReportMetric(float64(store.Nanoseconds())/1000, "store-us")
	for k, c := range contenders[1:] {
		m := median(times[k+1])
		b.ReportMetric(float64(m.Nanoseconds())/1000, c.name+"-us")
		b.ReportMetric(float64(store)/float64(m), "x-"+c.name)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// one reads one row into plain variables.
func one(ctx context.Context, stmt *sql.Stmt, key string) error {
	rows, err := stmt.QueryContext(ctx, key)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.NullString, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
	}
	if n != 1 {
		return fmt.Errorf("%d rows", n)
	}
	return rows.Err()
}

func BenchmarkFindByUser(b *testing.B) {
	x := newBench(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	raw := x.prepare(b, "SELECT "+tenColumns+", "+extraColumns+" FROM oauthtoken WHERE user_name = ?")
	raw10 := x.prepare(b, "SELECT "+tenColumns+" FROM ten WHERE user_name = ?")
	user := func(i int) string { return fullToken(name(i)).UserName }
	x.race(b,
		contender{"store", nothing, func(i int) error {
			_, err := x.store.FindToken(ctx, &tokenkeep.Token{UserName: user(i)})
			return err
		}},
		contender{"raw", nothing, func(i int) error { return one(ctx, raw, user(i)) }},
		contender{"raw10", nothing, func(i int) error { return one(ctx, raw10, user(i)) }},
	)
}

func BenchmarkFindByID(b *testing.B) {
	x := newBench(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	raw := x.prepare(b, "SELECT "+tenColumns+", "+extraColumns+" FROM oauthtoken WHERE id = ?")
	raw10 := x.prepare(b, "SELECT "+tenColumns+" FROM ten WHERE id = ?")
	id := func(i int) string { return strconv.Itoa(1_000_000_000 + i) }
	x.race(b,
		contender{"store", nothing, func(i int) error { _, err := x.store.FindTokenByID(ctx, id(i)); return err }},
		contender{"raw", nothing, func(i int) error { return one(ctx, raw, id(i)) }},
		contender{"raw10", nothing, func(i int) error { return one(ctx, raw10, id(i)) }},
	)
}

// The store replaces a version; the bare statements replace the refreshed
// columns of its neighbour without looking at the version.
func BenchmarkSave(b *testing.B) {
	x := newBench(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	set := strings.Join(strings.Split(tenColumns, ", ")[1:], " = ?, ") + " = ? WHERE id = ?"
	raw := x.prepare(b, "UPDATE oauthtoken SET version = version + 1, updated_at = 1, "+set)
	raw10 := x.prepare(b, "UPDATE ten SET "+set)
	n := 0
	update := func(stmt *sql.Stmt, i int) error {
		t := fullToken(name(i))
		n++
		_, err := stmt.ExecContext(ctx, t.UserName, t.ClientID, nil, t.RefreshToken.Reveal(), t.AccessToken.Reveal()+strconv.Itoa(n), nil,
			"1795459190603", nil, t.APIDomain, strconv.Itoa(1_000_000_000+i|1))
		return err
	}
	var t *tokenkeep.Token
	x.race(b,
		contender{"store", func(i int) (err error) {
			n++
			if t, err = x.store.FindTokenByID(ctx, strconv.Itoa(1_000_000_000+i&^1)); err == nil {
				t.AccessToken = tokenkeep.NewSecret(fullToken(name(i)).AccessToken.Reveal() + strconv.Itoa(n))
			}
			return err
		}, func(int) error { return x.store.SaveToken(ctx, t) }},
		contender{"raw", nothing, func(i int) error { return update(raw, i) }},
		contender{"raw10", nothing, func(i int) error { return update(raw10, i) }},
	)
}
