package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
	"github.com/tokenkeep/tokenkeep/storetest"
)

func init() {
	// The driver tells of each broken connection: many, where servers are killed.
	_ = mysql.SetLogger(log.New(io.Discard, "", 0))
}

// A product is one of the database products under test.
type product struct {
	name, driver string
	dialect      func() sqlstore.Dialect
	variable     string   // the environment variable with its DSN
	usual        []string // DSNs to try without that
	quote        string
}

var (
	mariadb = product{
		name: "mariadb", driver: "mysql", dialect: sqlstore.MySQL, variable: "TOKENKEEP_TEST_MYSQL", quote: "`",
		usual: []string{"tokenkeep:tokenkeep@tcp(127.0.0.1:3306)/tokenkeep_test", "root@tcp(127.0.0.1:3306)/test"},
	}
	postgres = product{
		name: "postgres", driver: "pgx", dialect: sqlstore.Postgres, variable: "TOKENKEEP_TEST_POSTGRES", quote: `"`,
		usual: []string{
			"postgres://tokenkeep:tokenkeep@127.0.0.1:5432/tokenkeep_test?sslmode=disable",
			"postgres://postgres@127.0.0.1:5432/test?sslmode=disable",
		},
	}
	products = []product{mariadb, postgres}
)

// missing skips a test that needs a server, unless servers are required.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("TOKENKEEP_REQUIRE_SERVERS") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}

// shared returns the DSN of a server that is there for all tests.
func (p product) shared(tb testing.TB) string {
	tb.Helper()
	dsns := p.usual
	if v := os.Getenv(p.variable); v != "" {
		dsns = []string{v}
	}
	for _, dsn := range dsns {
		if p.answers(tb, dsn) == nil {
			return dsn
		}
	}
	missing(tb, "no "+p.name+" answers on this machine's usual port, and "+p.variable+" names none that does")
	return ""
}

func (p product) answers(tb testing.TB, dsn string) error {
	tb.Helper()
	db, err := sql.Open(p.driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Second)
	defer cancel()
	return db.PingContext(ctx)
}

// db opens a pool that is closed with the test.
func (p product) db(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(p.driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxIdleConns(8)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

var tables atomic.Int64

// freshTable returns the name of a table that is not there, and is dropped with
// the test.
func (p product) freshTable(tb testing.TB, dsn string) string {
	tb.Helper()
	name := fmt.Sprintf("t%d_%d_%d", os.Getpid(), time.Now().UnixMilli()%1e9, tables.Add(1))
	tb.Cleanup(func() {
		db, err := sql.Open(p.driver, dsn)
		if err != nil {
			tb.Error(err)
			return
		}
		defer db.Close()
		for _, t := range []string{name, name + "_meta", name + "_events"} {
			if _, err := db.ExecContext(context.WithoutCancel(tb.Context()), "DROP TABLE IF EXISTS "+p.quote+t+p.quote); err != nil {
				tb.Error(err)
			}
		}
	})
	return name
}

// openDSN opens a store on "<table> <dsn>".
func (p product) openDSN(ctx context.Context, place string) (tokenkeep.TokenStore, error) {
	table, dsn, _ := strings.Cut(place, " ")
	return sqlstore.Open(ctx, p.driver, tokenkeep.NewSecret(dsn), p.dialect(), &sqlstore.Options{Table: table})
}

// open opens a store that is closed with the test.
func (p product) open(tb testing.TB, dsn, table string) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(tb.Context(), p.driver, tokenkeep.NewSecret(dsn), p.dialect(), &sqlstore.Options{Table: table})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// A place is a store on a fresh table, with a plain connection beside it.
type place struct {
	product

	*sqlstore.Store

	dsn, table string
	raw        *sql.DB
}

// newPlace returns a place on the shared server.
func (p product) newPlace(tb testing.TB) *place {
	tb.Helper()
	dsn := p.shared(tb)
	return p.placeAt(tb, dsn, p.freshTable(tb, dsn))
}

func (p product) placeAt(tb testing.TB, dsn, table string) *place {
	tb.Helper()
	return &place{product: p, Store: p.open(tb, dsn, table), dsn: dsn, table: table, raw: p.db(tb, dsn)}
}

// exec runs a statement of another program, in which "{table}" and "{meta}" stand
// for the tables.
func (p *place) exec(tb testing.TB, query string, args ...any) {
	tb.Helper()
	if _, err := p.raw.ExecContext(tb.Context(), p.fill(query), args...); err != nil {
		tb.Fatal(err)
	}
}

func (p *place) fill(query string) string {
	return strings.NewReplacer("{table}", p.quote+p.table+p.quote, "{meta}", p.quote+p.table+"_meta"+p.quote, "{events}", p.quote+p.table+"_events"+p.quote).Replace(query)
}

// eachProduct runs a test for each product.
func eachProduct(t *testing.T, test func(t *testing.T, p product)) {
	t.Helper()
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// fullToken is a token of some 300 bytes.
func fullToken(name string) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName:       name + "@example.com:60001",
		ClientID:       "1000.CLIENT",
		RefreshToken:   tokenkeep.NewSecret("1000.refresh.0123456789abcdef0123456789abcdef." + name),
		AccessToken:    tokenkeep.NewSecret("1000.access.0123456789abcdef0123456789abcdef." + name),
		Expiry:         time.UnixMilli(1795459190603),
		APIDomain:      "https://www.zohoapis.eu",
		AccountsServer: "https://accounts.zoho.eu",
		DataCentre:     "eu",
		Scopes:         []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"},
	}
}

func (p *place) save(tb testing.TB, t *tokenkeep.Token) *tokenkeep.Token {
	tb.Helper()
	if err := p.SaveToken(tb.Context(), t); err != nil {
		tb.Fatal(err)
	}
	return t
}

func (p *place) byID(tb testing.TB, id string) *tokenkeep.Token {
	tb.Helper()
	t, err := p.FindTokenByID(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func (p *place) byUser(tb testing.TB, user string) *tokenkeep.Token {
	tb.Helper()
	t, err := p.FindToken(tb.Context(), &tokenkeep.Token{UserName: user})
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func (p *place) all(tb testing.TB) []*tokenkeep.Token {
	tb.Helper()
	var tokens []*tokenkeep.Token
	for t, err := range p.GetTokens(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		tokens = append(tokens, t)
	}
	return tokens
}

func suite(t *testing.T, p product) {
	t.Helper()
	dsn := ""
	if !storetest.IsChild() {
		dsn = p.shared(t)
	}
	storetest.Run(t, storetest.Config{
		Open:   p.openDSN,
		NewDSN: func(tb testing.TB) string { return p.freshTable(tb, dsn) + " " + dsn },
	})
}

// readOnly returns the DSN for connections that may only read.
func (p product) readOnly(dsn string) string {
	if p.driver == "mysql" {
		return withParam(dsn, "tx_read_only=1")
	}
	return withParam(dsn, "default_transaction_read_only=on")
}

// withParam adds a parameter to a DSN.
func withParam(dsn, param string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&" + param
	}
	return dsn + "?" + param
}
