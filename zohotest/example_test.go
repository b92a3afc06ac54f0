package zohotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// refreshWith is the code under test of these examples: one refresh.
func refreshWith(client *http.Client, refreshToken string) (map[string]any, error) {
	resp, err := client.PostForm("https://accounts.zoho.com/oauth/v2/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken},
		"client_id": {"1000.APP"}, "client_secret": {"s3cret"},
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer := make(map[string]any)
	return answer, json.NewDecoder(resp.Body).Decode(&answer)
}

// newExample is a fake with one client and one user.
func newExample(opts *zohotest.Options) *zohotest.Fake {
	f := zohotest.New(opts)
	f.AddClient(zohotest.Client{ID: "1000.APP", Secret: "s3cret"})
	f.AddUser(zohotest.User{Email: "ann@example.com"})
	return f
}

// A login without a browser, and a refresh over the in-memory transport.
func ExampleFake_Transport() {
	f := newExample(nil)
	login := f.Issue("1000.APP", "ann@example.com")

	answer, err := refreshWith(&http.Client{Transport: f.Transport()}, login.RefreshToken)
	fmt.Println(answer["api_domain"], answer["expires_in"], err)
	// Output: https://www.zohoapis.com 3600 <nil>
}

// Ten refreshes in ten minutes are allowed.
func ExampleFake_Counters() {
	f := newExample(nil)
	client := &http.Client{Transport: f.Transport()}
	login := f.Issue("1000.APP", "ann@example.com")
	for range 11 {
		_, _ = refreshWith(client, login.RefreshToken)
	}
	f.Advance(10 * time.Minute)
	_, _ = refreshWith(client, login.RefreshToken)

	c := f.Counters()
	fmt.Println(c.TokenRequests, "requests,", c.Mints, "minted,", c.Throttles, "throttled")
	// Output: 12 requests, 11 minted, 1 throttled
}

// The worst case of a refresh: the token was minted, the answer lost.
func ExampleFake_AddFault() {
	f := newExample(nil)
	login := f.Issue("1000.APP", "ann@example.com")
	f.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Grant: "refresh_token", Times: 1})

	_, err := refreshWith(&http.Client{Transport: f.Transport()}, login.RefreshToken)
	fmt.Println(err)
	fmt.Println("live access tokens:", f.LiveAccessTokens(login.RefreshToken))
	// Output:
	// Post "https://accounts.zoho.com/oauth/v2/token": EOF
	// live access tokens: 2
}

// Dead tokens look as they do at Zoho: HTTP 200 with an error.
func ExampleFake_RemoveApp() {
	f := newExample(nil)
	login := f.Issue("1000.APP", "ann@example.com")
	f.RemoveApp("1000.APP", "ann@example.com")

	answer, err := refreshWith(&http.Client{Transport: f.Transport()}, login.RefreshToken)
	fmt.Println(answer["error"], err)
	// Output: invalid_code <nil>
}
