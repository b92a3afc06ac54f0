package oauth

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// longestWait caps Retry-After.
const longestWait = 15 * time.Minute

// An answer is a success of the token endpoint.
type answer struct {
	access, refresh string
	fields          wire.Object
	reply           *wire.Reply
}

// classify decides what an answer of the token endpoint means, in this order:
//
//  1. A redirect, HTTP 429 or HTTP 5xx: transient, whatever the body says.
//  2. Not a JSON object: transient.
//  3. An error code, with any other status (some servers answer errors with 200):
//     what it means, or transient if it means nothing.
//  4. HTTP 2xx with a usable access token: success.
//  5. Anything else: transient.
func (p *Provider) classify(op, grant string, r *wire.Reply) (*answer, error) {
	o, isJSON := wire.ParseObject(r.Body)
	code := o.Text("error")
	switch {
	case r.Status >= 300 && r.Status < 400:
		return nil, transient(op, grant, r, fmt.Sprintf("%s answered with a redirect (HTTP %d), which is not followed", r.Host, r.Status))
	case r.Status == http.StatusTooManyRequests:
		return nil, transient(op, grant, r, r.Host+" takes no more requests for now (HTTP 429)")
	case r.Status >= http.StatusInternalServerError:
		return nil, transient(op, grant, r, fmt.Sprintf("%s is failing (HTTP %d)", r.Host, r.Status))
	case !isJSON:
		return nil, transient(op, grant, r, fmt.Sprintf("%s answered something else than JSON (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	case code != "":
		return nil, p.known(op, grant, r, code, o.Text("error_description"))
	}
	a := &answer{access: o.Text("access_token"), refresh: o.Text("refresh_token"), fields: o, reply: r}
	switch {
	case r.Status/100 != 2 || a.access == "":
		return nil, transient(op, grant, r, fmt.Sprintf("%s answered neither a token nor an error (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	case !wire.WellFormed(a.access) || !wire.WellFormed(a.refresh):
		return nil, transient(op, grant, r, r.Host+" answered a token that no header can carry")
	}
	return a, nil
}

// transient returns the error for an answer that says nothing about the login. A
// success that was not understood may have spent the refresh token, and so may the
// server behind a gateway that answered in its place.
func transient(op, grant string, r *wire.Reply, reason string) *tokenkeep.Error {
	hint := "try again later; the stored login is intact"
	if grant == grantCode {
		hint = "the code may be spent; " + startAgain
	}
	return &tokenkeep.Error{
		Class: tokenkeep.RetryLater, Op: op, Reason: reason, Hint: hint, Until: r.RetryAfter(time.Now(), longestWait),
		Unknown: r.Status/100 == 2 || r.Status == http.StatusBadGateway || r.Status == http.StatusGatewayTimeout,
	}
}

// known returns the error that a code means. The server refused: nothing was spent.
func (p *Provider) known(op, grant string, r *wire.Reply, code, description string) error {
	e := &tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: op, Code: r.Scrub.Excerpt([]byte(code))}
	switch code {
	case "invalid_grant", "interaction_required", "login_required", "consent_required":
		e.Class = tokenkeep.NeedsLogin
		e.Reason, e.Hint = deadGrant(grant, r.Host)
	case "invalid_client":
		e.Reason = fmt.Sprintf("%s refuses the id or the secret of the client %q", r.Host, clip(p.cfg.ClientID))
		e.Hint = "check both, and whether the provider wants them in a Basic header or in the form (Endpoint.AuthStyle)"
	case "unauthorized_client", "unsupported_grant_type":
		e.Reason = fmt.Sprintf("the client %q may not use the grant %s at %s", clip(p.cfg.ClientID), grant, r.Host)
		e.Hint = "switch it on for the client at the provider"
	case "invalid_scope":
		e.Reason, e.Hint = r.Host+" does not know one of the scopes, or does not give it to this client", "check the spelling of each"
	case "invalid_request":
		e.Reason, e.Hint = r.Host+" does not understand the request", "check the token URL, and the redirect URL as it is registered"
	default:
		e = transient(op, grant, r, fmt.Sprintf("%s refused (HTTP %d)", r.Host, r.Status))
		e.Code, e.Unknown = r.Scrub.Excerpt([]byte(code)), false
	}
	e.Reason += " (" + strings.Join(nonEmpty(e.Code, r.Scrub.Excerpt([]byte(description))), ": ") + ")"
	return e
}

// deadGrant tells of a code or a refresh token that the server does not take.
func deadGrant(grant, host string) (reason, hint string) {
	if grant == grantCode {
		return host + " does not accept the code: it was used already, has expired, or belongs to another client or redirect URL",
			"codes work once and for a short time; " + startAgain
	}
	return host + " does not accept the refresh token any more",
		"log in again. The causes there are: it was revoked, has expired, was used by somebody else, or belongs to another client"
}

func nonEmpty(list ...string) []string {
	var some []string
	for _, s := range list {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}
