package zoho

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// defaultTimeout bounds one request.
const defaultTimeout = 15 * time.Second

// A Config describes one client app as it is registered in Zoho's API console.
type Config struct {
	// ClientID is the client's id. Required.
	ClientID string
	// ClientSecrets are the client's secrets, the current one first. The next is
	// tried when Zoho answers invalid_client_secret, so a secret can be changed
	// while programs run. The one that worked is remembered in memory.
	ClientSecrets []tokenkeep.Secret
	// SecretsByDC holds the secrets of data centres that have one of their own,
	// by code; ClientSecrets are not tried there (Zoho Accounts docs, Multi-DC).
	SecretsByDC map[string][]tokenkeep.Secret
	// DataCentre is where logins start, and the one of tokens that do not say
	// theirs. Its Code alone is enough for a built-in one. Defaults to us.
	DataCentre DataCentre
	// DataCentres are trusted besides the built-in ones; see [Custom].
	DataCentres []DataCentre
	// Environment is that of tokens whose API domain is missing or names
	// production. Defaults to [Production].
	Environment Environment
	// RedirectURL is the redirect URI as it is registered, byte for byte.
	RedirectURL string
	// Scopes are asked for when a login does not name its own.
	Scopes []string
	// SaveClientSecret puts the client secret into tokens. One of Zoho's SDKs
	// that shares the store needs it there. Defaults to false.
	SaveClientSecret bool
	// Transport sends the requests. Defaults to a clone of
	// [http.DefaultTransport]. It must not retry.
	Transport http.RoundTripper
	// Timeout bounds each request. Defaults to 15 seconds.
	Timeout time.Duration
	// Logger gets warnings, without secrets. Defaults to none.
	Logger *slog.Logger
}

// A Provider speaks to Zoho's accounts servers for one client app. It
// implements [tokenkeep.Provider] and [tokenkeep.Identifier], and is safe for
// concurrent use. It holds no tokens.
type Provider struct {
	cfg    Config
	dc     DataCentre
	dcs    trusted
	log    *slog.Logger
	client *wire.Client
	worked remembered
}

var (
	_ tokenkeep.Provider   = (*Provider)(nil)
	_ tokenkeep.Identifier = (*Provider)(nil)
)

// New returns a Provider for cfg. It makes no request. The error is a
// [*tokenkeep.Error] of class Misconfigured that says which field is wrong.
func New(cfg Config) (*Provider, error) {
	cfg = cfg.clone()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &Provider{cfg: cfg, dcs: builtIn(), client: wire.NewClient(cfg.Transport)}
	if err := p.trust(); err != nil {
		return nil, err
	}
	p.log = cfg.Logger
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	return p, nil
}

// trust builds the list of trusted data centres and finds the home.
func (p *Provider) trust() error {
	for _, d := range p.cfg.DataCentres {
		d, err := d.normalised()
		if err != nil {
			return err
		}
		p.dcs = p.dcs.with(d)
	}
	home := p.cfg.DataCentre
	if home.Accounts == "" && home.API == "" {
		var err error
		p.dc, err = p.dcs.byCode(cmp.Or(home.Code, "us"))
		return err
	}
	var err error
	if p.dc, err = home.normalised(); err != nil {
		return err
	}
	p.dcs = p.dcs.with(p.dc)
	return nil
}

// clone copies what the caller could change later, and sets defaults.
func (c Config) clone() Config {
	c.ClientSecrets = slices.Clone(c.ClientSecrets)
	byDC := make(map[string][]tokenkeep.Secret, len(c.SecretsByDC))
	for code, secrets := range maps.All(c.SecretsByDC) {
		byDC[strings.ToLower(code)] = slices.Clone(secrets)
	}
	c.SecretsByDC = byDC
	c.Scopes = splitScopes(c.Scopes...)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	return c
}

func (c Config) validate() error {
	if c.ClientID == "" {
		return misconfigured("zoho config", "there is no client id", "create a client in Zoho's API console, https://api-console.zoho.com, and give its client id")
	}
	if hasBlank(c.ClientID) {
		return misconfigured("zoho config", "the client id contains a space, a newline or a control character", "copy it again without them")
	}
	if err := c.validateSecrets(); err != nil {
		return err
	}
	if c.RedirectURL != "" {
		if err := validRedirect(c.RedirectURL); err != nil {
			return err
		}
	}
	if !slices.Contains([]Environment{Production, Sandbox, Developer}, c.Environment) {
		return misconfigured("zoho config", fmt.Sprintf("unknown environment %q", string(c.Environment)), "use production (empty), sandbox or developer")
	}
	if c.Timeout < 0 {
		return misconfigured("zoho config", "the timeout is negative", "")
	}
	return nil
}

func (c Config) validateSecrets() error {
	for _, s := range c.secrets() {
		if s.IsZero() {
			return misconfigured("zoho config", "a client secret is empty", "leave it out, or give the value")
		}
		if hasBlank(s.Reveal()) {
			return misconfigured("zoho config", "a client secret contains a space, a newline or a control character", "copy it again without them; a file often ends with a newline")
		}
	}
	return nil
}

// secrets returns a list of all configured secrets.
func (c Config) secrets() []tokenkeep.Secret {
	all := slices.Clone(c.ClientSecrets)
	for _, secrets := range c.SecretsByDC {
		all = append(all, secrets...)
	}
	return all
}

func validRedirect(raw string) error {
	u, err := url.Parse(raw)
	if err == nil && !hasBlank(raw) && u.Host != "" && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http") {
		return nil
	}
	return misconfigured("zoho config", fmt.Sprintf("the redirect URL %q is not an absolute http or https URL without a fragment", clip(raw)),
		"give it exactly as it is registered in the API console")
}

// hasBlank reports whether s has a character that no id or secret has.
func hasBlank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// splitScopes returns the scopes in lists that commas or spaces separate.
func splitScopes(lists ...string) []string {
	var scopes []string
	for _, l := range lists {
		scopes = append(scopes, strings.FieldsFunc(l, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
	}
	return scopes
}

// Limits returns Zoho's quotas: see [Limits]. It makes no request.
func (p *Provider) Limits() tokenkeep.Limits { return Limits() }

// Limits returns Zoho's quotas, the same for every client.
//
//   - Refresh tokens are not rotated: the answer to a refresh carries none (Zoho
//     Accounts docs, Access token expiry).
//   - 10 access tokens per refresh token in 10 minutes (Zoho Accounts docs, Token
//     limits); then no more until the window ends.
//   - 15 live access tokens per refresh token (Zoho CRM v8 docs, Token validity;
//     the Accounts docs say 10, older product pages 30); the next kills the oldest.
//   - 20 refresh tokens (Zoho CRM v8 docs, Token validity: per user; other pages:
//     per user and client); the next kills the oldest.
func Limits() tokenkeep.Limits {
	return tokenkeep.Limits{
		Rotation:      tokenkeep.RotationNone,
		Mints:         10,
		Window:        10 * time.Minute,
		Live:          15,
		Life:          time.Hour,
		RefreshTokens: 20,
	}
}
