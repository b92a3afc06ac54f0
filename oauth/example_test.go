package oauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A program that logs a user in at a provider that rotates refresh tokens, and
// stays logged in.
func Example() {
	id := zohotest.New(&zohotest.Options{ // in the place of a real provider
		AutoApprove: "ann@example.com", Profile: &zohotest.Profile{Rotation: zohotest.RotateStrict},
	})
	id.AddClient(zohotest.Client{ID: "shop", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1:8080/callback"}})
	id.AddUser(zohotest.User{Email: "ann@example.com"})

	p, err := oauth.New(oauth2.Config{
		ClientID:     "shop",
		ClientSecret: "s3cret",
		Endpoint: oauth2.Endpoint{
			AuthURL:  "https://accounts.zoho.com/oauth/v2/auth",
			TokenURL: "https://accounts.zoho.com/oauth/v2/token",
		},
		RedirectURL: "http://127.0.0.1:8080/callback",
		Scopes:      []string{"orders.read", "offline_access"},
	}, oauth.Options{
		APIs:      []string{"https://www.zohoapis.com"},
		Rotation:  tokenkeep.RotationStrict,
		Transport: id.Transport(),
	})
	if err != nil {
		log.Fatal(err)
	}
	k := tokenkeep.New(tokenkeep.NewMemoryStore(), p, nil) // a real store survives the program

	login, err := p.Authorize(oauth.AuthorizeOptions{UserName: "ann@example.com"})
	if err != nil {
		log.Fatal(err)
	}
	grant, err := p.Callback(login, browse(id.Transport(), login.URL))
	if err != nil {
		log.Fatal(err)
	}
	session, err := k.Login(context.Background(), grant)
	if err != nil {
		log.Fatal(err)
	}

	id.Advance(2 * time.Hour) // the access token has ended at the provider, too
	if _, err := session.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	if err := k.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("refreshes:", id.Counters().Mints, "used refresh tokens sent:", id.Counters().SpentRepresented)
	// Output: refreshes: 1 used refresh tokens sent: 0
}

// browse stands for the user's browser, and returns the URL of the callback.
func browse(rt http.RoundTripper, to string) string {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, to, http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get("Location")
}
