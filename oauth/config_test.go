package oauth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
)

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*oauth2.Config, *oauth.Options){
		"no client":          func(c *oauth2.Config, _ *oauth.Options) { c.ClientID = "" },
		"blank in client":    func(c *oauth2.Config, _ *oauth.Options) { c.ClientID = "a b" },
		"newline in secret":  func(c *oauth2.Config, _ *oauth.Options) { c.ClientSecret = "s\n" },
		"auth style":         func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.AuthStyle = 9 },
		"no token URL":       func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.TokenURL = "" },
		"http token URL":     func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.TokenURL = "http://id.example.com/token" },
		"relative token URL": func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.TokenURL = "/token" },
		"user in token URL":  func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.TokenURL = "https://u:p@id.example.com/token" },
		"http authorize URL": func(c *oauth2.Config, _ *oauth.Options) { c.Endpoint.AuthURL = "http://id.example.com/auth" },
		"redirect URL":       func(c *oauth2.Config, _ *oauth.Options) { c.RedirectURL = "callback" },
		"redirect fragment":  func(c *oauth2.Config, _ *oauth.Options) { c.RedirectURL = "https://a.example/#x" },
		"http revoke URL":    func(_ *oauth2.Config, o *oauth.Options) { o.RevokeURL = "http://id.example.com/revoke" },
		"http API":           func(_ *oauth2.Config, o *oauth.Options) { o.APIs = []string{"http://api.example.com"} },
		"API with a query":   func(_ *oauth2.Config, o *oauth.Options) { o.APIs = []string{"https://api.example.com/?x=1"} },
		"APIs of two kinds": func(_ *oauth2.Config, o *oauth.Options) {
			o.APIs = []string{"https://api.example.com", "http://127.0.0.1:1"}
		},
		"rotation":           func(_ *oauth2.Config, o *oauth.Options) { o.Rotation = "sometimes" },
		"grace without time": func(_ *oauth2.Config, o *oauth.Options) { o.Rotation = tokenkeep.RotationGrace },
		"time without grace": func(_ *oauth2.Config, o *oauth.Options) { o.Grace = time.Second },
		"mints alone":        func(_ *oauth2.Config, o *oauth.Options) { o.Mints = 3 },
		"timeout":            func(_ *oauth2.Config, o *oauth.Options) { o.Timeout = -1 },
		"life":               func(_ *oauth2.Config, o *oauth.Options) { o.Life = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg, opt := config(), options(nil)
			spoil(&cfg, &opt)
			_, err := oauth.New(cfg, opt)
			wantClass(t, err, tokenkeep.Misconfigured)
		})
	}
}

// What the caller changes afterwards does not matter, and http works on loopback.
func TestNewCopies(t *testing.T) {
	cfg, opt := config(), options(nil)
	cfg.Endpoint.TokenURL, cfg.RedirectURL = "http://[::1]:8080/token", ""
	opt.APIs = []string{"http://localhost:9090/"}
	p := newProvider(t, cfg, opt)
	opt.APIs[0], cfg.Scopes[0] = "https://evil.example", "all"
	r := row("r")
	r.AccountsServer = ""
	if a, err := p.Audience(r); err != nil || a.BaseURL != "http://localhost:9090" {
		t.Errorf("%+v %v", a, err)
	}
	if a, err := p.Authorize(oauth.AuthorizeOptions{}); err != nil || strings.Contains(a.URL, "redirect_uri") || a.Scopes[0] != "orders.read" {
		t.Errorf("%v %v", a.Scopes, err)
	}
}

func TestLimits(t *testing.T) {
	opt := options(nil)
	opt.Rotation, opt.Grace, opt.SingleAccessToken = tokenkeep.RotationGrace, 20*time.Second, true
	opt.Mints, opt.Window = 5, time.Minute
	want := tokenkeep.Limits{Rotation: tokenkeep.RotationGrace, Grace: 20 * time.Second, SingleAccess: true, Mints: 5, Window: time.Minute}
	if got := newProvider(t, config(), opt).Limits(); got != want {
		t.Errorf("%+v", got)
	}
	if got := newProvider(t, config(), oauth.Options{}).Limits(); got != (tokenkeep.Limits{Rotation: tokenkeep.RotationNone}) {
		t.Errorf("%+v", got)
	}
}

// A Provider does not print the client's secret.
func TestProviderDoesNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		checkCanaries(t, verb, fmt.Sprintf(verb, newProvider(t, config(), options(nil))), spellings(config().ClientSecret))
	}
}
