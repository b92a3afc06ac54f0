package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// TestDocsShowARealScreen: docs/operations.md shows what `tokenkeep why` says of a
// login that the fake ended by a change of the password.
func TestDocsShowARealScreen(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 3, 9, 12, 0, 0, time.UTC)))
		f := seedPasswordChange(t)
		for i := range f.Events {
			f.Events[i].Owner = "web1:4711:R"
			if f.Events[i].Kind == tokenkeep.Failed {
				f.Events[i].Owner = "web2:977:R"
			}
		}
		text := screenAt(t, lineage.Explain(f), f.Now)
		text = regexp.MustCompile(`login [0-9a-f]{12}`).ReplaceAllString(text, "login 4be1c90d27aa")
		docs, err := os.ReadFile("../../../docs/operations.md")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(docs), "$ tokenkeep why ann@example.com\n"+text) {
			t.Errorf("docs/operations.md does not show this screen:\n%s", text)
		}
	})
}

// seedPasswordChange lets three logins be used for days, then changes the password of
// one user, and gathers the facts the next morning.
func seedPasswordChange(t *testing.T) *lineage.Facts {
	t.Helper()
	const app, other, secret = "1000.A1B2C3D4E5F6", "1000.Z9Y8X7W6V5U4", "not-a-secret"
	fake, store := zohotest.New(nil), tokenkeep.NewMemoryStore()
	ctx := tokenkeep.WithActor(t.Context(), "ann on laptop (tokenkeep login)")
	var sessions []*tokenkeep.Session
	login := func(client, email string) *tokenkeep.Keeper {
		fake.AddClient(zohotest.Client{ID: client, Secret: secret})
		fake.AddUser(zohotest.User{Email: email})
		p, err := zoho.New(zoho.Config{
			ClientID: client, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(secret)}, Transport: fake.Transport(),
		})
		if err != nil {
			t.Fatal(err)
		}
		k := tokenkeep.New(store, p, nil)
		s, err := k.Login(ctx, &tokenkeep.Grant{
			RefreshToken: tokenkeep.NewSecret(fake.Issue(client, email).RefreshToken), UserName: email,
		})
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
		return k
	}
	use := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Minute) {
			for _, s := range sessions {
				_, _ = s.Token(t.Context()) // that it fails in the end is the point
			}
		}
	}
	keepers := []*tokenkeep.Keeper{login(app, "ann@example.com"), login(other, "ann@example.com"), login(app, "bob@example.com")}
	use(23*24*time.Hour + 5*time.Hour)
	fake.ChangePassword("ann@example.com", true)
	use(3 * time.Hour)
	for _, k := range keepers {
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
	row, err := store.FindTokenByID(t.Context(), sessions[0].ID())
	if err != nil {
		t.Fatal(err)
	}
	f, err := lineage.Gather(t.Context(), store, lineage.Query{Row: row, Provider: "Zoho", Limits: new(zoho.Provider).Limits()})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
