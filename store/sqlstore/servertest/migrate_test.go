package servertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

func (p *place) openError(t *testing.T) error {
	t.Helper()
	s, err := p.openDSN(t.Context(), p.table+" "+p.dsn)
	if err == nil {
		_ = s.(*sqlstore.Store).Close()
	}
	return err
}

// A table of a newer version, or of something else, is refused and not changed.
func TestForeignSchema(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		for name, setup := range map[string][]string{
			"another table":     {"CREATE TABLE {table} (id varchar(10), name varchar(255))"},
			"v1 of the SDKs":    {"CREATE TABLE {table} (id int, user_mail varchar(255), client_id varchar(255), refresh_token varchar(255), access_token varchar(255), grant_token varchar(255), expiry_time varchar(20))"},
			"meta of another":   {"CREATE TABLE {meta} (a int)"},
			"meta alone":        {"CREATE TABLE {meta} (name varchar(40) PRIMARY KEY, value bigint)", "INSERT INTO {meta} VALUES ('schema', 1)"},
			"columns to many":   {strings.Replace(officialDDL, "api_domain varchar(255)", "api_domain varchar(255), mine int", 1)},
			"columns exchanged": {strings.NewReplacer("client_id", "client_secret", "client_secret", "client_id").Replace(officialDDL)},
		} {
			t.Run(name, func(t *testing.T) {
				p := pr.bare(t)
				for _, statement := range setup {
					p.exec(t, statement)
				}
				if err := p.openError(t); !errors.Is(err, tokenkeep.ErrSchema) {
					t.Errorf("open: %v, want ErrSchema", err)
				}
			})
		}
		for _, version := range []string{"3", "99", "0", "-1"} {
			p := pr.newPlace(t)
			tok := p.save(t, fullToken("a"))
			p.exec(t, "UPDATE {meta} SET value = "+version+" WHERE name = 'schema'")
			if err := p.openError(t); !errors.Is(err, tokenkeep.ErrSchema) {
				t.Errorf("version %s: %v, want ErrSchema", version, err)
			}
			p.exec(t, "UPDATE {meta} SET value = 2 WHERE name = 'schema'")
			p.settled(t, tok)
		}
	})
}

// A migration that ended half-way on MySQL, where it is no transaction, is finished
// by the next start, whatever it had done.
func TestInterruptedMigration(t *testing.T) {
	const meta = "CREATE TABLE {meta} (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL)"
	for name, setup := range map[string][]string{
		"meta":         {meta},
		"official row": {meta, officialDDL, "INSERT INTO {table} (id, user_name) VALUES ('7', 'old')"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mariadb.bare(t)
			for _, statement := range setup {
				p.exec(t, statement)
			}
			p.take(t)
			p.settled(t, p.save(t, fullToken("a")))
		})
	}
	t.Run("all but the version", func(t *testing.T) {
		p := mariadb.newPlace(t)
		tok := p.save(t, fullToken("a"))
		p.exec(t, "DELETE FROM {meta} WHERE name = 'schema'")
		again := p.open(t, p.dsn, p.table)
		next := fullToken("b")
		if err := again.SaveToken(t.Context(), next); err != nil || next.ID != "1000000001" {
			t.Errorf("id %s, %v", next.ID, err)
		}
		p.settled(t, tok)
	})
}

// Many that start at once on the official table upgrade it once.
func TestUpgradeAtOnce(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.bare(t)
		p.exec(t, officialDDL)
		p.exec(t, "INSERT INTO {table} (id, user_name, refresh_token) VALUES ('3', 'old', 'r')")
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				if err := p.openError(t); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p.take(t)
		old := p.byUser(t, "old")
		if old.ID != "3" || old.Version != 1 {
			t.Errorf("id %s, version %d", old.ID, old.Version)
		}
		p.settled(t, old)
	})
}

// BeforeUpgrade is told of a table that is going to be changed, and can forbid it.
func TestBeforeUpgrade(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.bare(t)
		p.exec(t, officialDDL)
		refused := errors.New("no backup")
		_, err := sqlstore.Open(t.Context(), p.driver, tokenkeep.NewSecret(p.dsn), p.dialect(), &sqlstore.Options{
			Table: p.table, BeforeUpgrade: func(context.Context, int) error { return refused },
		})
		if !errors.Is(err, refused) {
			t.Errorf("open: %v", err)
		}
		rows, err := p.raw.QueryContext(t.Context(), p.fill("SELECT * FROM {table}"))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if columns, err := rows.Columns(); err != nil || len(columns) != 10 {
			t.Errorf("%d columns, %v", len(columns), err)
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	})
}
