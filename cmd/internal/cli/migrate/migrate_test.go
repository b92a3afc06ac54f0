package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/migrate"
)

// begin is the time of the rows.
var begin = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func secret(format string, args ...any) tokenkeep.Secret {
	return tokenkeep.NewSecret(fmt.Sprintf(format, args...))
}

// full returns a token with every field set.
func full(n int) *tokenkeep.Token {
	return &tokenkeep.Token{
		UserName: fmt.Sprintf("u%d@example.com", n), ClientID: "1000.C", ClientSecret: secret("s%d", n),
		RefreshToken: secret("r%d", n), AccessToken: secret("a%d", n), GrantToken: secret("g%d", n),
		Expiry: begin.Add(time.Duration(n) * time.Minute), RedirectURL: "https://app.example/cb", APIDomain: "https://www.zohoapis.eu",
		AccountsServer: "https://accounts.zoho.eu", DataCentre: "eu", Scopes: []string{"A", "B"},
		State: tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "revoked", Since: begin, Failures: 2},
		Mints: []time.Time{begin, begin.Add(time.Second)}, UsedAt: begin,
		Logins: []time.Time{begin.Add(-time.Hour), begin}, Candidates: []tokenkeep.Secret{secret("c%d", n), secret("d%d", n)},
	}
}

func filled(t *testing.T, tokens ...*tokenkeep.Token) *tokenkeep.MemoryStore {
	t.Helper()
	s := tokenkeep.NewMemoryStore()
	for _, tok := range tokens {
		if err := s.SaveToken(t.Context(), tok.Clone()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func list(t *testing.T, s tokenkeep.TokenStore) []*tokenkeep.Token {
	t.Helper()
	var all []*tokenkeep.Token
	for tok, err := range s.GetTokens(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tok)
	}
	return all
}

// bare is what a copy must have of a row, as text.
func bare(tok *tokenkeep.Token) string {
	c := tok.Clone()
	c.ID, c.Version, c.CreatedAt, c.UpdatedAt = "", 0, time.Time{}, time.Time{}
	var text strings.Builder
	fmt.Fprintf(&text, "%+v %s %s %s %s", *c, c.RefreshToken.Reveal(), c.AccessToken.Reveal(), c.GrantToken.Reveal(), c.ClientSecret.Reveal())
	for _, candidate := range c.Candidates {
		text.WriteString(" " + candidate.Reveal())
	}
	return text.String()
}

func run(t *testing.T, from, to tokenkeep.TokenStore, opt migrate.Options) *migrate.Result {
	t.Helper()
	if opt.Owner == "" {
		opt.Owner = migrate.OwnerPrefix + t.Name()
	}
	res, err := migrate.Run(t.Context(), from, to, opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestEveryFieldArrives(t *testing.T) {
	for _, move := range []bool{false, true} {
		want := full(1)
		from, to := filled(t, want), filled(t, &tokenkeep.Token{UserName: "other", RefreshToken: secret("x")})
		res := run(t, from, to, migrate.Options{Move: move})
		got := list(t, to)
		if len(got) != 2 || bare(got[1]) != bare(want) {
			t.Errorf("got %+v", got)
		}
		if res.Copied != 1 || res.NeedsLogin != 1 || res.Total != 2 || res.Changed || (res.Deleted == 1) != move {
			t.Errorf("result %+v", res)
		}
		if left := len(list(t, from)); (left == 0) != move {
			t.Errorf("move %v left %d rows", move, left)
		}
	}
}

// TestAgain: what is there is found by what it is, also where nothing can be looked
// up.
func TestAgain(t *testing.T) {
	rows := []*tokenkeep.Token{
		full(1), full(2),
		{ClientID: "1000.C", RefreshToken: secret("no name")},
		{RefreshToken: secret("no client")},
		{RefreshToken: secret("nor this")},
		{AccessToken: secret("access alone")},
		{ClientID: "1000.C", GrantToken: secret("grant alone")},
	}
	from, to := filled(t, rows...), tokenkeep.NewMemoryStore()
	run(t, from, to, migrate.Options{})
	res := run(t, from, to, migrate.Options{Move: true})
	if got := list(t, to); len(got) != len(rows) || res.Present != len(rows) || res.Deleted != len(rows) {
		t.Errorf("%d rows, result %+v", len(got), res)
	}
}

func TestTheNewerOneStays(t *testing.T) {
	older, newer := full(1), full(1)
	newer.AccessToken, newer.Expiry, newer.State = secret("a new"), begin.Add(time.Hour), tokenkeep.State{}
	for _, tt := range []struct{ from, to *tokenkeep.Token }{{older, newer}, {newer, older}} {
		from, to := filled(t, tt.from), filled(t, tt.to)
		run(t, from, to, migrate.Options{Move: true})
		if got := list(t, to); len(got) != 1 || bare(got[0]) != bare(newer) {
			t.Errorf("got %+v", got)
		}
	}
	// A name that came late is not lost, and makes no second row.
	named, unnamed := full(1), full(1)
	unnamed.UserName = ""
	for _, tt := range []struct{ from, to *tokenkeep.Token }{{named, unnamed}, {unnamed, named}} {
		from, to := filled(t, tt.from), filled(t, tt.to)
		run(t, from, to, migrate.Options{Move: true})
		if got := list(t, to); len(got) != 1 || got[0].UserName != named.UserName {
			t.Errorf("got %+v", got)
		}
	}
}

func TestOneStoreUnderTwoNames(t *testing.T) {
	for _, opt := range []migrate.Options{{Move: true}, {}, {DryRun: true}} {
		s := filled(t, full(1), full(2))
		opt.Owner = migrate.OwnerPrefix + "x"
		_, err := migrate.Run(t.Context(), s, s, opt)
		if !errors.Is(err, migrate.ErrSame) {
			t.Errorf("%+v: %v", opt, err)
		}
		if got := list(t, s); len(got) != 2 || got[0].Claim.Held() {
			t.Errorf("%+v: left %+v", opt, got)
		}
	}
}

func TestAnotherLoginOfTheUser(t *testing.T) {
	theirs := full(1)
	theirs.RefreshToken = secret("theirs")
	from, to := filled(t, full(1), full(2)), filled(t, theirs)
	res := run(t, from, to, migrate.Options{Move: true})
	left := list(t, from)
	if res.Failed != 1 || res.Copied != 1 || len(left) != 1 || left[0].Claim.Held() {
		t.Errorf("result %+v, left %+v", res, left)
	}
	if got := list(t, to); len(got) != 2 || !got[0].RefreshToken.Equal(theirs.RefreshToken) {
		t.Errorf("the other login was changed: %+v", got)
	}
	if f := res.Failures[0]; f.Hint == "" || !strings.Contains(f.Err.Error(), "another login") {
		t.Errorf("failure %+v", f)
	}
}

// TestClaims: a row that is being refreshed is waited for, and left where it is when
// whoever began that does not go on.
func TestClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		row := full(1)
		row.Claim = tokenkeep.Claim{Owner: "another process", Since: begin}
		from, to := filled(t, row), tokenkeep.NewMemoryStore()
		res := run(t, from, to, migrate.Options{Move: true})
		if left := list(t, from); res.Failed != 1 || len(left) != 1 || left[0].Claim.Owner != row.Claim.Owner || len(list(t, to)) != 0 {
			t.Errorf("standing still: result %+v, left %+v", res, left)
		}

		refreshed := list(t, from)[0]
		time.AfterFunc(5*time.Second, func() {
			refreshed.Claim, refreshed.AccessToken = tokenkeep.Claim{}, secret("fresh")
			if err := from.SaveToken(t.Context(), refreshed); err != nil {
				t.Error(err)
			}
		})
		run(t, from, to, migrate.Options{Move: true})
		if got := list(t, to); len(got) != 1 || got[0].AccessToken.Reveal() != "fresh" {
			t.Errorf("released: %+v", got)
		}
	})
}

func TestClaimOfAKilledMigration(t *testing.T) {
	row := full(1)
	row.Claim = tokenkeep.Claim{Owner: migrate.OwnerPrefix + "killed", Since: begin}
	from, to := filled(t, row), tokenkeep.NewMemoryStore()
	run(t, from, to, migrate.Options{Move: true})
	if got := list(t, to); len(got) != 1 || got[0].Claim.Held() || len(list(t, from)) != 0 {
		t.Errorf("got %+v", got)
	}
}

// A store that acts after each save.
type acting struct {
	tokenkeep.TokenStore
	after func(t *tokenkeep.Token)
}

func (s *acting) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	err := s.TokenStore.SaveToken(ctx, t)
	if err == nil {
		s.after(t)
	}
	return err
}

// TestChangedWhileMoved: a program that heeds no claim writes between the copy and
// the deletion.
func TestChangedWhileMoved(t *testing.T) {
	from := filled(t, full(1))
	var changed bool
	to := &acting{tokenkeep.NewMemoryStore(), func(*tokenkeep.Token) {
		if changed {
			return
		}
		changed = true
		row := list(t, from)[0]
		row.Version, row.AccessToken, row.Expiry = 0, secret("later"), begin.Add(time.Hour)
		if err := from.SaveToken(t.Context(), row); err != nil {
			t.Error(err)
		}
	}}
	res := run(t, from, to, migrate.Options{Move: true})
	got := list(t, to)
	if len(got) != 1 || got[0].AccessToken.Reveal() != "later" || len(list(t, from)) != 0 || res.Copied != 1 || res.Failed != 0 {
		t.Errorf("got %+v, result %+v", got, res)
	}
}

// TestDeletedWhileMoved: deleted stays deleted.
func TestDeletedWhileMoved(t *testing.T) {
	from := filled(t, full(1))
	to := &acting{tokenkeep.NewMemoryStore(), func(*tokenkeep.Token) {
		if err := from.DeleteTokens(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	res := run(t, from, to, migrate.Options{Move: true})
	if got := list(t, to); len(got) != 0 || res.Rows != 0 || res.Failed != 0 {
		t.Errorf("it came back: %+v, result %+v", got, res)
	}
}

// A store that gives back something else.
type mangling struct{ tokenkeep.TokenStore }

func (s mangling) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	t, err := s.TokenStore.FindTokenByID(ctx, id)
	if err == nil {
		t.RefreshToken = secret("r")
	}
	return t, err
}

func TestReadBack(t *testing.T) {
	from, to := filled(t, full(1)), mangling{tokenkeep.NewMemoryStore()}
	res := run(t, from, to, migrate.Options{Move: true})
	if res.Failed != 1 || len(list(t, from)) != 1 || len(list(t, to)) != 0 {
		t.Errorf("result %+v", res)
	}
	if err := res.Failures[0].Err.Error(); !strings.Contains(err, "another refresh token") || strings.Contains(err, "r1") {
		t.Errorf("failure: %s", err)
	}
}

// A forgetful store loses a field of what it is given.
type forgetful struct {
	tokenkeep.TokenStore
	field func(*tokenkeep.Token)
}

func (s forgetful) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	t, err := s.TokenStore.FindTokenByID(ctx, id)
	if err == nil {
		s.field(t)
	}
	return t, err
}

// A store that does not keep when the logins were, or the candidates, is no target: the
// row stays where it is.
func TestReadBackOfLateFields(t *testing.T) {
	for want, field := range map[string]func(*tokenkeep.Token){
		"another time of a login": func(t *tokenkeep.Token) { t.Logins = nil },
		"another candidate":       func(t *tokenkeep.Token) { t.Candidates = t.Candidates[:1] },
	} {
		from := filled(t, full(1))
		res := run(t, from, forgetful{tokenkeep.NewMemoryStore(), field}, migrate.Options{Move: true})
		if res.Failed != 1 || len(list(t, from)) != 1 {
			t.Fatalf("%s: result %+v", want, res)
		}
		if err := res.Failures[0].Err.Error(); !strings.Contains(err, want) || strings.Contains(err, "c1") {
			t.Errorf("failure: %s, want %s", err, want)
		}
	}
}

// A store whose listing lacks the last row, or fails.
type lossy struct {
	tokenkeep.TokenStore
	err error
}

func (s lossy) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		var last *tokenkeep.Token
		for t := range s.TokenStore.GetTokens(ctx) {
			if last != nil && !yield(last, nil) {
				return
			}
			last = t
		}
		if s.err != nil {
			yield(nil, s.err)
		}
	}
}

func TestTheTargetIsReadAgain(t *testing.T) {
	from, to := filled(t, full(1), full(2)), lossy{TokenStore: tokenkeep.NewMemoryStore()}
	_, err := migrate.Run(t.Context(), from, to, migrate.Options{Owner: migrate.OwnerPrefix + "x"})
	if !errors.Is(err, tokenkeep.ErrStoreUnavailable) {
		t.Errorf("a lost row was not noticed: %v", err)
	}
}

func TestAStoreThatFails(t *testing.T) {
	broken := errors.New("disk")
	from := lossy{filled(t, full(1), full(2)), broken}
	to := tokenkeep.NewMemoryStore()
	_, err := migrate.Run(t.Context(), from, to, migrate.Options{Move: true, Owner: migrate.OwnerPrefix + "x"})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if got := len(list(t, to)); got != 1 {
		t.Errorf("%d rows arrived, want 1", got)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	from, to := filled(t, full(1), full(2)), filled(t, full(2))
	before := list(t, from)[0].Version
	res := run(t, from, to, migrate.Options{DryRun: true, Move: true})
	if res.Copied != 1 || res.Present != 1 || res.Deleted != 0 || len(list(t, to)) != 1 || list(t, from)[0].Version != before {
		t.Errorf("result %+v", res)
	}
}
