//go:build unix

package matrix

import (
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// requestTime bounds a request: longer than any cell.
const requestTime = 2 * time.Minute

// newProvider returns the client of an authority: Zoho's, which does not rotate, or
// that of a plain OAuth server that does.
func newProvider(policy tokenkeep.Rotation, at server) (tokenkeep.Provider, error) {
	if policy == tokenkeep.RotationNone {
		return newZoho(at)
	}
	cfg := oauth2.Config{
		ClientID: clientID, ClientSecret: at.ClientSecret, RedirectURL: at.API + "/callback",
		Endpoint: oauth2.Endpoint{AuthURL: at.Accounts + "/oauth/v2/auth", TokenURL: at.Accounts + "/oauth/v2/token"},
	}
	opts := oauth.Options{APIs: []string{at.API}, Rotation: policy, Timeout: requestTime}
	if policy == tokenkeep.RotationGrace {
		opts.Grace = graceTime
	}
	return oauth.New(cfg, opts)
}

func newZoho(at server) (tokenkeep.Provider, error) {
	dc, err := zoho.Custom(dataCentre, at.Accounts, at.API)
	if err != nil {
		return nil, err
	}
	return zoho.New(zoho.Config{
		ClientID: clientID, ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(at.ClientSecret)},
		DataCentre: dc, DataCentres: []zoho.DataCentre{dc}, Timeout: requestTime,
	})
}
