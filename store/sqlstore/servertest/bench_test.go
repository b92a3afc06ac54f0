//go:build unix

package servertest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/bench"
)

// The benchmarks make each operation through the store and through a bare prepared
// statement of the same driver, in turns. "raw" reads and writes the same columns of
// the same table; "raw10" a table of Zoho's ten columns alone, with an index for each
// key. SERVERTEST_BENCH_ROWS=1000000 runs them on as many rows; the default is 1,000.

const extraColumns = "version, accounts_server, data_centre, scopes, state, claim, mints, created_at, updated_at, used_at"

// A course is a filled store with bare statements beside it.
type course struct {
	*place

	rows int
}

func benchRows(b *testing.B) int {
	b.Helper()
	v := os.Getenv("SERVERTEST_BENCH_ROWS")
	if v == "" {
		return 1000
	}
	rows, err := strconv.Atoi(v)
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

func (p product) newCourse(b *testing.B, rows int) *course {
	b.Helper()
	c := &course{place: p.newPlace(b), rows: rows}
	c.populate(b, rows)
	return c
}

// each runs a benchmark for each product.
func each(b *testing.B, run func(b *testing.B, c *course)) {
	b.Helper()
	for _, p := range products {
		b.Run(p.name, func(b *testing.B) { run(b, p.newCourse(b, benchRows(b))) })
	}
}

// ten makes a table of Zoho's ten columns with the same rows and returns its name.
func (c *course) ten(b *testing.B) string {
	b.Helper()
	name := c.freshTable(b, c.dsn)
	long := " varchar(255)"
	if c.driver == "pgx" {
		long = " text"
	}
	c.exec(b, "CREATE TABLE "+name+" (id varchar(10) PRIMARY KEY, "+strings.Join(strings.Split(officialColumns, ", ")[1:], long+", ")+long+")")
	c.exec(b, "INSERT INTO "+name+" SELECT "+officialColumns+" FROM {table}")
	for i, column := range []string{"user_name", "refresh_token", "access_token", "grant_token"} {
		c.exec(b, fmt.Sprintf("CREATE INDEX %s_%d ON %s (%s)", name, i, name, column))
	}
	c.exec(b, map[string]string{"mysql": "ANALYZE TABLE ", "pgx": "VACUUM ANALYZE "}[c.driver]+name)
	return name
}

func (c *course) prepare(b *testing.B, query string) *sql.Stmt {
	b.Helper()
	query = c.fill(query)
	if c.driver == "pgx" {
		for i := 1; strings.Contains(query, "?"); i++ {
			query = strings.Replace(query, "?", "$"+strconv.Itoa(i), 1)
		}
	}
	stmt, err := c.raw.PrepareContext(b.Context(), query)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stmt.Close() })
	return stmt
}

// side returns a side that does the operation for one row after the other.
func (c *course) side(b *testing.B, name string, do func(row int) error) bench.Side {
	b.Helper()
	i := 0
	return bench.Side{Name: name, Run: func(n int) {
		for range n {
			i = (i*31 + 7919) % c.rows
			if err := do(i); err != nil {
				b.Fatal(name, err)
			}
		}
	}}
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

func userOf(row int) string { return fullToken(fmt.Sprintf("user%07d", row)).UserName }

func idOf(row int) string { return strconv.Itoa(1_000_000_000 + row) }

// find compares a lookup with a bare one by the same key.
func (c *course) find(b *testing.B, column string, key func(row int) string, do func(ctx context.Context, row int) error) {
	b.Helper()
	ctx := b.Context()
	ours := c.side(b, "store", func(row int) error { return do(ctx, row) })
	bare := func(query string) bench.Side {
		stmt := c.prepare(b, query+" WHERE "+column+" = ?")
		return c.side(b, "raw", func(row int) error { return one(ctx, stmt, key(row)) })
	}
	b.Run("raw", func(b *testing.B) {
		bench.Pair(b, bare("SELECT "+officialColumns+", "+extraColumns+" FROM {table}"), ours, 1)
	})
	b.Run("raw10", func(b *testing.B) { bench.Pair(b, bare("SELECT "+officialColumns+" FROM "+c.ten(b)), ours, 1) })
}

func BenchmarkFindByID(b *testing.B) {
	each(b, func(b *testing.B, c *course) {
		c.find(b, "id", idOf, func(ctx context.Context, row int) error {
			_, err := c.FindTokenByID(ctx, idOf(row))
			return err
		})
	})
}

func BenchmarkFindByUser(b *testing.B) {
	each(b, func(b *testing.B, c *course) {
		c.find(b, "user_name", userOf, func(ctx context.Context, row int) error {
			_, err := c.FindToken(ctx, &tokenkeep.Token{UserName: userOf(row)})
			return err
		})
	})
}

// The store replaces a version of one row; the bare statement is an upsert of
// another, with the same values, which looks at no version.
func BenchmarkSave(b *testing.B) {
	each(b, func(b *testing.B, c *course) {
		b.Run("raw", func(b *testing.B) {
			bench.Pair(b, c.upsert(b, c.table, ", version, updated_at", ", 1, 1"), c.saves(b), 1)
		})
		b.Run("raw10", func(b *testing.B) { bench.Pair(b, c.upsert(b, c.ten(b), "", ""), c.saves(b), 1) })
	})
}

// BenchmarkUpsert compares saves without a version of users that are there.
func BenchmarkUpsert(b *testing.B) {
	each(b, func(b *testing.B, c *course) {
		n := 0
		ours := c.side(b, "store", func(row int) error { // the bare statement writes the other rows
			n++
			return c.SaveToken(b.Context(), &tokenkeep.Token{UserName: userOf(row &^ 1), AccessToken: tokenkeep.NewSecret(fmt.Sprint("1000.access.", n))})
		})
		bench.Pair(b, c.upsert(b, c.table, ", version, updated_at", ", 1, 1"), ours, 1)
	})
}

// upsert returns the bare INSERT that becomes an UPDATE of the refreshed columns.
func (c *course) upsert(b *testing.B, table, columns, values string) bench.Side {
	b.Helper()
	set := " ON DUPLICATE KEY UPDATE access_token = VALUES(access_token), expiry_time = VALUES(expiry_time)"
	if c.driver == "pgx" {
		set = " ON CONFLICT (id) DO UPDATE SET access_token = excluded.access_token, expiry_time = excluded.expiry_time"
	}
	stmt := c.prepare(b, "INSERT INTO "+table+" ("+officialColumns+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?"+values+")"+set)
	n := 0
	return c.side(b, "raw", func(row int) error {
		t := fullToken(userOf(row))
		n++
		_, err := stmt.ExecContext(b.Context(), idOf(row|1), t.UserName, t.ClientID, nil, t.RefreshToken.Reveal(), t.AccessToken.Reveal()+strconv.Itoa(n), nil,
			"1795459190603", nil, t.APIDomain)
		return err
	})
}

// saves returns the side of the store: it saves versions of one row of its own.
func (c *course) saves(b *testing.B) bench.Side {
	b.Helper()
	tokens := map[string]*tokenkeep.Token{}
	for t, err := range c.GetTokens(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		if tokens[t.ID] = t; len(tokens) == 1000 {
			break
		}
	}
	n := 0
	return c.side(b, "store", func(row int) error {
		t := tokens[idOf((row%len(tokens))&^1)]
		n++
		t.AccessToken = tokenkeep.NewSecret(fmt.Sprint(fullToken(t.UserName).AccessToken.Reveal(), n))
		return c.SaveToken(b.Context(), t)
	})
}

// BenchmarkGrowth compares lookups among many rows with lookups among 1,000, on a
// server of its own whose memory holds them: with less, the disk is measured.
// SERVERTEST_BENCH_ROWS says how many rows; a million take a minute to make.
func BenchmarkGrowth(b *testing.B) {
	rows := benchRows(b)
	if rows <= 1000 {
		b.Skip("set SERVERTEST_BENCH_ROWS=1000000")
	}
	for _, p := range products {
		s := p.startServer(b, map[string]string{"mysql": "--innodb-buffer-pool-size=1500M", "pgx": "shared_buffers=1GB"}[p.driver])
		few, many := &course{s.newPlace(b, "few"), 1000}, &course{s.newPlace(b, "many"), rows}
		few.populate(b, few.rows)
		many.populate(b, many.rows)
		for name, find := range map[string]func(c *course, row int) error{
			"id": func(c *course, row int) error { _, err := c.FindTokenByID(b.Context(), idOf(row)); return err },
			"user": func(c *course, row int) error {
				_, err := c.FindToken(b.Context(), &tokenkeep.Token{UserName: userOf(row)})
				return err
			},
		} {
			b.Run(p.name+"/"+name, func(b *testing.B) {
				side := func(name string, c *course) bench.Side {
					return c.side(b, name, func(row int) error { return find(c, row) })
				}
				bench.Pair(b, side("few", few), side("many", many), 1)
			})
		}
	}
}

// BenchmarkAgainstNode compares with the DBStore of Zoho's own Node SDK, which opens
// a connection for each call.
func BenchmarkAgainstNode(b *testing.B) {
	c := mariadb.newCourse(b, benchRows(b))
	name := userOf(c.rows / 2)
	var theirs struct{ Find, Save float64 }
	if err := json.Unmarshal([]byte(c.node(b, "bench", name, "50")), &theirs); err != nil {
		b.Fatal(err)
	}
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			c.byUser(b, name)
		}
		b.ReportMetric(theirs.Find*1000, "node-ns")
	})
	b.Run("save", func(b *testing.B) {
		t := c.byUser(b, name)
		for i := 0; b.Loop(); i++ {
			t.AccessToken = tokenkeep.NewSecret(fmt.Sprint("1000.", i))
			c.save(b, t)
		}
		b.ReportMetric(theirs.Save*1000, "node-ns")
	})
}

// BenchmarkList lists all rows, and reports the rows and the peak of the heap.
func BenchmarkList(b *testing.B) {
	each(b, func(b *testing.B, c *course) {
		peak := uint64(0)
		for b.Loop() {
			n := 0
			for _, err := range c.GetTokens(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n%50_000 == 0 {
					peak = max(peak, heap())
				}
			}
			if n != c.rows {
				b.Fatalf("%d rows, want %d", n, c.rows)
			}
		}
		b.ReportMetric(float64(c.rows), "rows")
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	})
}
