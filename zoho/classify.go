package zoho

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// window is Zoho's quota window: a throttle ends with it at the latest (Zoho
// Accounts docs, Token limits).
const window = 10 * time.Minute

// classify decides what an answer of a token endpoint means, in this order:
//
//  1. HTTP 5xx: transient, whatever the body says.
//  2. Not a JSON object: transient.
//  3. An access token: success.
//  4. status "failure", an error_description, or an error that is no code (Zoho
//     translates the throttle's texts): throttled.
//  5. A known code, with HTTP 200 or 400: what it means.
//  6. Anything else: transient.
//
// The error is nil for success.
func (q *question) classify(r *wire.Reply) (tokenAnswer, *tokenkeep.Error) {
	if r.Status >= 300 && r.Status < 400 {
		return tokenAnswer{}, q.transient(r, fmt.Sprintf("%s answered with a redirect (HTTP %d), which is not followed", r.Host, r.Status))
	}
	a, isJSON := parseTokenAnswer(r.Body)
	switch {
	case r.Status >= http.StatusInternalServerError:
		return a, q.transient(r, fmt.Sprintf("%s is failing (HTTP %d)", r.Host, r.Status))
	case !isJSON:
		return a, q.transient(r, fmt.Sprintf("%s answered something else than JSON (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	case a.access != "" && wire.WellFormed(a.access) && wire.WellFormed(a.refresh):
		return a, nil
	case a.access != "":
		return a, q.transient(r, r.Host+" answered a token that no header can carry")
	case a.throttled():
		return a, q.throttled(r, a)
	case r.Status == http.StatusBadRequest || r.Status/100 == 2:
		if err := q.known(r, a); err != nil {
			return a, err
		}
	}
	err := q.transient(r, fmt.Sprintf("%s answered neither a token nor a known error (HTTP %d)%s", r.Host, r.Status, r.Quote()))
	err.Code = r.Scrub.Excerpt([]byte(a.code))
	err.Unknown = err.Unknown && a.code == "" // an error was answered: nothing was minted
	return a, err
}

// throttled reports whether the answer has the throttle's shape.
func (a tokenAnswer) throttled() bool {
	return a.status == "failure" || a.description != "" || !isCode(a.code)
}

// isCode reports whether s is a machine's word, or empty.
func isCode(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// transient returns the error for an answer that says nothing about the login.
// A success that was not understood may have minted a token.
func (q *question) transient(r *wire.Reply, reason string) *tokenkeep.Error {
	hint := "try again later; the stored login is intact"
	if q.grant == grantCode {
		hint = "the code may be spent; " + startAgain
	}
	return &tokenkeep.Error{
		Class: tokenkeep.RetryLater, Op: q.op, Reason: reason, Hint: hint,
		Until:   r.RetryAfter(time.Now(), window),
		Unknown: r.Status/100 == 2,
	}
}

func (q *question) throttled(r *wire.Reply, a tokenAnswer) *tokenkeep.Error {
	until := r.RetryAfter(time.Now(), window)
	if until.IsZero() {
		until = time.Now().Add(window)
	}
	return &tokenkeep.Error{
		Class: tokenkeep.Throttled, Op: q.op, Code: r.Scrub.Excerpt([]byte(a.code)), Until: until,
		Reason: fmt.Sprintf("%s makes no more tokens for now (HTTP %d): more than 10 in 10 minutes were asked for", r.Host, r.Status),
		Hint:   "wait until the window ends; more requests may lengthen it. Find what else mints tokens for this user and client",
	}
}
