package oauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// Audience says where t may be sent: as a bearer token to the hosts of
// [Options].APIs. A row of another client or authorization server is a
// Misconfigured error. It makes no request.
func (p *Provider) Audience(t *tokenkeep.Token) (tokenkeep.Audience, error) {
	a := tokenkeep.Audience{Scheme: "Bearer"}
	if err := p.belongs("audience", t); err != nil {
		return a, err
	}
	if len(p.opt.APIs) == 0 {
		return a, misconfigured("audience", "no API is configured that the token may be sent to", "set Options.APIs")
	}
	a.BaseURL, a.Hosts = p.opt.APIs[0], slices.Clone(p.hosts)
	return a, nil
}

var _ tokenkeep.Refuser = (*Provider)(nil)

// Refused implements [tokenkeep.Refuser]: a 401 answer means that the access token is
// not valid, unless its WWW-Authenticate header names another error (RFC 6750, 3.1),
// such as insufficient_scope, which no new token heals.
func (p *Provider) Refused(h http.Header, _ []byte) bool {
	challenge := strings.ToLower(strings.Join(h.Values("WWW-Authenticate"), ","))
	_, code, found := strings.Cut(challenge, "error=")
	return !found || strings.HasPrefix(strings.Trim(code, `"`), "invalid_token")
}
