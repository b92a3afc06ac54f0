//go:build unix

package servertest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A DSN made of Zoho's DBStore parameters opens the store, also with a password and
// a database that need quoting, and over a socket.
func TestParams(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		s := pr.startServer(t)
		const hard = `p@ss:w/o?r&d%41=#\ "ü`
		db := s.db(t, s.root())
		create := []string{"CREATE DATABASE `a/b?c`", "SET PASSWORD FOR boss = PASSWORD('" + `p@ss:w/o?r&d%41=#\\ "ü` + "')"}
		socket := filepath.Join(s.dir, "s")
		if pr.driver == "pgx" {
			create = []string{`CREATE DATABASE "a/b?c"`, "ALTER USER boss PASSWORD '" + hard + "'"}
			socket = s.dir
		}
		for _, statement := range create {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, host := range []string{"127.0.0.1", "", socket} {
			p := sqlstore.Params{
				Host: host, Port: s.port, Database: "a/b?c", User: "boss", Password: tokenkeep.NewSecret(hard),
				Table: fmt.Sprint("t", len(host)),
			}
			dsn, err := p.MySQL()
			if pr.driver == "pgx" {
				dsn, err = p.Postgres()
			}
			if err != nil {
				t.Fatal(err)
			}
			store, err := sqlstore.Open(t.Context(), pr.driver, dsn, pr.dialect(), p.Options())
			if err != nil {
				t.Errorf("host %q: %v", host, err)
				continue
			}
			if err := store.SaveToken(t.Context(), fullToken("a")); err != nil {
				t.Error(err)
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
