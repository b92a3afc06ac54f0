package zoho_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// throttle is Zoho's answer, word for word.
const throttle = `{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}`

func row() *tokenkeep.Token {
	return &tokenkeep.Token{
		ClientID: clientID, RefreshToken: secret("1000.canaryrefresh.0123456789"), RedirectURL: redirectURL,
		AccountsServer: "https://accounts.zoho.eu", APIDomain: "https://www.zohoapis.eu",
	}
}

func grant() *tokenkeep.Grant {
	return &tokenkeep.Grant{
		Code: secret("1000.canarycode.0123456789"), Verifier: secret("canaryverifier"), RedirectURL: redirectURL,
		AccountsServer: "https://accounts.zoho.eu", Location: "eu",
	}
}

// An answerCase is an answer of the token endpoint and what it means.
type answerCase struct {
	name    string
	status  int
	body    string
	class   tokenkeep.Class // of a refresh
	onLogin tokenkeep.Class // of a code; empty: the same
	code    string
	unknown bool
	says    []string
}

func answerCases() []answerCase {
	const retry, config, login = tokenkeep.RetryLater, tokenkeep.Misconfigured, tokenkeep.NeedsLogin
	return []answerCase{
		{name: "invalid_code", status: 200, body: `{"error":"invalid_code"}`, class: login, code: "invalid_code", says: []string{"accounts.zoho.eu", "tokenkeep login"}},
		{name: "invalid_code 400", status: 400, body: `{"error":"invalid_code"}`, class: login, code: "invalid_code"},
		{name: "invalid_grant", status: 200, body: `{"error":"invalid_grant"}`, class: login, code: "invalid_grant"},
		{name: "invalid_client", status: 200, body: `{"error":"invalid_client"}`, class: config, code: "invalid_client", says: []string{"accounts.zoho.eu", "1000.APPA…", "Multi-DC"}},
		{name: "invalid_client_secret", status: 200, body: `{"error":"invalid_client_secret"}`, class: config, code: "invalid_client_secret", says: []string{"accounts.zoho.eu", "client secret"}},
		{name: "invalid_redirect_uri", status: 200, body: `{"error":"invalid_redirect_uri"}`, class: config, code: "invalid_redirect_uri", says: []string{`"https://app.example/callback"`, "byte for byte"}},
		{name: "invalid_scope", status: 200, body: `{"error":"invalid_scope"}`, class: config, code: "invalid_scope", says: []string{"scope"}},
		{name: "missing_org_info", status: 200, body: `{"error":"missing_org_info"}`, class: config, code: "missing_org_info"},
		{name: "access_denied", status: 200, body: `{"error":"access_denied"}`, class: retry, onLogin: login, code: "access_denied"},
		{name: "general_error", status: 200, body: `{"error":"general_error"}`, class: retry, code: "general_error"},
		{name: "unknown code", status: 400, body: `{"error":"brand_new"}`, class: retry, code: "brand_new"},
		{name: "wrong method", status: 400, body: `<html>server error</html>`, class: retry},
		{name: "throttle", status: 400, body: throttle, class: tokenkeep.Throttled, code: "Access Denied", says: []string{"10 in 10 minutes"}},
		{name: "throttle 200", status: 200, body: throttle, class: tokenkeep.Throttled},
		{name: "throttle in Chinese", status: 400, body: `{"error_description":"您连续发出了太多请求。","error":"拒绝访问","status":"failure"}`, class: tokenkeep.Throttled, code: "拒绝访问"},
		{name: "throttle by status alone", status: 400, body: `{"error":"x","status":"failure"}`, class: tokenkeep.Throttled},
		{name: "throttle by description alone", status: 400, body: `{"error":"x","error_description":"y"}`, class: tokenkeep.Throttled},
		{name: "throttle by text alone", status: 400, body: `{"error":"Access Denied"}`, class: tokenkeep.Throttled},
		{name: "empty object", status: 200, body: `{}`, class: retry, unknown: true},
		{name: "null token", status: 200, body: `{"access_token":null}`, class: retry, unknown: true},
		{name: "empty token", status: 200, body: `{"access_token":""}`, class: retry, unknown: true},
		{name: "object as token", status: 200, body: `{"access_token":{"a":"b"}}`, class: retry, unknown: true},
		{name: "token with a line", status: 200, body: `{"access_token":"a\r\nb","refresh_token":"r"}`, class: retry, unknown: true},
		{name: "other case", status: 200, body: `{"Access_Token":"a"}`, class: retry, unknown: true},
		{name: "no body", status: 200, body: ``, class: retry, unknown: true, says: []string{"empty body"}},
		{name: "maintenance page", status: 200, body: `<html><title>Maintenance</title></html>`, class: retry, unknown: true, says: []string{"Maintenance"}},
		{name: "list", status: 200, body: `[{"access_token":"a"}]`, class: retry, unknown: true},
		{name: "cut short", status: 200, body: `{"access_token":"1000.abc.`, class: retry, unknown: true, says: []string{"cut short"}},
		{name: "two objects", status: 200, body: `{"access_token":"a"}{"error":"x"}`, class: retry, unknown: true},
		{name: "500", status: 500, body: `<html>`, class: retry},
		{name: "503 with invalid_code", status: 503, body: `{"error":"invalid_code"}`, class: retry},
		{name: "502 with a token", status: 502, body: `{"access_token":"a","refresh_token":"r"}`, class: retry},
		{name: "500 throttle", status: 500, body: throttle, class: retry},
		{name: "404 with invalid_code", status: 404, body: `{"error":"invalid_code"}`, class: retry, code: "invalid_code"},
		{name: "403 page", status: 403, body: `<html>blocked</html>`, class: retry},
		{name: "redirect", status: 302, body: ``, class: retry, says: []string{"redirect"}},
		{name: "redirect with a token", status: 307, body: `{"access_token":"a","refresh_token":"r"}`, class: retry},
	}
}

func TestAnswersToRefresh(t *testing.T) {
	for _, c := range answerCases() {
		t.Run(c.name, func(t *testing.T) {
			s := &stub{status: c.status, body: c.body}
			_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
			checkAnswer(t, c, c.class, err)
			if len(s.requests()) != 1 {
				t.Errorf("%d requests", len(s.requests()))
			}
		})
	}
}

func TestAnswersToExchange(t *testing.T) {
	for _, c := range answerCases() {
		t.Run(c.name, func(t *testing.T) {
			s := &stub{status: c.status, body: c.body}
			_, err := newProvider(t, config(s)).Exchange(t.Context(), grant())
			class := c.onLogin
			if class == "" {
				class = c.class
			}
			checkAnswer(t, c, class, err)
			if len(s.requests()) != 1 {
				t.Errorf("%d requests", len(s.requests()))
			}
		})
	}
}

func checkAnswer(t *testing.T, c answerCase, class tokenkeep.Class, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	e := wantClass(t, err, class)
	if c.code != "" && e.Code != c.code {
		t.Errorf("code %q, want %q", e.Code, c.code)
	}
	if e.Unknown != c.unknown {
		t.Errorf("Unknown = %v: %v", e.Unknown, err)
	}
	if e.Hint == "" || e.Reason == "" || e.Op == "" {
		t.Errorf("something is missing: %#v", e)
	}
	if until := time.Until(e.Until); class == tokenkeep.Throttled && (until < 9*time.Minute || until > 10*time.Minute) {
		t.Errorf("throttled for %v", until)
	}
	wantText(t, err.Error(), c.says...)
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		header   string
		status   int
		min, max time.Duration
	}{
		{"60", 503, 50 * time.Second, time.Minute},
		{"3600", 503, 9 * time.Minute, 10 * time.Minute},
		{time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat), 503, time.Minute, 2 * time.Minute},
		{time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 429, 9 * time.Minute, 10 * time.Minute},
	} {
		s := &stub{status: c.status, header: http.Header{"Retry-After": {c.header}}}
		_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
		if d := time.Until(wantClass(t, err, tokenkeep.RetryLater).Until); d < c.min || d > c.max {
			t.Errorf("Retry-After %q: %v", c.header, d)
		}
	}
	for _, header := range []string{"", "0", "-5", "soon", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		s := &stub{status: 503, header: http.Header{"Retry-After": {header}}}
		_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
		if e := wantClass(t, err, tokenkeep.RetryLater); !e.Until.IsZero() {
			t.Errorf("Retry-After %q: until %v", header, e.Until)
		}
	}
}

// The beginning of a strange body helps; a token in it must not be seen.
func TestStrangeBodyIsCutAndScrubbed(t *testing.T) {
	body := "<p>sorry 1000.abc.def and " + clientSecret + " and 1000.canaryrefresh.0123456789</p>" + strings.Repeat("long ", 1000)
	s := &stub{status: 200, body: body}
	_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
	reason := wantClass(t, err, tokenkeep.RetryLater).Reason
	wantText(t, reason, "<p>sorry")
	if len(reason) > 350 || strings.Contains(reason, "abc.def") || strings.Contains(reason, "canary") {
		t.Errorf("reason %q", reason)
	}
}

func TestInvalidCodeTellsTheCauses(t *testing.T) {
	s := &stub{status: 200, body: `{"error":"invalid_code"}`}
	_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
	wantText(t, err.Error(), "removed the app", "revoked", "21st login", "password", "client was deleted", "tokenkeep login")
	_, err = newProvider(t, config(s)).Exchange(t.Context(), grant())
	wantText(t, err.Error(), "used already", "expired", "two minutes", "tokenkeep login")
}

// A token of another data centre's hosts in the answer is not believed.
func TestAnsweredDomain(t *testing.T) {
	for _, c := range []struct {
		env          zoho.Environment
		answer, want string
	}{
		{zoho.Production, "https://www.zohoapis.eu", "https://www.zohoapis.eu"},
		{zoho.Production, "https://www.zohoapis.eu/", "https://www.zohoapis.eu"},
		{zoho.Production, "https://sandbox.zohoapis.eu", "https://sandbox.zohoapis.eu"},
		{zoho.Production, "https://api.zoho.eu", "https://www.zohoapis.eu"},
		{zoho.Sandbox, "https://api.zoho.eu", "https://sandbox.zohoapis.eu"},
		{zoho.Production, "https://www.zohoapis.com", ""},
		{zoho.Production, "https://evil.example", ""},
		{zoho.Production, "", ""},
	} {
		s := &stub{status: 200, body: `{"access_token":"a","refresh_token":"r","api_domain":"` + c.answer + `"}`}
		cfg := config(s)
		cfg.Environment = c.env
		got, err := newProvider(t, cfg).Refresh(t.Context(), row())
		if err != nil || got.APIDomain != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.answer, got.APIDomain, c.want, err)
		}
		login, err := newProvider(t, cfg).Exchange(t.Context(), grant())
		want := c.want
		if want == "" {
			want = "https://www.zohoapis.eu"
		}
		if err != nil || login.APIDomain != want {
			t.Errorf("login, %s: %q, want %q (%v)", c.answer, login.APIDomain, want, err)
		}
	}
}
