package adopt_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/examples/adopt"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// TestLogin: a token of x/oauth2 that has expired is taken over, refreshed, and
// found again by the user's name.
func TestLogin(t *testing.T) {
	fake := zohotest.New(nil)
	fake.AddClient(zohotest.Client{ID: "1000.APP", Secret: "secret"})
	fake.AddUser(zohotest.User{Email: "ann@example.com", DC: "us"})
	issued := fake.Issue("1000.APP", "ann@example.com")
	provider, err := zoho.New(zoho.Config{
		ClientID:      "1000.APP",
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("secret")},
		Transport:     fake.Transport(),
	})
	if err != nil {
		t.Fatal(err)
	}
	keeper := tokenkeep.New(tokenkeep.NewMemoryStore(), provider, nil)
	defer func() { _ = keeper.Close() }()

	old := &oauth2.Token{AccessToken: issued.AccessToken, RefreshToken: issued.RefreshToken, Expiry: time.Now().Add(-time.Hour)}
	if _, err := adopt.Login(t.Context(), keeper, old, "1000.APP", "ann", "us"); err != nil {
		t.Fatal(err)
	}
	session, err := keeper.Session(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	got, err := adopt.Source(t.Context(), session).Token()
	if err != nil || got.AccessToken == issued.AccessToken {
		t.Fatalf("no fresh token: %v", err)
	}
	if alive, why := fake.AccessTokenAlive(got.AccessToken); !alive {
		t.Error(why)
	}
	if _, err := adopt.Login(t.Context(), keeper, old, "1000.APP", "bob", "nowhere"); !errors.Is(err, tokenkeep.ErrMisconfigured) {
		t.Errorf("an unknown data centre: %v", err)
	}
}
