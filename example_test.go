package tokenkeep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A user logs in once; from then on the session's client stays authenticated.
func Example() {
	fake := zohotest.New(nil) // stands for Zoho
	fake.AddClient(zohotest.Client{ID: "1000.APP", Secret: "secret", RedirectURIs: []string{"https://app.example.com/callback"}})
	fake.AddUser(zohotest.User{Email: "patricia@zylker.com", DC: "us"})
	fake.SetAutoApprove("patricia@zylker.com")

	provider, err := zoho.New(zoho.Config{
		ClientID:      "1000.APP",
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("secret")},
		RedirectURL:   "https://app.example.com/callback",
		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
		Transport:     fake.Transport(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	keeper := tokenkeep.New(tokenkeep.NewMemoryStore(), provider, &tokenkeep.Options{Base: fake.Transport()})
	defer keeper.Close()

	auth, err := provider.Authorize(zoho.AuthorizeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := provider.Callback(auth, browse(fake, auth.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	grant.UserName = "patricia@zylker.com"
	if _, err := keeper.Login(ctx, grant); err != nil {
		fmt.Println(err)
		return
	}

	session, err := keeper.Session(ctx, "patricia@zylker.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := session.Client().Get("https://www.zohoapis.com/crm/v8/Leads?fields=Last_Name")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 204 No Content
}

// browse does what the user's browser does, and returns where it ends up.
func browse(fake *zohotest.Fake, url string) string {
	req, _ := http.NewRequest(http.MethodGet, url, nil)
	resp, err := fake.Transport().RoundTrip(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Header.Get("Location")
}

// Errors say what to do, one class for each recovery.
func ExampleError() {
	var err error = fmt.Errorf("sync leads: %w", &tokenkeep.Error{
		Class: tokenkeep.NeedsLogin, Op: "refresh", Code: "invalid_code",
		Reason: "the refresh token is dead", Hint: "log in again: tokenkeep login",
	})
	fmt.Println(errors.Is(err, tokenkeep.ErrNeedsLogin))
	fmt.Println(err)
	// Output:
	// true
	// sync leads: refresh: the refresh token is dead; log in again: tokenkeep login
}

// A store of Zoho's SDKs finds a token by what it is given; so does this one.
func ExampleMatchFor() {
	m, _ := tokenkeep.MatchFor(&tokenkeep.Token{UserName: "patricia@zylker.com", DataCentre: "eu"})
	fmt.Println(m.Field, "in", m.DataCentre)
	_, err := tokenkeep.MatchFor(&tokenkeep.Token{ID: "1000000000"})
	fmt.Println(errors.Is(err, tokenkeep.ErrNoKey))
	// Output:
	// user name in eu
	// true
}
