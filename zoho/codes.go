package zoho

import (
	"fmt"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// The error codes of Zoho's token endpoints that mean something of their own.
const (
	codeInvalidCode     = "invalid_code"
	codeInvalidGrant    = "invalid_grant" // RFC 6749; not in Zoho's docs
	codeInvalidClient   = "invalid_client"
	codeInvalidSecret   = "invalid_client_secret"
	codeInvalidRedirect = "invalid_redirect_uri"
	codeInvalidScope    = "invalid_scope"
	codeMissingOrg      = "missing_org_info"
	codeAccessDenied    = "access_denied"
	codePending         = "authorization_pending"
	codeSlowDown        = "slow_down"
	codeExpired         = "expired"
	codeOtherDC         = "other_dc"
	// codeStateMismatch and codeNoRefreshToken are ours.
	codeStateMismatch  = "state_mismatch"
	codeNoRefreshToken = "no_refresh_token"
)

// startAgain ends the hints of failed logins.
const startAgain = "start the login again: tokenkeep login"

// known returns the error that a known code means, and nil for other codes.
func (q *question) known(r *wire.Reply, a tokenAnswer) *tokenkeep.Error {
	e := &tokenkeep.Error{Class: tokenkeep.Misconfigured, Op: q.op, Code: a.code}
	switch a.code {
	case codeInvalidCode, codeInvalidGrant:
		q.invalidCode(e, r)
	case codeInvalidClient:
		e.Reason = fmt.Sprintf("client %s is not known at %s", clientName(q.who.id), r.Host)
		e.Hint = fmt.Sprintf("check the client id, that the user's data centre is %s, and that the client is switched on for it (API console, Settings, Multi-DC); `tokenkeep doctor` tells more", q.dc.Code)
	case codeInvalidSecret:
		e.Reason = fmt.Sprintf("%s refuses the client secret of client %s", r.Host, clientName(q.who.id))
		e.Hint = fmt.Sprintf("copy the secret again from the API console; a client can have a secret of its own for data centre %s", q.dc.Code)
	case codeInvalidRedirect:
		e.Reason = fmt.Sprintf("%s does not know the redirect URI %q for client %s", r.Host, q.redirect, clientName(q.who.id))
		e.Hint = "register exactly that in the API console: it is compared byte for byte, with http or https, 127.0.0.1 or localhost, the port, and the slash at the end"
	case codeInvalidScope:
		e.Reason = r.Host + " does not know one of the scopes"
		e.Hint = "check the spelling of each, such as ZohoCRM.modules.ALL"
	case codeMissingOrg:
		e.Reason = r.Host + " wants to know the organisation"
		e.Hint = "log in with a code or a refresh token instead"
	case codeAccessDenied:
		q.accessDenied(e, r)
	default:
		return nil
	}
	return e
}

// invalidCode is Zoho's answer for dead codes and for dead refresh tokens.
func (q *question) invalidCode(e *tokenkeep.Error, r *wire.Reply) {
	e.Class = tokenkeep.NeedsLogin
	if q.grant == grantRefresh {
		e.Reason = fmt.Sprintf("%s does not accept the refresh token any more (%s)", r.Host, e.Code)
		e.Hint = "log in again: tokenkeep login. The causes there are: the user removed the app (Zoho account, Connected apps); " +
			"the token was revoked; a 21st login of the same user and client pushed it out; the password was changed with " +
			"\"terminate API tokens\"; the client was deleted or the token belongs to another client or data centre"
		return
	}
	e.Reason = fmt.Sprintf("%s does not accept the code (%s): it was used already, has expired, or belongs to another client or data centre", r.Host, e.Code)
	e.Hint = "codes work once and for about two minutes; " + startAgain
}

// accessDenied means that the user said no, or that more than 10 codes were made
// in 10 minutes (Zoho CRM v8 docs, Token validity). It is not the end of a
// login that exists.
func (q *question) accessDenied(e *tokenkeep.Error, r *wire.Reply) {
	if q.grant == grantRefresh {
		e.Class, e.Reason = tokenkeep.RetryLater, r.Host+" denies access for now"
		e.Hint = "try again later; the stored login is intact"
		return
	}
	*e = *deniedError(q.op)
}

func deniedError(op string) *tokenkeep.Error {
	return &tokenkeep.Error{
		Class: tokenkeep.NeedsLogin, Op: op, Code: codeAccessDenied,
		Reason: "access was denied: the user said no, or the client made more than 10 codes in 10 minutes",
		Hint:   startAgain + ", and accept; after many attempts wait 10 minutes first",
	}
}

// clientName shortens a client id for messages.
func clientName(id string) string {
	const most = 9
	if len(id) > most {
		return id[:most] + "…"
	}
	return id
}
