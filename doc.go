// Package tokenkeep keeps OAuth logins alive: log in once, stay logged in.
//
// It is the core of a Go SDK for Zoho CRM. A user logs in once; tokenkeep
// exchanges the code, saves access and refresh token in the store of your
// choice, finds the right token before every call, refreshes it before it
// expires, once for all goroutines and processes that share the store, and
// keeps users and data centres apart.
//
//	provider, err := zoho.New(zoho.Config{ClientID: id, ClientSecrets: secrets})
//	store, err := sqlitestore.Open(ctx, "tokens.db", nil)
//	keeper := tokenkeep.New(store, provider, nil)
//	defer keeper.Close()
//
//	session, err := keeper.Login(ctx, grant)                   // once
//	session, err := keeper.Session(ctx, "user@example.com")    // ever after
//	resp, err := session.Client().Get("https://www.zohoapis.com/crm/v8/Leads?fields=Last_Name")
//
// # The parts
//
// A [Keeper] joins a [TokenStore], which keeps tokens, and a [Provider], which
// speaks to the authorization server. A [Session] is a handle on one stored
// login: [Session.Token] gives an access token that works, [Session.Client] an
// http.Client that stays authenticated.
//
// Stores come in packages of their own: store/filestore (one local file, in the
// format of Zoho's SDKs), store/sqlitestore (the embedded default), and
// [MemoryStore] here. A store of your own implements the six methods of
// TokenStore; package storetest tells whether it is right.
//
// # What is promised
//
// An access token that a caller received is on stable storage, with its refresh
// token. One expiry costs one token request. While the access token is valid, no
// failure of the accounts server or of a store write reaches a caller. No error
// answer alters or deletes a stored refresh token. What was deleted stays
// deleted. A token goes only to its own data centre's hosts. No secret is
// printed, logged or put into an error.
//
// # When the store fails
//
// A token that was minted or redeemed while the store is down goes, with
// [Options].Journal, into the rescue journal: a folder on a local disk, of mode
// 0700. It survives the process and is saved, once, when the store is back: by the
// next refresh of that login, or by [Keeper.Recover], which a program calls when it
// starts:
//
//	keeper := tokenkeep.New(store, provider, &tokenkeep.Options{Journal: "/var/lib/app/journal"})
//	report, err := keeper.Recover(ctx)
//
// The records hold tokens in clear unless there is an [Options].Sealer.
// [Keeper.Journal] lists them without secrets.
//
// # Errors
//
// Failures that have a recovery are *[Error], one [Class] for each recovery:
//
//	tok, err := session.Token(ctx)
//	switch {
//	case errors.Is(err, tokenkeep.ErrNeedsLogin): // send the user to the login page
//	case errors.Is(err, tokenkeep.ErrThrottled):  // come back at Until
//	}
//
// [ErrNotFound], [ErrNoKey] and [ErrAmbiguous] answer a look-up.
//
// # How a refresh works
//
// The refresh transaction is written down, step by step, in DESIGN.md. Its only
// primitive is compare-and-swap on a row's version; no lock is held across a
// request, and no clock is compared across machines.
package tokenkeep
