package tokenkeep

import (
	"context"
	"time"
)

// A Provider speaks to one authorization server on behalf of one client app.
// Package zoho has the one for Zoho.
//
// A Provider must be safe for concurrent use, must honour ctx, must send each
// request once, without a retry inside, and must return an *[Error] of the right
// class. It must not keep or change tokens: that is the Keeper's work.
type Provider interface {
	// Exchange redeems an authorization code or another grant. The result holds
	// what the answer carried, with AccountsServer, DataCentre and ClientID.
	Exchange(ctx context.Context, g *Grant) (*Token, error)

	// Refresh mints an access token with t.RefreshToken at t's accounts server.
	// The result holds only what the answer carried: the Keeper carries the rest
	// forward.
	Refresh(ctx context.Context, t *Token) (*Token, error)

	// Revoke ends t's refresh token at the provider. A token that the provider
	// no longer knows is revoked already: no error.
	Revoke(ctx context.Context, t *Token) error

	// Audience says where t may be sent and how. It makes no request.
	Audience(t *Token) (Audience, error)

	// Limits returns the provider's quotas. It makes no request.
	Limits() Limits
}

// An Identifier is a Provider that can look up who a token belongs to. The
// Keeper asks it after the token is saved, and lives without an answer.
type Identifier interface {
	// Identify returns the user name for t, such as "<email>:<zgid>".
	Identify(ctx context.Context, t *Token) (string, error)
}

// A Grant is what a login starts from: the outcome of the authorization step.
// Exactly one of Code and RefreshToken is set.
type Grant struct {
	// Code is the authorization code, or a code of a self client.
	Code Secret
	// RefreshToken is a refresh token that was obtained elsewhere.
	RefreshToken Secret
	// RedirectURL is the redirect URI that the code was issued for; empty for a
	// self client.
	RedirectURL string
	// Verifier is the PKCE code verifier, if a challenge was sent.
	Verifier Secret
	// AccountsServer is the accounts server of the user, as the callback said,
	// or empty for the configured one. A provider must check it against its list
	// of known hosts before it sends a secret there.
	AccountsServer string
	// Location is the data centre code of the callback.
	Location string
	// UserName is the name to keep the login under. Empty: look it up.
	UserName string
	// Scopes are those asked for, for answers that do not repeat them.
	Scopes []string
	// Force redeems a Code of a user who has all the refresh tokens that the provider
	// allows, as far as the store knows: it then ends the oldest.
	Force bool
}

// An Audience says which hosts an access token may be sent to.
type Audience struct {
	// Scheme precedes the token in the Authorization header: "Zoho-oauthtoken".
	Scheme string
	// BaseURL is where requests to any host of Rewrite go: the API domain.
	BaseURL string
	// Hosts are the hosts (with port, if not the scheme's own) that may receive
	// the token over the BaseURL's scheme, BaseURL's included.
	Hosts []string
	// Rewrite lists the provider's API hosts of other data centres: a request to
	// one of them goes to BaseURL instead.
	Rewrite []string
}

// Rotation is what a provider does with a refresh token that was used.
type Rotation string

// The rotation policies.
const (
	// RotationNone: the refresh token stays the same, so a lost answer can be
	// asked for again. Zoho does this.
	RotationNone Rotation = "none"
	// RotationGrace: each use gives a new one; the old one works for a while.
	RotationGrace Rotation = "grace"
	// RotationStrict: each use gives a new one and kills the old one.
	RotationStrict Rotation = "rotating"
)

// Limits are a provider's quotas. A zero number means no limit.
type Limits struct {
	// Rotation is the policy for refresh tokens; empty means none.
	Rotation Rotation
	// Grace is, for RotationGrace, how long a refresh token works after its first use.
	// A lost answer is asked for again within three quarters of it, so that the
	// request arrives in time though clocks differ a little. Zero: never.
	Grace time.Duration
	// SingleAccess says that a new access token of a login kills the one before.
	SingleAccess bool
	// Mints is how many access tokens one refresh token may ask for in Window.
	Mints int
	// Window is the time over which Mints counts.
	Window time.Duration
	// Live is how many access tokens of one refresh token live at once.
	Live int
	// Life is how long an access token lives, where the row does not tell.
	Life time.Duration
	// RefreshTokens is how many refresh tokens a user of a client may have.
	RefreshTokens int
}
