package zoho_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*zoho.Config){
		"no client id":       func(c *zoho.Config) { c.ClientID = "" },
		"blank in client id": func(c *zoho.Config) { c.ClientID += " " },
		"line in client id":  func(c *zoho.Config) { c.ClientID += "\n" },
		"empty secret":       func(c *zoho.Config) { c.ClientSecrets = []tokenkeep.Secret{{}} },
		"line in secret":     func(c *zoho.Config) { c.ClientSecrets = []tokenkeep.Secret{secret(clientSecret + "\n")} },
		"blank in DC secret": func(c *zoho.Config) {
			c.SecretsByDC = map[string][]tokenkeep.Secret{"eu": {secret(" " + clientSecret)}}
		},
		"unknown data centre": func(c *zoho.Config) { c.DataCentre = zoho.DataCentre{Code: "mars"} },
		"half a data centre":  func(c *zoho.Config) { c.DataCentre = zoho.DataCentre{Accounts: "https://a.example"} },
		"plain http": func(c *zoho.Config) {
			c.DataCentres = []zoho.DataCentre{{Accounts: "http://a.example", API: "https://b.example"}}
		},
		"relative redirect":   func(c *zoho.Config) { c.RedirectURL = "/callback" },
		"redirect fragment":   func(c *zoho.Config) { c.RedirectURL += "#x" },
		"unknown environment": func(c *zoho.Config) { c.Environment = "staging" },
		"negative timeout":    func(c *zoho.Config) { c.Timeout = -time.Second },
	} {
		cfg := config(nil)
		spoil(&cfg)
		_, err := zoho.New(cfg)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if e := wantClass(t, err, tokenkeep.Misconfigured); e.Reason == "" {
			t.Errorf("%s: no reason: %v", name, err)
		}
	}
}

func TestNewCopiesItsConfig(t *testing.T) {
	s := &stub{status: 200, body: `{"access_token":"a","refresh_token":"r"}`}
	cfg := config(s)
	p := newProvider(t, cfg)
	cfg.ClientSecrets[0] = secret("changed")
	if _, err := p.Exchange(t.Context(), &tokenkeep.Grant{Code: secret("c0de")}); err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0].form.Get("client_secret"); got != clientSecret {
		t.Error("the secret of the provider changed with the caller's slice")
	}
}

func TestLimits(t *testing.T) {
	got := newProvider(t, config(nil)).Limits()
	want := tokenkeep.Limits{Rotation: tokenkeep.RotationNone, Mints: 10, Window: 10 * time.Minute, Live: 15, Life: time.Hour, RefreshTokens: 20}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestClientID(t *testing.T) {
	if got := newProvider(t, config(nil)).ClientID(); got != clientID {
		t.Errorf("got %q", got)
	}
}

// A custom data centre displaces the built-in one of its code: no token may go
// from the one to the other.
func TestCustomTakesTheBuiltInsPlace(t *testing.T) {
	lab, err := zoho.Custom("eu", "http://127.0.0.1:8001", "http://127.0.0.1:8002")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(nil)
	cfg.DataCentres = []zoho.DataCentre{lab}
	p := newProvider(t, cfg)
	_, err = p.Audience(&tokenkeep.Token{AccountsServer: "http://127.0.0.1:8001", APIDomain: "https://www.zohoapis.eu"})
	wantClass(t, err, tokenkeep.Misconfigured)
	_, err = p.Refresh(t.Context(), &tokenkeep.Token{RefreshToken: secret("r"), AccountsServer: "https://accounts.zoho.eu"})
	wantClass(t, err, tokenkeep.Misconfigured)
	a, err := p.Audience(&tokenkeep.Token{DataCentre: "eu"})
	if err != nil || a.BaseURL != "http://127.0.0.1:8002" || !slices.Contains(a.Rewrite, "www.zohoapis.eu") {
		t.Errorf("%+v, %v", a, err)
	}
}
