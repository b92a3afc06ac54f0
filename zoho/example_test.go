package zoho_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// A whole login, offline: the fake stands for Zoho and for the user, whose
// account is in Europe.
func Example() {
	fake := zohotest.New(&zohotest.Options{AutoApprove: "eve@example.com"})
	fake.AddClient(zohotest.Client{
		ID: "1000.EXAMPLE", Secret: "not-so-secret", DCs: []string{"eu"},
		RedirectURIs: []string{"https://app.example/callback"},
	})
	fake.AddUser(zohotest.User{Email: "eve@example.com", DC: "eu", ZGID: "700002"})

	p, err := zoho.New(zoho.Config{
		ClientID:      "1000.EXAMPLE",
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret("not-so-secret")},
		RedirectURL:   "https://app.example/callback",
		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
		Transport:     fake.Transport(), // leave out to talk to Zoho
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Send the browser to auth.URL, and keep auth until it comes back.
	auth, err := p.Authorize(zoho.AuthorizeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	callback := browse(fake, auth.URL)

	grant, err := p.Callback(auth, callback)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	keeper := tokenkeep.New(tokenkeep.NewMemoryStore(), p, nil)
	session, err := keeper.Login(ctx, grant)
	if err != nil {
		fmt.Println(err)
		return
	}
	row, err := session.Row(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(row.UserName, row.DataCentre, row.APIDomain)

	// A code works once.
	_, err = p.Exchange(ctx, grant)
	fmt.Println(errors.Is(err, tokenkeep.ErrNeedsLogin), tokenkeep.ClassOf(err))

	// Output:
	// eve@example.com:700002 eu https://www.zohoapis.eu
	// true needs_login
}

// browse stands for the user's browser: it opens the page and returns the
// address that Zoho sends it to.
func browse(fake *zohotest.Fake, page string) string {
	client := &http.Client{
		Transport: fake.Transport(),
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host == "app.example" {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	resp, err := client.Get(page)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	return resp.Header.Get("Location")
}

func ExampleByAPIDomain() {
	d, err := zoho.ByAPIDomain("https://sandbox.zohoapis.com.au")
	fmt.Println(d.Code, d.Accounts, err)
	// Output: au https://accounts.zoho.com.au <nil>
}

func ExampleProvider_Authorize() {
	p, err := zoho.New(zoho.Config{
		ClientID:    "1000.EXAMPLE",
		DataCentre:  zoho.DataCentre{Code: "eu"},
		RedirectURL: "http://127.0.0.1:8765/callback",
		Scopes:      []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := p.Authorize(zoho.AuthorizeOptions{State: "docs"})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, query, _ := strings.Cut(auth.URL, "?")
	values, _ := url.ParseQuery(query)
	fmt.Println(page)
	fmt.Println(values.Get("scope"))
	fmt.Println(values.Get("access_type"), values.Get("prompt"))
	// Output:
	// https://accounts.zoho.eu/oauth/v2/auth
	// ZohoCRM.modules.ALL,ZohoCRM.users.READ
	// offline consent
}
