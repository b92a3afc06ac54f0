package transfer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/transfer"
)

func token(user, refresh string, expiry time.Time) *tokenkeep.Token {
	return &tokenkeep.Token{
		ID: "1", UserName: user, ClientID: "1000.C", RefreshToken: tokenkeep.NewSecret(refresh),
		AccessToken: tokenkeep.NewSecret("access of " + refresh), Expiry: expiry, APIDomain: "https://www.zohoapis.eu",
	}
}

func locate(string) (string, string, error) { return "eu", "https://accounts.zoho.eu", nil }

func plan(t *testing.T, s tokenkeep.TokenStore, replace bool, tokens ...*tokenkeep.Token) []*transfer.Item {
	t.Helper()
	items, err := transfer.Plan(t.Context(), s, tokens, transfer.Options{Locate: locate, Replace: replace})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func TestPlan(t *testing.T) {
	early, late := time.Unix(1_800_000_000, 0), time.Unix(1_900_000_000, 0)
	s := tokenkeep.NewMemoryStore()
	stored := token("ann", "r1", early)
	stored.ID, stored.DataCentre = "", "eu"
	if err := s.SaveToken(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	noToken := &tokenkeep.Token{UserName: "empty"}
	for _, tt := range []struct {
		name    string
		replace bool
		tokens  []*tokenkeep.Token
		want    []transfer.Action
	}{
		{"new", false, []*tokenkeep.Token{token("bob", "r2", early)}, []transfer.Action{transfer.Add}},
		{"the same", false, []*tokenkeep.Token{token("ann", "r1", early)}, []transfer.Action{transfer.Skip}},
		{"the same, later", false, []*tokenkeep.Token{token("ann", "r1", late)}, []transfer.Action{transfer.Update}},
		{"another login", false, []*tokenkeep.Token{token("ann", "r9", late)}, []transfer.Action{transfer.Skip}},
		{"another login, told to", true, []*tokenkeep.Token{token("ann", "r9", late)}, []transfer.Action{transfer.Update}},
		{"no token", false, []*tokenkeep.Token{noToken}, []transfer.Action{transfer.Skip}},
		{"twice, the later wins", false, []*tokenkeep.Token{token("bob", "r2", early), token("bob", "r3", late)}, []transfer.Action{transfer.Skip, transfer.Add}},
		{"twice, the later first", false, []*tokenkeep.Token{token("bob", "r3", late), token("bob", "r2", early)}, []transfer.Action{transfer.Add, transfer.Skip}},
		{"twice, one cannot be refreshed", false, []*tokenkeep.Token{token("bob", "", late), token("bob", "r2", early)}, []transfer.Action{transfer.Skip, transfer.Add}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, it := range plan(t, s, tt.replace, tt.tokens...) {
				if it.Action != tt.want[i] || (it.Action == transfer.Skip) != (it.Reason != "") {
					t.Errorf("row %d: %s (%s), want %s", it.Row, it.Action, it.Reason, tt.want[i])
				}
				if strings.Contains(it.Reason, "access of") {
					t.Errorf("the reason shows a secret: %s", it.Reason)
				}
				if it.Action != transfer.Skip && (it.Token.DataCentre != "eu" || it.Token.AccountsServer == "" || it.Token.ID != "") {
					t.Errorf("token %+v", it.Token)
				}
			}
		})
	}
}

// TestPlanIsRepeatable: importing a plan's rows again takes nothing.
func TestApplyTwice(t *testing.T) {
	s := tokenkeep.NewMemoryStore()
	tokens := []*tokenkeep.Token{token("ann", "r1", time.Unix(1, 0)), token("bob", "r2", time.Unix(1, 0))}
	if err := transfer.Apply(t.Context(), s, plan(t, s, false, tokens...)); err != nil {
		t.Fatal(err)
	}
	for _, it := range plan(t, s, false, tokens...) {
		if it.Action != transfer.Skip {
			t.Errorf("row %d: %s", it.Row, it.Action)
		}
	}
}

// A failing store refuses the save with this number.
type failing struct {
	tokenkeep.TokenStore
	saves int
}

var errDisk = errors.New("disk full")

func (f *failing) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	if f.saves--; f.saves < 0 {
		return errDisk
	}
	return f.TokenStore.SaveToken(ctx, t)
}

func TestApplyIsNeverHalf(t *testing.T) {
	s := tokenkeep.NewMemoryStore()
	tokens := []*tokenkeep.Token{token("ann", "r1", time.Unix(1, 0)), token("bob", "r2", time.Unix(1, 0)), token("carl", "r3", time.Unix(1, 0))}
	err := transfer.Apply(t.Context(), &failing{s, 2}, plan(t, s, false, tokens...))
	if !errors.Is(err, errDisk) {
		t.Errorf("err = %v", err)
	}
	for tok := range s.GetTokens(t.Context()) {
		t.Errorf("%s stayed behind", tok.UserName)
	}
}

// TestApplyLosesNoRefresh: what another process saved since the plan stands.
func TestApplyLosesNoRefresh(t *testing.T) {
	s := tokenkeep.NewMemoryStore()
	stored := token("ann", "r1", time.Unix(1, 0))
	stored.ID, stored.DataCentre = "", "eu"
	if err := s.SaveToken(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	items := plan(t, s, true, token("ann", "r2", time.Unix(2, 0)))
	refreshed := stored.Clone()
	refreshed.AccessToken = tokenkeep.NewSecret("newer")
	if err := s.SaveToken(t.Context(), refreshed); err != nil {
		t.Fatal(err)
	}
	if err := transfer.Apply(t.Context(), s, items); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("err = %v, want a conflict", err)
	}
}

// An export has all of a login, and masked it shows no secret.
func TestExportOfALogin(t *testing.T) {
	want := token("ann", "1000.canary-refresh-of-a-login", time.Unix(1_800_000_000, 0).UTC())
	want.Logins = []time.Time{time.UnixMilli(1_700_000_000_001).UTC(), time.UnixMilli(1_700_000_000_002).UTC()}
	want.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("1000.canary-candidate"), tokenkeep.NewSecret("1000.canary-older")}
	var clear, masked strings.Builder
	if err := errors.Join(transfer.WriteJSON(&clear, []*tokenkeep.Token{want}, true), transfer.WriteJSON(&masked, []*tokenkeep.Token{want}, false)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(masked.String(), "canary") || strings.Count(masked.String(), "****") != 4 {
		t.Errorf("masked: %s", masked.String())
	}
	src, err := transfer.Open(t.Context(), "-", strings.NewReader(clear.String()))
	if err != nil {
		t.Fatal(err)
	}
	s := tokenkeep.NewMemoryStore()
	if err := transfer.Apply(t.Context(), s, plan(t, s, false, src.Tokens...)); err != nil {
		t.Fatal(err)
	}
	got, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "ann"})
	if err != nil || !slices.Equal(got.Logins, want.Logins) || !slices.EqualFunc(got.Candidates, want.Candidates, tokenkeep.Secret.Equal) {
		t.Errorf("logins %v, %d candidates, %v", got.Logins, len(got.Candidates), err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "export.json")
	if err := transfer.WriteFile(path, []byte("one"), false); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := transfer.WriteFile(path, []byte("two"), false); !errors.Is(err, transfer.ErrExists) {
		t.Errorf("err = %v, want ErrExists", err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err == nil {
		if err := transfer.WriteFile(filepath.Join(dir, "link"), []byte("two"), false); !errors.Is(err, transfer.ErrExists) {
			t.Errorf("a dangling link: err = %v", err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "one" {
		t.Errorf("content %q", got)
	}
	if err := transfer.WriteFile(path, []byte("two"), true); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "two" {
		t.Errorf("content %q", got)
	}
	if err := transfer.WriteFile(filepath.Join(dir, "missing", "x"), nil, false); err == nil {
		t.Error("wrote into a folder that is not there")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".export") {
			t.Errorf("%s stayed behind", e.Name())
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"schema":"tokenkeep-export/v1","secrets":"clear","tokens":[{"refresh_token":"x"}]}`))
	f.Add([]byte(`{"schema":"tokenkeep-export/v1","secrets":"clear","tokens":[{"refresh_token":"x","candidate_refresh_tokens":["y",""],"logins":["2026-11-27T00:00:00Z"]}]}`))
	f.Add([]byte("id,user_name\n1,a"))
	f.Add([]byte("SQLite format 3\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := transfer.Open(t.Context(), "-", strings.NewReader(string(data)))
		if err == nil && src == nil {
			t.Error("neither a source nor an error")
		}
	})
}

// An imported login is one of that moment: a policy that ended the one before does not
// end it.
func TestImportedLoginIsNew(t *testing.T) {
	s, old := tokenkeep.NewMemoryStore(), time.Now().AddDate(-1, 0, 0)
	stored := token("ann", "r1", old)
	stored.ID, stored.DataCentre, stored.Logins, stored.UsedAt = "", "eu", []time.Time{old}, old
	if err := s.SaveToken(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if err := transfer.Apply(t.Context(), s, plan(t, s, true, token("ann", "r2", time.Now().Add(time.Hour)))); err != nil {
		t.Fatal(err)
	}
	row, err := s.FindTokenByID(t.Context(), stored.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := tokenkeep.Policy{IdleTimeout: 24 * time.Hour, Lifetime: 48 * time.Hour}
	if err := p.Check(row, time.Now()); err != nil || row.RefreshToken.Reveal() != "r2" || len(row.Logins) != 2 {
		t.Errorf("%v, %d logins", err, len(row.Logins))
	}
}
