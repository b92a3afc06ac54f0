// Package adopt brings a login from a program that used golang.org/x/oauth2 into
// a Keeper. docs/migrating.md explains it.
package adopt

import (
	"context"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// Login saves tok, which Zoho's accounts server of the data centre dc ("us",
// "eu"...) gave to the client clientID, as the login of user. From then on
// keeper.Session(ctx, user) finds it; call Login once for each login.
func Login(ctx context.Context, keeper *tokenkeep.Keeper, tok *oauth2.Token, clientID, user, dc string) (*tokenkeep.Session, error) {
	home, err := zoho.ByCode(dc)
	if err != nil {
		return nil, err
	}
	apiDomain, _ := tok.Extra("api_domain").(string)
	if apiDomain == "" { // a token that was read from JSON has no extras
		apiDomain = home.API
	}
	return keeper.Adopt(ctx, &tokenkeep.Token{
		UserName:       user,
		ClientID:       clientID,
		RefreshToken:   tokenkeep.NewSecret(tok.RefreshToken),
		AccessToken:    tokenkeep.NewSecret(tok.AccessToken),
		Expiry:         tok.Expiry,
		APIDomain:      apiDomain,
		AccountsServer: home.Accounts,
		DataCentre:     home.Code,
	})
}

// Source returns what the rest of the program goes on with: an
// oauth2.TokenSource whose tokens are stored and refreshed once for all
// processes.
func Source(ctx context.Context, session *tokenkeep.Session) oauth2.TokenSource {
	return session.TokenSource(ctx)
}
