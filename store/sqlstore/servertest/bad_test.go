//go:build unix

package servertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A failure is what an operation has to say: an error to find with errors.Is, and
// a word of the next step.
type failure struct {
	is   error
	says string
}

func (f failure) check(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, f.is) {
		t.Errorf("%s: %v, want %v", what, err, f.is)
		return
	}
	if !strings.Contains(err.Error(), f.says) {
		t.Errorf("%s: %v does not mention %q", what, err, f.says)
	}
	for _, secret := range []string{"canary", "1000.refresh", "1000.access"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows a secret", what)
		}
	}
}

func (p product) openError(t *testing.T, dsn string) error {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), p.driver, tokenkeep.NewSecret(dsn), p.dialect(), nil)
	if err == nil {
		_ = s.Close()
	}
	return err
}

// A server with users of different rights, misused in every way.
func TestMisuse(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		s := pr.startServer(t)
		for user, grant := range map[string]string{"nothing": "", "only_reads": "SELECT", "only_writes": "SELECT, INSERT, UPDATE, DELETE"} {
			s.makeUser(t, user, grant)
		}
		t.Run("at the start", func(t *testing.T) { s.misuseStart(t) })
		p := s.newPlace(t, "oauthtoken")
		p.save(t, fullToken("a"))
		for user, grant := range map[string]string{"only_reads": "SELECT", "only_writes": "SELECT, INSERT, UPDATE, DELETE"} {
			for _, table := range []string{"oauthtoken", "oauthtoken_meta"} {
				p.exec(t, "GRANT "+grant+" ON "+table+" TO "+user)
			}
		}
		t.Run("rights", func(t *testing.T) { s.misuseRights(t, p) })
		t.Run("read-only", func(t *testing.T) { s.misuseReadOnly(t, p) })
		t.Run("values", func(t *testing.T) { p.misuseValues(t) })
		t.Run("down", func(t *testing.T) { s.misuseDown(t, p) })
	})
}

func (s *server) makeUser(t *testing.T, user, grant string) {
	t.Helper()
	db := s.db(t, s.root())
	create := fmt.Sprintf("CREATE USER %s IDENTIFIED BY 'canary-%s'", user, user)
	if s.driver == "pgx" {
		create = fmt.Sprintf("CREATE USER %s PASSWORD 'canary-%s'", user, user)
	}
	statements := []string{create}
	if s.driver == "mysql" && grant != "" {
		statements = append(statements, "GRANT USAGE ON tk.* TO "+user)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) misuseStart(t *testing.T) {
	t.Helper()
	wrong := failure{tokenkeep.ErrMisconfigured, "password"}
	wrong.check(t, "wrong password", s.openError(t, s.as("boss", "canary-wrong")))
	wrong.check(t, "no such user", s.openError(t, s.as("stranger", "canary-wrong")))
	failure{tokenkeep.ErrMisconfigured, "create the database"}.check(t, "unknown database",
		s.openError(t, strings.Replace(s.root(), "/tk", "/no_such", 1)))
	failure{tokenkeep.ErrMisconfigured, "grant"}.check(t, "no right to create", s.openError(t, s.as("only_reads", "canary-only_reads")))
	failure{tokenkeep.ErrReadOnly, "read-only"}.check(t, "no table on a read-only server", s.openError(t, s.readOnly(s.root())))
	failure{tokenkeep.ErrMisconfigured, "DSN"}.check(t, "no DSN", s.openError(t, "canary:canary@:::/%%"))
	for _, table := range []string{"a b", "a`b", `a"b`, "a;drop table x", strings.Repeat("a", 41), "ü"} {
		_, err := sqlstore.Open(t.Context(), s.driver, tokenkeep.NewSecret(s.root()), s.dialect(), &sqlstore.Options{Table: table})
		if err == nil {
			t.Errorf("the table %q was made", table)
		}
	}
	for _, table := range []string{"select", "Table", "ORDER", "_", strings.Repeat("a", 40)} {
		p := s.newPlace(t, table)
		tok := p.save(t, fullToken("a"))
		p.settled(t, p.byUser(t, tok.UserName))
	}
}

func (s *server) misuseRights(t *testing.T, p *place) {
	t.Helper()
	denied := failure{tokenkeep.ErrMisconfigured, "grant"}
	id := p.all(t)[0].ID
	if s.driver == "pgx" { // MySQL shows no columns of a table without rights, and asks for CREATE
		denied.check(t, "no rights", s.openError(t, s.as("nothing", "canary-nothing")))
	}
	writer := s.placeAt(t, s.as("only_writes", "canary-only_writes"), "oauthtoken")
	writer.save(t, fullToken("b"))
	writer.settled(t, writer.byID(t, id))
	if err := writer.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	s.misuseHistory(t, p, writer)
	db := s.db(t, s.as("only_reads", "canary-only_reads"))
	reader, err := sqlstore.New(t.Context(), db, s.dialect(), nil)
	if err != nil { // MySQL tells when it prepares the first write
		denied.check(t, "only SELECT", err)
		return
	}
	defer reader.Close()
	tok, err := reader.FindTokenByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	denied.check(t, "save with a version", reader.SaveToken(t.Context(), tok))
	denied.check(t, "save of a new token", reader.SaveToken(t.Context(), fullToken("new")))
	denied.check(t, "delete", reader.DeleteToken(t.Context(), id))
	denied.check(t, "delete all", reader.DeleteTokens(t.Context()))
	denied.check(t, "ping", reader.Ping(t.Context()))
}

// Who may not write the history, or make its table, has a store without one, and is
// told what is missing.
func (s *server) misuseHistory(t *testing.T, p, writer *place) {
	t.Helper()
	none := failure{tokenkeep.ErrNoHistory, "oauthtoken_events"}
	none.check(t, "append without rights", writer.AppendEvents(t.Context(), []tokenkeep.Event{named("1", 1)}))
	_, err := writer.PruneEvents(t.Context(), time.Now())
	none.check(t, "prune without rights", err)
	for _, err := range writer.Events(t.Context(), tokenkeep.EventQuery{UserName: "ann"}) {
		none.check(t, "events without rights", err)
	}
	p.exec(t, "DROP TABLE {events}")
	none.check(t, "append without a table", writer.AppendEvents(t.Context(), []tokenkeep.Event{named("1", 1)}))
	p.append(t, named("1", 1))
	p.exec(t, "GRANT SELECT, INSERT, DELETE ON oauthtoken_events TO only_writes")
	writer.append(t, named("1", 2))
	if n := len(writer.events(t, tokenkeep.EventQuery{TokenID: "1"})); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	if n, err := writer.PruneEvents(t.Context(), time.Now().Add(24*time.Hour)); n != 2 || err != nil {
		t.Errorf("prune: %d, %v", n, err)
	}
}

// A server that became read-only, as a replica is, can still be read, also by a
// program that starts then; one that may be written again is written.
func (s *server) misuseReadOnly(t *testing.T, p *place) {
	t.Helper()
	set := "SET GLOBAL read_only = %s"
	if s.driver == "pgx" {
		set = "ALTER DATABASE tk SET default_transaction_read_only = %s" // for new connections
	}
	before := s.placeAt(t, s.as("only_writes", "canary-only_writes"), "oauthtoken")
	p.exec(t, fmt.Sprintf(set, "on"))
	during := s.placeAt(t, s.as("only_writes", "canary-only_writes"), "oauthtoken")
	readOnly := failure{tokenkeep.ErrReadOnly, "primary"}
	places := []*place{during}
	if s.driver == "mysql" {
		places = append(places, before)
	}
	for _, place := range places {
		tok := place.all(t)[0]
		readOnly.check(t, "save with a version", place.SaveToken(t.Context(), tok))
		readOnly.check(t, "save of a new token", place.SaveToken(t.Context(), fullToken("new")))
		readOnly.check(t, "delete", place.DeleteToken(t.Context(), tok.ID))
		readOnly.check(t, "delete all", place.DeleteTokens(t.Context()))
		readOnly.check(t, "ping", place.Ping(t.Context()))
	}
	p.exec(t, fmt.Sprintf(set, "off")) // through a connection that began before
	if s.driver == "mysql" {
		during.settled(t, during.all(t)[0])
	}
}

// Columns that somebody made narrower do not cut a value.
func (p *place) misuseValues(t *testing.T) {
	t.Helper()
	alter := "ALTER TABLE {table} MODIFY COLUMN redirect_url varchar(20)"
	back := "ALTER TABLE {table} MODIFY COLUMN redirect_url mediumtext"
	if p.driver == "pgx" {
		alter, back = "ALTER TABLE {table} ALTER COLUMN redirect_url TYPE varchar(20)", "ALTER TABLE {table} ALTER COLUMN redirect_url TYPE text"
	}
	p.exec(t, alter)
	defer p.exec(t, back)
	tok := p.all(t)[0]
	tok.RedirectURL = "canary" + strings.Repeat("x", 20)
	failure{tokenkeep.ErrInvalid, "columns"}.check(t, "too long", p.SaveToken(t.Context(), tok))
	if got := p.byID(t, tok.ID); got.RedirectURL != "" || got.Version != tok.Version {
		t.Errorf("the refused value left %q, version %d", got.RedirectURL, got.Version)
	}
}

func (s *server) misuseDown(t *testing.T, p *place) {
	t.Helper()
	before := p.all(t)
	down := failure{tokenkeep.ErrStoreUnavailable, "check that the server runs"}
	s.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := p.FindTokenByID(ctx, before[0].ID)
	down.check(t, "find", err)
	down.check(t, "save", p.SaveToken(ctx, before[0]))
	down.check(t, "upsert", p.SaveToken(ctx, fullToken("c")))
	down.check(t, "delete", p.DeleteToken(ctx, before[0].ID))
	down.check(t, "ping", p.Ping(ctx))
	for _, err := range p.GetTokens(ctx) {
		down.check(t, "list", err)
	}
	down.check(t, "open", s.openError(t, s.root()))
	s.start()
	if after := p.all(t); len(after) != len(before) || after[0].Version != before[0].Version {
		t.Errorf("%d rows, were %d", len(after), len(before))
	}
}

// A connection that is cut under a waiting save is an error of the store, and the
// next operation has a new one.
func TestConnectionCut(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.startServer(t).newPlace(t, "oauthtoken")
		tok := p.save(t, fullToken("a"))
		tx, err := p.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), p.fill("UPDATE {table} SET user_name = user_name, redirect_url = 'x'")); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.SaveToken(t.Context(), tok.Clone()) }()
		p.cutWaiting(t)
		failure{tokenkeep.ErrStoreUnavailable, ""}.check(t, "a save whose connection was cut", <-done)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		p.settled(t, p.byID(t, tok.ID))
	})
}

// cutWaiting ends the connection that waits for a lock.
func (p *place) cutWaiting(t *testing.T) {
	t.Helper()
	find, end := "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "SELECT pg_terminate_backend(%d)"
	if p.driver == "mysql" {
		find = "SELECT id FROM information_schema.processlist WHERE command = 'Execute' AND info LIKE 'UPDATE%' AND time_ms > 100 AND id <> connection_id()"
		end = "KILL %d"
	}
	var id int64
	for range 100 {
		if err := p.raw.QueryRowContext(t.Context(), find).Scan(&id); err == nil {
			p.exec(t, fmt.Sprintf(end, id))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no connection waits for the row")
}

// Another program's lock on the row: the save ends with its context, or when the
// server's patience does, and the row is as it was.
func TestLockTimeout(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := p.save(t, fullToken("a"))
		setting := "lock_timeout=300"
		if pr.driver == "mysql" {
			setting = "innodb_lock_wait_timeout=1"
		}
		impatient := pr.placeAt(t, withParam(p.dsn, setting), p.table)
		tx, err := p.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), p.fill("UPDATE {table} SET redirect_url = 'x'")); err != nil {
			t.Fatal(err)
		}
		failure{tokenkeep.ErrStoreUnavailable, "holds a lock"}.check(t, "lock timeout", impatient.SaveToken(t.Context(), tok.Clone()))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := p.SaveToken(ctx, tok.Clone()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a save whose context ended: %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if got := p.byID(t, tok.ID); got.Version > tok.Version+1 || got.RedirectURL != "" { // a save whose context ended may be stored
			t.Errorf("version %d", got.Version)
		}
	})
}

// A deadlock with another program: the server takes our save back, and it is made
// again.
func TestDeadlock(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.startServer(t).newPlace(t, "oauthtoken") // its own: triggers take rights
		tok := p.save(t, fullToken("a"))
		p.lockTwo(t)
		tx, err := p.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "UPDATE other SET n = 5"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.SaveToken(t.Context(), tok) }()
		time.Sleep(300 * time.Millisecond) // it has the row, and waits for the other table's
		if _, err := tx.ExecContext(t.Context(), p.fill("UPDATE {table} SET redirect_url = 'x'")); err != nil {
			t.Fatalf("the server did not take our save back: %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the save: %v", err)
		}
		p.settled(t, tok)
	})
}

// lockTwo makes each update of the table lock a row of another table too.
func (p *place) lockTwo(t *testing.T) {
	t.Helper()
	p.exec(t, "CREATE TABLE other (n int)")
	p.exec(t, "INSERT INTO other VALUES (1)")
	if p.driver == "mysql" {
		p.exec(t, "CREATE TRIGGER second BEFORE UPDATE ON {table} FOR EACH ROW UPDATE other SET n = n + 1")
		return
	}
	p.exec(t, "CREATE FUNCTION second() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE other SET n = n + 1; RETURN NEW; END'")
	p.exec(t, "CREATE TRIGGER second AFTER UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION second()")
}
