package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// scopes are what the demo's app asks for: CRM records, and who the user is.
var scopes = []string{"ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"}

// redirectURL is the app's redirect URI: the one that `tokenkeep login` uses when
// none is given. Nothing listens there now; the demo's browser stops at the
// redirect.
const redirectURL = "http://localhost:8765/callback"

// A setup is what every process of the demo needs to know. It goes to the
// others through a pipe: the secret is in no argument and no environment.
type setup struct {
	Store        string     `json:"store"` // path of the SQLite file
	ClientID     string     `json:"client_id"`
	ClientSecret string     `json:"client_secret"`
	Places       []location `json:"places"`
}

// A location is where the fake stands in for one of Zoho's data centres.
type location struct {
	Code     string `json:"code"`
	Accounts string `json:"accounts"`
	API      string `json:"api"`
}

// provider makes the product's own Provider for the fake. Logins start at the
// first place.
func (s setup) provider(base http.RoundTripper) (*zoho.Provider, error) {
	cfg := zoho.Config{
		ClientID:      s.ClientID,
		ClientSecrets: []tokenkeep.Secret{tokenkeep.NewSecret(s.ClientSecret)},
		RedirectURL:   redirectURL,
		Scopes:        scopes,
		Transport:     base,
	}
	for _, p := range s.Places {
		dc, err := zoho.Custom(p.Code, p.Accounts, p.API)
		if err != nil {
			return nil, err
		}
		cfg.DataCentres = append(cfg.DataCentres, dc)
	}
	if len(cfg.DataCentres) == 0 {
		return nil, errors.New("the task names no data centre")
	}
	cfg.DataCentre = cfg.DataCentres[0]
	return zoho.New(cfg)
}

// openStore opens the product's embedded store.
func openStore(ctx context.Context, path string) (closableStore, error) {
	s, err := sqlitestore.Open(ctx, path, nil)
	if err != nil {
		return nil, err // not a nil *Store, which is no nil interface
	}
	return s, nil
}

type closableStore interface {
	tokenkeep.TokenStore
	Close() error
}

// A guard is the only way out for the demo's requests: to loopback.
type guard struct {
	*http.Transport
	refused atomic.Int64 // connections elsewhere that were asked for
}

func newGuard() *guard {
	g := &guard{}
	dial := (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	g.Transport = &http.Transport{
		MaxIdleConnsPerHost: 128,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !isLoopback(addr) {
				g.refused.Add(1)
				return nil, fmt.Errorf("the demo is offline: it does not connect to %s", addr)
			}
			return dial(ctx, network, addr)
		},
	}
	return g
}

// isLoopback reports whether addr is a loopback IP with a port. Names are not
// looked up.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
