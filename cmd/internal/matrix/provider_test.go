//go:build unix

package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// newProvider returns the client of an authority: Zoho's, which does not rotate, or
// that of a server that does.
func newProvider(policy tokenkeep.Rotation, at server) (tokenkeep.Provider, error) {
	if policy != tokenkeep.RotationNone {
		return &rotator{policy: policy, at: at, client: &http.Client{Transport: &http.Transport{}}}, nil
	}
	dc, err := zoho.Custom(dataCentre, at.Accounts, at.API)
	if err != nil {
		return nil, err
	}
	return zoho.New(zoho.Config{
		ClientID: clientID, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(at.ClientSecret)},
		DataCentre: dc, DataCentres: []zoho.DataCentre{dc}, Timeout: 30 * time.Second,
	})
}

// A rotator is a client of a server that gives a new refresh token with each
// access token. It sends every request once.
type rotator struct {
	policy tokenkeep.Rotation
	at     server
	client *http.Client
}

// ClientID makes it the client's own.
func (*rotator) ClientID() string { return clientID }

// Exchange is not needed: logins of the matrix are issued.
func (*rotator) Exchange(context.Context, *tokenkeep.Grant) (*tokenkeep.Token, error) {
	return nil, tokenkeep.ErrMisconfigured
}

// Refresh sends one request.
func (p *rotator) Refresh(ctx context.Context, t *tokenkeep.Token) (*tokenkeep.Token, error) {
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {t.RefreshToken.Reveal()},
		"client_id": {clientID}, "client_secret": {p.at.ClientSecret},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.at.Accounts+"/oauth/v2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, &tokenkeep.Error{Class: tokenkeep.RetryLater, Op: "refresh", Unknown: true, Err: err}
	}
	defer resp.Body.Close()
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int    `json:"expires_in"`
		Error   string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, &tokenkeep.Error{Class: tokenkeep.RetryLater, Op: "refresh", Unknown: true, Err: err}
	}
	if answer.Error != "" {
		return nil, &tokenkeep.Error{Class: tokenkeep.NeedsLogin, Op: "refresh", Code: answer.Error, Reason: fmt.Sprint("the server answers ", resp.Status)}
	}
	return &tokenkeep.Token{
		AccessToken: tokenkeep.NewSecret(answer.Access), RefreshToken: tokenkeep.NewSecret(answer.Refresh),
		Expiry: time.Now().Add(time.Duration(answer.Expires) * time.Second),
	}, nil
}

// Revoke is not needed: nothing is deleted.
func (*rotator) Revoke(context.Context, *tokenkeep.Token) error { return nil }

// Audience allows the API of the authority.
func (p *rotator) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	u, err := url.Parse(p.at.API)
	if err != nil {
		return tokenkeep.Audience{}, err
	}
	return tokenkeep.Audience{Scheme: "Bearer", BaseURL: p.at.API, Hosts: []string{u.Host}}, nil
}

// Limits tells the policy.
func (p *rotator) Limits() tokenkeep.Limits { return tokenkeep.Limits{Rotation: p.policy} }
