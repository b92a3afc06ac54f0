// Command quickstart logs a user in, calls the API, and goes on after the access
// token has expired: the smallest program around tokenkeep. It needs no account,
// because it talks to a fake Zoho.
//
//	go run ./quickstart
//
// To talk to Zoho itself, leave out the fake and its transport, and send the
// user's browser to auth.URL.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

const (
	user     = "patricia@zylker.com"
	callback = "https://app.example.com/callback"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	fake := newFake()
	provider, err := zoho.New(zoho.Config{
		ClientID:      "1000.APP",
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("secret")},
		RedirectURL:   callback,
		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
		Transport:     fake.Transport(),
	})
	if err != nil {
		return err
	}
	keeper := tokenkeep.New(tokenkeep.NewMemoryStore(), provider, &tokenkeep.Options{Base: fake.Transport()})
	defer func() { _ = keeper.Close() }() // the program ends

	if err := login(ctx, keeper, provider, fake); err != nil {
		return err
	}
	// From here on the program knows nothing but the user's name.
	if err := call(ctx, keeper, out); err != nil {
		return err
	}
	fake.Advance(2 * time.Hour) // the access token expires; nobody has to notice
	if err := call(ctx, keeper, out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "token requests:", fake.Counters().TokenRequests)
	return err
}

// login is what an application does at its login page and its callback.
func login(ctx context.Context, keeper *tokenkeep.Keeper, provider *zoho.Provider, fake *zohotest.Fake) error {
	auth, err := provider.Authorize(zoho.AuthorizeOptions{})
	if err != nil {
		return err
	}
	redirect, err := browse(ctx, fake, auth.URL)
	if err != nil {
		return err
	}
	grant, err := provider.Callback(auth, redirect)
	if err != nil {
		return err
	}
	grant.UserName = user
	_, err = keeper.Login(ctx, grant)
	return err
}

// call makes one call to the API as the user.
func call(ctx context.Context, keeper *tokenkeep.Keeper, out io.Writer) error {
	session, err := keeper.Session(ctx, user)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://www.zohoapis.com/crm/v8/Leads?fields=Last_Name", nil)
	if err != nil {
		return err
	}
	resp, err := session.Client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = fmt.Fprintln(out, "leads:", resp.Status)
	return err
}

// newFake stands for Zoho, with one app and one user who agrees to everything.
func newFake() *zohotest.Fake {
	fake := zohotest.New(nil)
	fake.AddClient(zohotest.Client{ID: "1000.APP", Secret: "secret", RedirectURIs: []string{callback}})
	fake.AddUser(zohotest.User{Email: user, DC: "us"})
	fake.SetAutoApprove(user)
	return fake
}

// browse does what the user's browser does, and returns where it ends up.
func browse(ctx context.Context, fake *zohotest.Fake, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := fake.Transport().RoundTrip(req)
	if err != nil {
		return "", err
	}
	return resp.Header.Get("Location"), resp.Body.Close()
}
