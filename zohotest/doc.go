// Package zohotest is a fake Zoho for tests: the accounts server and the CRM API
// of several data centres, with their limits, their habits and their failures.
//
// It is an independent oracle. It imports nothing but the standard library and
// answers what Zoho answers, down to HTTP 200 with an error in the body. Where
// Zoho's documents disagree, or say nothing, [Options] has a switch.
//
// # In a test, over loopback sockets
//
//	f := zohotest.NewServer(t, nil)
//	f.AddClient(zohotest.Client{ID: "1000.APP", Secret: "s3cret"})
//	f.AddUser(zohotest.User{Email: "ann@example.com"})
//	login := f.Issue("1000.APP", "ann@example.com")
//	// use login.RefreshToken against f.AccountsURL("us")
//	if n := f.Counters().Mints; n != 1 { … }
//
// Every data centre has one listener for accounts and one for the API, so that
// "the wrong host" means something.
//
// # In a synctest bubble
//
//	f := zohotest.New(nil)
//	client := &http.Client{Transport: f.Transport()}
//
// The in-memory transport answers at Zoho's own host names, runs on the caller's
// goroutine and opens no socket. Cut connections and truncated bodies show as
// the errors that net/http would give.
//
// # Logging in without a browser
//
// [Fake.Issue] is a whole login. [Fake.GrantCode] and [Fake.SelfClientCode] give
// the code that a consent page or the API console would give. The consent page
// itself is served at /oauth/v2/auth; [Options].AutoApprove skips it.
//
// # Time
//
// The fake reads Options.Now (by default time.Now) plus the sum of all
// [Fake.Advance] calls. Delays of faults use real timers.
//
// # Faults
//
// [Fake.AddFault] makes requests fail, by path, data centre, count or
// probability. The kinds tell apart what was lost: [FaultCutBefore] loses the
// request, [FaultCutAfter] loses the answer after the token was minted.
//
// # Counters
//
// [Fake.Counters] proves promises such as "100 workers, one refresh".
//
// # Other processes and languages
//
// [Fake.Listen] also serves [Fake.AdminHandler], a small JSON API, on a loopback
// listener of its own; GET / there describes it.
//
// # Other providers
//
// With [Options].Profile the accounts server is a plain OAuth 2.0 server: strictly
// rotating with revocation on reuse, rotating with a grace, or not rotating, with one
// live access token or many. [Counters].SpentRepresented is what a client must keep
// at zero.
//
//	f := zohotest.New(&zohotest.Options{Profile: &zohotest.Profile{Rotation: zohotest.RotateStrict}})
//
// # Sources
//
// Comments name the page that states a fact ("Zoho Accounts docs, Token
// limits"). "Observed" marks what developers saw, "assumed" what nobody stated.
package zohotest
