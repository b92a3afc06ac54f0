// Package zoho is the [tokenkeep.Provider] for Zoho's accounts server: it logs
// users in, redeems codes, refreshes and revokes tokens, and knows Zoho's data
// centres, error codes and limits.
//
// # Use
//
//	p, err := zoho.New(zoho.Config{
//		ClientID:      "1000.…",
//		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(secret)},
//		RedirectURL:   "https://app.example.com/callback",
//		Scopes:        []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"},
//	})
//	k := tokenkeep.New(store, p, nil)
//
// The Keeper calls Exchange, Refresh, Revoke and Identify. What a program calls
// itself is the first half of a login.
//
// # Ways to log in
//
//   - In a browser: [Provider.Authorize] gives the URL, [Provider.Callback] turns
//     what comes back into a grant.
//   - With a code of a self client from Zoho's API console:
//     [Provider.SelfClientGrant].
//   - On a machine without a browser: [Provider.StartDevice] and [Device.Wait].
//   - With a refresh token from elsewhere: a [tokenkeep.Grant] with RefreshToken.
//
// A code can be redeemed once and dies after about two minutes (Zoho Accounts
// docs, Access token), so save the outcome at once: the Keeper does.
//
// # Data centres
//
// A user's account lives in one data centre. Its accounts server and its API are
// the only ones that know the user's tokens. [Config].DataCentre is where logins
// start; Zoho sends users on to their own, and the callback says which that is.
// A client has to be switched on for every other data centre in the API console
// ("Multi-DC"). Users of China must start at China's server.
//
// Secrets and tokens go to known hosts alone: the built-in table
// ([DataCentres]) and those that the configuration adds ([Custom]). An accounts
// server or an API domain outside of it is refused, wherever it came from,
// because callbacks pass through the user's browser.
//
// # Requests
//
// Every request that carries a secret of the login is a POST with a form as its
// body; only Identify reads, with an access token. Each is sent once, takes at
// most [Config].Timeout, follows no redirect and keeps no cookie. The one
// exception to "once": where several client secrets are configured, the next is
// tried when Zoho answers invalid_client_secret, which mints nothing.
//
// # Errors
//
// Every error is a [*tokenkeep.Error]. Zoho answers most errors with HTTP 200,
// and its throttle with HTTP 400 and a text in the user's language; the classes
// come from codes and shapes, never from words. An answer that is not
// understood is RetryLater, and never the end of a login. Errors and logs hold
// no secret.
package zoho
