package oauth

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// defaultTimeout bounds one request.
const defaultTimeout = 15 * time.Second

// Options are what an [oauth2.Config] does not say. The zero value is ready for a
// provider that does not rotate refresh tokens.
type Options struct {
	// APIs are the base URLs that access tokens may be sent to, all https, or all
	// http on loopback. Requests of [tokenkeep.Session.Client] without a host go to
	// the first. Without any, that client sends nothing, and the token can be had by
	// [tokenkeep.Session.Token] alone.
	APIs []string
	// Rotation is what the provider does with a refresh token that was used.
	// Defaults to [tokenkeep.RotationNone].
	Rotation tokenkeep.Rotation
	// Grace is how long a refresh token works after its first use; required for
	// [tokenkeep.RotationGrace].
	Grace time.Duration
	// SingleAccessToken says that a new access token of a login kills the one
	// before. Defaults to false.
	SingleAccessToken bool
	// Mints is how many access tokens may be asked for with one refresh token within
	// Window. Defaults to no limit.
	Mints  int
	Window time.Duration
	// Life is how long an access token lives whose answer does not say. Defaults to
	// nobody knows: it is used until the API refuses it.
	Life time.Duration
	// RevokeURL is the revocation endpoint (RFC 7009). Leave it empty where
	// revoking one token ends every login of the user, the new one included (Google).
	// Without it Revoke is an error, and [tokenkeep.Keeper.Logout] too:
	// [tokenkeep.Keeper.Delete] ends a login here.
	RevokeURL string
	// AuthParams are added to the authorize URL, such as access_type=offline and
	// prompt=consent for a refresh token of Google's, or audience for Auth0.
	AuthParams url.Values
	// Transport sends the requests. Defaults to a clone of
	// [http.DefaultTransport]. It must not retry.
	Transport http.RoundTripper
	// Timeout bounds each request. Defaults to 15 seconds, and to a third of Grace if
	// that is less: a request that hangs is asked for again within the grace.
	Timeout time.Duration
	// Logger gets warnings, without secrets. Defaults to none.
	Logger *slog.Logger
}

// A Provider speaks to one authorization server for one client. It implements
// [tokenkeep.Provider] and is safe for concurrent use. It holds no tokens.
type Provider struct {
	cfg    oauth2.Config
	opt    Options
	server string // base of the token endpoint
	hosts  []string
	secret tokenkeep.Secret
	client *wire.Client
	log    *slog.Logger
}

var _ tokenkeep.Provider = (*Provider)(nil)

// New returns a Provider for the client that cfg describes. ClientID and
// Endpoint.TokenURL are required, AuthURL and RedirectURL for logins in a browser.
// Endpoint.AuthStyle is [oauth2.AuthStyleInHeader] unless it says otherwise;
// DeviceAuthURL is not used. It makes no request. The error is a
// [*tokenkeep.Error] of class Misconfigured that says which field is wrong.
func New(cfg oauth2.Config, opt Options) (*Provider, error) {
	cfg.Scopes = slices.Clone(cfg.Scopes)
	opt.APIs, opt.AuthParams = slices.Clone(opt.APIs), maps.Clone(opt.AuthParams)
	opt.Timeout = cmp.Or(opt.Timeout, usualTimeout(opt.Grace))
	opt.Rotation = cmp.Or(opt.Rotation, tokenkeep.RotationNone)
	p := &Provider{cfg: cfg, opt: opt, secret: tokenkeep.NewSecret(cfg.ClientSecret), log: opt.Logger}
	p.cfg.ClientSecret = "" // printed by %+v
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	for _, check := range []func() error{p.checkClient, p.checkURLs, p.checkAPIs, p.checkPolicy} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	p.client = wire.NewClient(opt.Transport)
	return p, nil
}

// usualTimeout leaves time within the grace, if there is one, to ask again.
func usualTimeout(grace time.Duration) time.Duration {
	if grace > 0 {
		return min(defaultTimeout, grace/3)
	}
	return defaultTimeout
}

func (p *Provider) checkClient() error {
	switch {
	case p.cfg.ClientID == "":
		return badConfig("there is no client id", "give the id under which the client is registered")
	case hasBlank(p.cfg.ClientID):
		return badConfig("the client id contains a space, a newline or a control character", "copy it again without them")
	case hasBlank(p.secret.Reveal()):
		return badConfig("the client secret contains a space, a newline or a control character", "copy it again without them; a file often ends with a newline")
	case p.cfg.Endpoint.AuthStyle < oauth2.AuthStyleAutoDetect || p.cfg.Endpoint.AuthStyle > oauth2.AuthStyleInHeader:
		return badConfig(fmt.Sprintf("unknown auth style %d", p.cfg.Endpoint.AuthStyle), "use oauth2.AuthStyleInHeader or oauth2.AuthStyleInParams")
	case p.opt.Timeout < 0:
		return badConfig("the timeout is negative", "")
	}
	return nil
}

func (p *Provider) checkURLs() error {
	if p.cfg.Endpoint.TokenURL == "" {
		return badConfig("there is no token URL", "set Endpoint.TokenURL")
	}
	for name, raw := range map[string]string{
		"token URL": p.cfg.Endpoint.TokenURL, "authorize URL": p.cfg.Endpoint.AuthURL, "revocation URL": p.opt.RevokeURL,
	} {
		if _, err := safeURL(raw); err != nil && raw != "" {
			return badConfig(fmt.Sprintf("the %s %q %v", name, clip(raw), err), "")
		}
	}
	if u, err := url.Parse(p.cfg.RedirectURL); err != nil || hasBlank(p.cfg.RedirectURL) || u.Fragment != "" || p.cfg.RedirectURL != "" && u.Scheme == "" {
		return badConfig(fmt.Sprintf("the redirect URL %q is not an absolute URL without a fragment", clip(p.cfg.RedirectURL)), "give it exactly as it is registered")
	}
	u, err := safeURL(p.cfg.Endpoint.TokenURL)
	if err != nil {
		return err
	}
	p.server = u.Scheme + "://" + hostOf(u)
	return nil
}

func (p *Provider) checkAPIs() error {
	for i, raw := range p.opt.APIs {
		u, err := safeURL(raw)
		if err == nil && u.RawQuery != "" {
			err = fmt.Errorf("has a query")
		}
		if err != nil {
			return badConfig(fmt.Sprintf("the API URL %q %v", clip(raw), err), "give a base URL, such as https://api.example.com")
		}
		if first := p.opt.APIs[0]; !strings.HasPrefix(first, u.Scheme+":") {
			return badConfig("some API URLs are https and some http", "give all of one kind")
		}
		p.opt.APIs[i] = strings.TrimRight(u.String(), "/")
		p.hosts = append(p.hosts, hostOf(u))
	}
	return nil
}

func (p *Provider) checkPolicy() error {
	known := []tokenkeep.Rotation{tokenkeep.RotationNone, tokenkeep.RotationGrace, tokenkeep.RotationStrict}
	switch {
	case !slices.Contains(known, p.opt.Rotation):
		return badConfig(fmt.Sprintf("unknown rotation %q", p.opt.Rotation), "use none, grace or rotating")
	case (p.opt.Rotation == tokenkeep.RotationGrace) != (p.opt.Grace > 0):
		return badConfig("a grace goes with the rotation grace, and only with it", "set both Rotation and Grace, or neither")
	case p.opt.Mints < 0 || (p.opt.Mints > 0) != (p.opt.Window > 0):
		return badConfig("a number of mints goes with a window, and both are positive", "set both Mints and Window, or neither")
	case p.opt.Life < 0:
		return badConfig("the life of access tokens is negative", "")
	}
	return nil
}

// Limits returns what [Options] say of the provider. It makes no request.
func (p *Provider) Limits() tokenkeep.Limits {
	return tokenkeep.Limits{
		Rotation: p.opt.Rotation, Grace: p.opt.Grace, SingleAccess: p.opt.SingleAccessToken,
		Mints: p.opt.Mints, Window: p.opt.Window,
	}
}

// ClientID returns the configured client id.
func (p *Provider) ClientID() string { return p.cfg.ClientID }

// safeURL returns raw parsed if secrets may be sent there.
func safeURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || hasBlank(raw) || u.Host == "":
		return nil, fmt.Errorf("is not an absolute URL")
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("has a user or a fragment")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("is neither https nor http on loopback")
}

// hostOf returns u's host, with the port unless it is the scheme's own.
func hostOf(u *url.URL) string {
	own := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return strings.TrimSuffix(strings.ToLower(u.Host), own)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hasBlank reports whether s has a character that no id, secret or URL has.
func hasBlank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// clip cuts text from outside to a length that fits into a message.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func badConfig(reason, hint string) error { return misconfigured("oauth config", reason, hint) }

func misconfigured(op, reason, hint string) *tokenkeep.Error {
	return &tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: op, Reason: reason, Hint: hint}
}
