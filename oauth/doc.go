// Package oauth is a [tokenkeep.Provider] for any OAuth 2.0 authorization server,
// made from an [oauth2.Config]. Package zoho is the one for Zoho.
//
// # Use
//
//	p, err := oauth.New(oauth2.Config{
//		ClientID:     "app",
//		ClientSecret: secret,
//		Endpoint: oauth2.Endpoint{
//			AuthURL:  "https://id.example.com/authorize",
//			TokenURL: "https://id.example.com/token",
//		},
//		RedirectURL: "https://app.example.net/callback",
//		Scopes:      []string{"orders.read", "offline_access"},
//	}, oauth.Options{
//		APIs:     []string{"https://api.example.com"},
//		Rotation: tokenkeep.RotationStrict,
//	})
//	k := tokenkeep.New(store, p, nil)
//
// A login has two halves. [Provider.Authorize] gives the URL for the browser, and
// [Provider.Callback] turns what comes back into a [tokenkeep.Grant] for
// [tokenkeep.Keeper.Login]. The grant has a name if the program gave one: the
// protocol tells nobody's.
//
// # What the program must know about its provider
//
// Nothing in the protocol says what becomes of a refresh token that was used, and
// the wrong belief loses logins. [Options].Rotation declares it:
//
//   - [tokenkeep.RotationNone]: it stays the same (Google, Zoho). A lost answer is
//     asked for again.
//   - [tokenkeep.RotationStrict]: every use gives a new one and kills the old one; to
//     send the old one again may end the login (Okta, Auth0). A lost answer leaves
//     the login in doubt, and the user has to log in again.
//   - [tokenkeep.RotationGrace]: as before, but the old one works for [Options].Grace
//     after its first use (Auth0's leeway, Okta's and Ory Hydra's grace period). A
//     lost answer is asked for again within that time.
//
// In doubt about it, say RotationStrict: then nothing is ever sent twice. An answer
// that carries no new refresh token keeps the one there is, under any policy.
//
// Where refresh tokens rotate, the store is the only place that has the present one:
// to log in again with one that was configured or exported earlier sends a used one.
//
// # Requests
//
// Each request is one POST with a form, sent once, within [Options].Timeout. It
// follows no redirect, keeps no cookie, and carries no header that would let a
// transport repeat it. The client authenticates in the one way that
// Endpoint.AuthStyle says: [oauth2.AuthStyleInHeader] (the default), or
// [oauth2.AuthStyleInParams]. Nothing is probed, as package oauth2 does by sending
// the refresh token twice. A client without a secret is public and sends its id in
// the form. Logins always use PKCE (S256); a server that does not know it ignores
// it.
//
// Secrets and tokens go to the configured URLs alone, over https, or http on
// loopback. A stored login of another client or token endpoint is refused before
// anything is sent.
//
// # Errors
//
// Every error is a [*tokenkeep.Error] and shows no secret. Its class comes from the
// codes of RFC 6749, section 5.2:
//
//   - invalid_grant, and OpenID Connect's interaction_required, login_required and
//     consent_required, are NeedsLogin.
//   - invalid_client, unauthorized_client, invalid_scope, invalid_request and
//     unsupported_grant_type are Misconfigured.
//   - Everything else is RetryLater, until the time of Retry-After if there is one:
//     HTTP 5xx and 429, redirects, pages, JSON that was cut short, unknown codes.
//
// An error says Unknown if the server may have acted though its answer was lost: the
// connection broke, the answer was no answer, or a gateway answered instead of the
// server (HTTP 502, 504). At a strict rotator that puts the login in doubt. Of the
// other errors nothing was spent, for the server said so itself.
package oauth
