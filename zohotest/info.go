package zohotest

import (
	"net/http"
	"strings"
)

// serverInfo serves GET /oauth/serverinfo (observed).
func (f *Fake) serverInfo(*call) answer {
	return jsonAnswer(http.StatusOK, map[string]any{"result": "success", "locations": f.locations()})
}

// userInfo serves GET /oauth/user/info (observed); the errors' bodies are assumed.
func (f *Fake) userInfo(c *call) answer {
	a, u, ok := f.tokenOf(c)
	if !ok {
		return c.crmError(http.StatusUnauthorized, "INVALID_TOKEN", "invalid oauth token", nil)
	}
	if !(need{"AaaServer.profile", "READ"}).metBy(a.scopes) {
		return c.crmError(http.StatusUnauthorized, "OAUTH_SCOPE_MISMATCH", "Unauthorized", nil)
	}
	return jsonAnswer(http.StatusOK, map[string]string{
		"Email": u.Email, "First_Name": u.First, "Last_Name": u.Last,
		"Display_Name": u.fullName(), "ZUID": u.ZUID,
	})
}

func (u User) fullName() string { return strings.TrimSpace(u.First + " " + u.Last) }

// tokenOf finds the live token and the user of a call to an accounts server,
// which takes Bearer too.
func (f *Fake) tokenOf(c *call) (accessToken, User, bool) {
	scheme, token, _ := strings.Cut(c.header.Get("Authorization"), " ")
	if scheme != "Zoho-oauthtoken" && scheme != "Bearer" {
		return accessToken{}, User{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.book.access[token]
	if a == nil || !a.goodAt(f.now()) || a.dc != c.dc {
		return accessToken{}, User{}, false
	}
	return *a, f.book.users[a.email], true
}
