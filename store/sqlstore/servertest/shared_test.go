package servertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// sick saves a login with everything that a new login has to clear.
func (p *place) sick(t *testing.T, name string) *tokenkeep.Token {
	t.Helper()
	tok := fullToken(name)
	tok.State = tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "revoked"}
	tok.Claim = tokenkeep.Claim{Owner: "me", Since: time.UnixMilli(1795459190000)}
	tok.Mints = []time.Time{time.UnixMilli(1795459190000).UTC()}
	return p.save(t, tok)
}

// What a program that knows no versions changes is noticed: a save of what was read
// before conflicts and overwrites nothing, and the next read adopts the row.
func TestForeignUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		set                         string
		state, claim, scopes, place bool // whether they stay
	}{
		"login":              {"refresh_token = '1000.theirs', access_token = '1000.new', expiry_time = '1795459200000'", false, false, false, true},
		"login elsewhere":    {"refresh_token = '1000.theirs', api_domain = 'https://www.zohoapis.in'", false, false, false, false},
		"refresh":            {"access_token = '1000.new', expiry_time = '1795459200000'", false, true, true, true},
		"name":               {"user_name = 'theirs'", true, true, true, true},
		"name of other case": {"user_name = upper(user_name)", true, true, true, true},
		"space at the end":   {"redirect_url = concat(user_name, ' ')", true, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachProduct(t, func(t *testing.T, pr product) {
				p := pr.newPlace(t)
				old := p.sick(t, "a")
				other := p.sick(t, "b")
				p.exec(t, "UPDATE {table} SET "+c.set+" WHERE user_name = '"+old.UserName+"'")
				stale := old.Clone()
				stale.RedirectURL = "overwritten"
				if err := p.SaveToken(t.Context(), stale); !errors.Is(err, tokenkeep.ErrConflict) {
					t.Errorf("a save over what another program wrote: %v, want a conflict", err)
				}
				got := p.byID(t, old.ID)
				if got.Version != old.Version+1 {
					t.Errorf("version %d, want %d", got.Version, old.Version+1)
				}
				for what, stays := range map[string][2]bool{
					"state":           {got.State == old.State, c.state},
					"claim":           {got.Claim.Owner == old.Claim.Owner, c.claim},
					"mints":           {len(got.Mints) == 1, c.claim},
					"scopes":          {len(got.Scopes) == 2, c.scopes},
					"accounts server": {got.AccountsServer == old.AccountsServer, c.place},
					"data centre":     {got.DataCentre == old.DataCentre, c.place},
				} {
					if stays[0] != stays[1] {
						t.Errorf("the %s stayed: %v, want %v", what, stays[0], stays[1])
					}
				}
				p.settled(t, got)
				p.settled(t, other)
			})
		})
	}
}

// settled makes sure that nothing happens to a row by being read, and saves it.
func (p *place) settled(t *testing.T, tok *tokenkeep.Token) {
	t.Helper()
	for _, again := range []*tokenkeep.Token{p.byID(t, tok.ID), p.byUser(t, tok.UserName)} {
		if again.Version != tok.Version {
			t.Errorf("version %d after it was only read, was %d", again.Version, tok.Version)
		}
	}
	p.save(t, tok)
	if again := p.byID(t, tok.ID); again.Version != tok.Version {
		t.Errorf("version %d after it was saved as %d and only read", again.Version, tok.Version)
	}
}

// Any way of reading adopts, and so does a save without a version.
func TestForeignUpdateIsSeenEverywhere(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := p.sick(t, "a")
		for what, read := range map[string]func() *tokenkeep.Token{
			"by id":   func() *tokenkeep.Token { return p.byID(t, tok.ID) },
			"by user": func() *tokenkeep.Token { return p.byUser(t, tok.UserName) },
			"listing": func() *tokenkeep.Token { return p.all(t)[0] },
			"by refresh token": func() *tokenkeep.Token {
				got, err := p.FindToken(t.Context(), &tokenkeep.Token{ClientID: tok.ClientID, RefreshToken: tok.RefreshToken})
				if err != nil {
					t.Fatal(err)
				}
				return got
			},
			"save": func() *tokenkeep.Token {
				got := &tokenkeep.Token{UserName: tok.UserName, RefreshToken: tok.RefreshToken}
				got = p.save(t, got)
				got.Version-- // the adoption, and the save
				return got
			},
		} {
			before := p.byID(t, tok.ID)
			p.exec(t, "UPDATE {table} SET access_token = '1000."+what+"'")
			if got := read(); got.Version != before.Version+1 {
				t.Errorf("%s: version %d, want %d", what, got.Version, before.Version+1)
			}
			if got := p.byID(t, tok.ID); got.AccessToken.Reveal() != "1000."+what {
				t.Errorf("%s: what the other program wrote was overwritten", what)
			}
		}
	})
}

// A foreign write that is not committed yet when a save begins is not overwritten.
func TestForeignUpdateUnderWay(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := p.save(t, fullToken("a"))
		tx, err := p.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), p.fill("UPDATE {table} SET refresh_token = '1000.theirs'")); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.SaveToken(t.Context(), tok) }()
		time.Sleep(200 * time.Millisecond) // it waits for the row
		select {
		case err := <-done:
			t.Fatalf("the save did not wait: %v", err)
		default:
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, tokenkeep.ErrConflict) {
			t.Errorf("the save: %v, want a conflict", err)
		}
		if got := p.byID(t, tok.ID); got.RefreshToken.Reveal() != "1000.theirs" {
			t.Error("what the other program wrote is lost")
		}
	})
}

// Many readers that meet one foreign write count it once.
func TestForeignUpdateIsAdoptedOnce(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := p.save(t, fullToken("a"))
		for round := range 10 {
			p.exec(t, fmt.Sprintf("UPDATE {table} SET access_token = '1000.%d'", round))
			versions := make(chan int64, 16)
			for range cap(versions) {
				go func() {
					got, err := p.FindTokenByID(t.Context(), tok.ID)
					if err != nil {
						t.Error(err)
						versions <- 0
						return
					}
					versions <- got.Version
				}()
			}
			for range cap(versions) {
				if v := <-versions; v != int64(round)+2 {
					t.Errorf("round %d: version %d, want %d", round, v, round+2)
				}
			}
		}
	})
}

const officialColumns = "id, user_name, client_id, client_secret, refresh_token, access_token, grant_token, expiry_time, redirect_url, api_domain"

// A row that another program inserts is found, also with nothing but NULL beside
// the tokens, and its id is never given to another login, also after it is deleted.
func TestForeignInsert(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		first := p.save(t, fullToken("first"))
		p.exec(t, "INSERT INTO {table} ("+officialColumns+") VALUES ('1000000001', 'theirs', NULL, NULL, '1000.r', NULL, NULL, NULL, NULL, NULL)")
		theirs := p.byUser(t, "theirs")
		if theirs.ID != "1000000001" || theirs.RefreshToken.Reveal() != "1000.r" || !theirs.Expiry.IsZero() || theirs.ClientID != "" {
			t.Errorf("their row reads as %+v", theirs)
		}
		p.settled(t, theirs)
		if err := p.DeleteToken(t.Context(), theirs.ID); err != nil {
			t.Fatal(err)
		}
		if next := p.save(t, fullToken("next")); next.ID != "1000000002" {
			t.Errorf("id %s after a row 1000000001 that is deleted, want 1000000002", next.ID)
		}
		for i := 3; i < 60; i++ { // nobody reads them
			p.exec(t, fmt.Sprintf("INSERT INTO {table} (%s) VALUES ('%d', 'u%d', 'c', 's', 'r%d', 'a', NULL, '1795459190603', '', 'd')", officialColumns, 1000000000+i, i, i))
		}
		if next := p.save(t, fullToken("last")); next.ID != "1000000060" {
			t.Errorf("id %s, want 1000000060", next.ID)
		}
		if n := len(p.all(t)); n != 60 {
			t.Errorf("%d rows, want 60", n)
		}
		p.settled(t, first)
	})
}

// Zoho's SDKs give the id of the last row again when that was deleted. Who still
// holds a version of the old row saves nothing over the new one.
func TestForeignInsertOfAnOldID(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		old := p.save(t, fullToken("old"))
		p.exec(t, "DELETE FROM {table}")
		p.exec(t, "INSERT INTO {table} (id, user_name, refresh_token) VALUES ('"+old.ID+"', 'theirs', '1000.r')")
		for _, read := range []bool{false, true} {
			if read {
				p.byUser(t, "theirs")
			}
			for version := range int64(5) {
				stale := old.Clone()
				stale.Version = version + 1
				if err := p.SaveToken(t.Context(), stale); !errors.Is(err, tokenkeep.ErrConflict) {
					t.Errorf("version %d: %v, want a conflict", version+1, err)
				}
			}
		}
		p.settled(t, p.byUser(t, "theirs"))
	})
}

// A reader that may not write reads what another program wrote all the same.
func TestForeignUpdateReadOnly(t *testing.T) {
	eachProduct(t, func(t *testing.T, pr product) {
		p := pr.newPlace(t)
		tok := p.save(t, fullToken("a"))
		reader := pr.open(t, pr.readOnly(p.dsn), p.table)
		p.exec(t, "UPDATE {table} SET access_token = '1000.new'")
		for range 2 {
			got, err := reader.FindTokenByID(t.Context(), tok.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got.AccessToken.Reveal() != "1000.new" || got.Version != tok.Version+1 {
				t.Errorf("version %d of the access token %s", got.Version, got.AccessToken.Masked())
			}
			if err := reader.SaveToken(t.Context(), got); !errors.Is(err, tokenkeep.ErrReadOnly) {
				t.Errorf("a save: %v", err)
			}
		}
		p.settled(t, p.byID(t, tok.ID))
	})
}

// Freezing and rewriting the table is no foreign write.
func TestVacuum(t *testing.T) {
	p := postgres.newPlace(t)
	tok := p.save(t, fullToken("a"))
	for _, statement := range []string{"VACUUM FREEZE {table}", "VACUUM FULL FREEZE {table}", "ANALYZE {table}"} {
		p.exec(t, statement)
		p.settled(t, tok)
	}
	t.Run("rewritten", func(t *testing.T) {
		p.exec(t, "ALTER TABLE {table} ALTER COLUMN redirect_url TYPE text USING redirect_url || ''")
		p.settled(t, p.byID(t, tok.ID))
	})
}
