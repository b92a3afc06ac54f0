package zohotest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An authRequest is a checked request to the authorize page.
type authRequest struct {
	client    Client
	dc        string // where it started
	state     string
	hasState  bool
	loginHint string
	options   GrantOptions
}

// A pendingConsent waits for the user to press a button.
type pendingConsent struct {
	authRequest
	expires time.Time
}

// authorize serves GET /oauth/v2/auth (Zoho Accounts docs, Authorization code).
// What is wrong with a request is shown to the user, never redirected.
func (f *Fake) authorize(c *call) answer {
	req, title, text := f.checkAuth(c)
	if title != "" {
		c.outcome = title
		return c.htmlError(f.opts.HTMLErrorStatus, title, text)
	}
	if u, ok := f.autoApprover(req); ok {
		return f.approve(c, req, u)
	}
	return f.consentPage(c, req)
}

func (f *Fake) checkAuth(c *call) (req authRequest, title, text string) {
	f.mu.Lock()
	cl, ok := f.book.clients[c.query.Get("client_id")]
	f.mu.Unlock()
	if !ok || !cl.enabledIn(c.dc) {
		return req, "Invalid Client", "The transmitted client ID does not exist."
	}
	if !slices.Contains(cl.RedirectURIs, c.query.Get("redirect_uri")) {
		return req, "Invalid Redirect Uri", "The redirect URI does not match the registered one."
	}
	if c.query.Get("response_type") != "code" {
		return req, "Invalid response type", "The response type is missing or not supported."
	}
	scopes := splitScopes(c.query.Get("scope"))
	if len(scopes) == 0 || !f.knowsScopes(scopes) {
		return req, "Invalid OAuth Scope", "Scope does not exist."
	}
	if badState(c.query.Get("state")) {
		return req, "Invalid Request", "The request could not be processed."
	}
	return newAuthRequest(c, cl, scopes), "", ""
}

// badState reports a pipe, raw or encoded, even twice: Zoho's page fails on it
// (Zoho community, "OAuth 2.0 state parameter fails with pipe delimiters").
func badState(state string) bool {
	return strings.Contains(state, "|") || strings.Contains(strings.ToLower(state), "%7c")
}

func newAuthRequest(c *call, cl Client, scopes []string) authRequest {
	q := c.query
	return authRequest{
		client: cl, dc: c.dc, state: q.Get("state"), hasState: q.Has("state"),
		loginHint: q.Get("login_hint"),
		options: GrantOptions{
			Scopes: scopes, RedirectURI: q.Get("redirect_uri"),
			Offline:             q.Get("access_type") == "offline",
			PromptConsent:       slices.Contains(splitScopes(q.Get("prompt")), "consent"),
			CodeChallenge:       q.Get("code_challenge"),
			CodeChallengeMethod: q.Get("code_challenge_method"),
		},
	}
}

// autoApprover is the user who consents without the page: login_hint (a habit
// of the fake, not of Zoho's), else Options.AutoApprove.
func (f *Fake) autoApprover(req authRequest) (User, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u, ok := f.book.users[userKey(req.loginHint)]; ok {
		return u, true
	}
	u, ok := f.book.users[userKey(f.autoApprove)]
	return u, ok
}

// approve ends a consent with a code, at the user's data centre.
func (f *Fake) approve(c *call, req authRequest, u User) answer {
	if !mayStartAt(req.dc, u.DC) || !f.hasDC(u.DC) {
		c.outcome = "wrong_dc"
		return c.htmlError(f.opts.HTMLErrorStatus, "Invalid User",
			"This account does not exist in this data centre.")
	}
	code, err := f.codeFor(req, u)
	if err != nil {
		return f.deny(c, req)
	}
	if f.opts.Profile != nil {
		return redirect(req.callback("code=" + url.QueryEscape(code)))
	}
	back := url.QueryEscape(code) + "&location=" + u.DC +
		"&accounts-server=" + url.QueryEscape(f.AccountsURL(u.DC)) + "&"
	return redirect(req.callback("code=" + back))
}

func (f *Fake) codeFor(req authRequest, u User) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	code, err := f.book.issueCode(req.client, u, req.options, f.now())
	if err != nil {
		f.tally.CodeThrottles++
		return "", err
	}
	return code.code, nil
}

// mayStartAt says whether Zoho leads a user from one data centre to another: all
// but China, which stands alone (Zoho CRM docs, Multi-DC).
func mayStartAt(start, home string) bool { return (start == "cn") == (home == "cn") }

// deny redirects with access_denied: the user said no, or there were too many codes.
func (f *Fake) deny(c *call, req authRequest) answer {
	c.outcome = "access_denied"
	return redirect(req.callback("error=access_denied"))
}

// callback appends a result to the redirect URI, the state first.
func (r authRequest) callback(result string) string {
	if r.hasState {
		result = "state=" + url.QueryEscape(r.state) + "&" + result
	}
	sep := "?"
	if strings.Contains(r.options.RedirectURI, "?") {
		sep = "&"
	}
	return r.options.RedirectURI + sep + result
}

// consent serves the buttons of the consent page.
func (f *Fake) consent(c *call) answer {
	if c.method != http.MethodPost {
		return c.serverError()
	}
	req, u, ok := f.takePending(c.param("request"), c.param("email"))
	if !ok {
		return c.htmlError(http.StatusBadRequest, "Invalid Request", "This consent page has expired.")
	}
	if c.param("decision") != "accept" {
		return f.deny(c, req)
	}
	req.options.Env = c.param("env")
	return f.approve(c, req, u)
}

func (f *Fake) takePending(id, email string) (authRequest, User, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.book.pending[id]
	u, known := f.book.users[userKey(email)]
	if p == nil || !known || !f.now().Before(p.expires) {
		return authRequest{}, User{}, false
	}
	delete(f.book.pending, id)
	return p.authRequest, u, true
}
