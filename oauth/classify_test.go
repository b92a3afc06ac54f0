package oauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// An answer, what it means for a refresh, and whether the refresh token may be
// spent after it.
type answerCase struct {
	status int
	body   string
	class  tokenkeep.Class // "" is success
	spent  bool
}

func answerCases() []answerCase {
	return []answerCase{
		{200, success, "", false},
		{201, success, "", false},
		{200, `{"access_token":"a"}`, "", false},
		{200, `{"access_token":"a","refresh_token":null,"scope":7,"expires_in":"soon"}`, "", false},
		{400, `{"error":"invalid_grant"}`, tokenkeep.NeedsLogin, false},
		{401, `{"error":"invalid_grant"}`, tokenkeep.NeedsLogin, false},
		{403, `{"error":"invalid_grant"}`, tokenkeep.NeedsLogin, false},
		{200, `{"error":"invalid_grant"}`, tokenkeep.NeedsLogin, false},
		{200, `{"error":"invalid_grant","access_token":"a"}`, tokenkeep.NeedsLogin, false},
		{400, `{"error":"interaction_required"}`, tokenkeep.NeedsLogin, false},
		{400, `{"error":"login_required"}`, tokenkeep.NeedsLogin, false},
		{400, `{"error":"consent_required"}`, tokenkeep.NeedsLogin, false},
		{401, `{"error":"invalid_client"}`, tokenkeep.Misconfigured, false},
		{400, `{"error":"unauthorized_client"}`, tokenkeep.Misconfigured, false},
		{400, `{"error":"unsupported_grant_type"}`, tokenkeep.Misconfigured, false},
		{400, `{"error":"invalid_request"}`, tokenkeep.Misconfigured, false},
		{400, `{"error":"invalid_scope"}`, tokenkeep.Misconfigured, false},
		{400, `{"error":"temporarily_unavailable"}`, tokenkeep.RetryLater, false},
		{400, `{"error":"a new one"}`, tokenkeep.RetryLater, false},
		{400, `{"message":"invalid_grant"}`, tokenkeep.RetryLater, false},
		{400, `{}`, tokenkeep.RetryLater, false},
		{400, `invalid_grant`, tokenkeep.RetryLater, false},
		{404, `<html>no such page</html>`, tokenkeep.RetryLater, false},
		{403, `<html>the firewall says no</html>`, tokenkeep.RetryLater, false},
		{429, `{"error":"invalid_grant"}`, tokenkeep.RetryLater, false},
		{500, `{"error":"invalid_grant"}`, tokenkeep.RetryLater, false},
		{500, `<html>`, tokenkeep.RetryLater, false},
		{503, ``, tokenkeep.RetryLater, false},
		{502, `<html>`, tokenkeep.RetryLater, true},
		{504, `<html>`, tokenkeep.RetryLater, true},
		{307, ``, tokenkeep.RetryLater, false},
		{302, success, tokenkeep.RetryLater, false},
		{200, ``, tokenkeep.RetryLater, true},
		{200, `{}`, tokenkeep.RetryLater, true},
		{200, `null`, tokenkeep.RetryLater, true},
		{200, `<html>maintenance</html>`, tokenkeep.RetryLater, true},
		{200, success[:40], tokenkeep.RetryLater, true},
		{200, `{"access_token":""}`, tokenkeep.RetryLater, true},
		{200, `{"access_token":"a\nb"}`, tokenkeep.RetryLater, true},
		{200, `{"access_token":"a","refresh_token":"b c"}`, tokenkeep.RetryLater, true},
		{200, `{"access_token":"` + strings.Repeat("a", 9000) + `"}`, tokenkeep.RetryLater, true},
		{200, `{"x":"` + strings.Repeat("a", 2<<20) + `"}`, tokenkeep.RetryLater, true},
	}
}

// Every answer leads to its class, and only a lost one puts the refresh token in
// doubt.
func TestEveryAnswerOfTheTokenEndpoint(t *testing.T) {
	for _, c := range answerCases() {
		name := fmt.Sprintf("HTTP %d %.60s", c.status, c.body)
		_, err := newProvider(t, config(), options(&stub{status: c.status, body: c.body})).Refresh(t.Context(), row("refresh.0"))
		if c.class == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got := tokenkeep.ClassOf(err); got != c.class {
			t.Errorf("%s: class %q, want %q: %v", name, got, c.class, err)
			continue
		}
		e := wantClass(t, err, c.class)
		if e.Unknown != c.spent || e.Reason == "" || e.Hint == "" {
			t.Errorf("%s: Unknown is %t, want %t: %v", name, e.Unknown, c.spent, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{"90": 90 * time.Second, "999999": 15 * time.Minute, "-1": 0, "soon": 0, "": 0} {
			s := &stub{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {value}}}
			_, err := newProvider(t, config(), options(s)).Refresh(t.Context(), row("refresh.0"))
			e := wantClass(t, err, tokenkeep.RetryLater)
			if got := e.Until; want == 0 && !got.IsZero() || want > 0 && time.Until(got) != want {
				t.Errorf("%q: until %v", value, time.Until(got))
			}
		}
	})
}

// Odd lives neither end a token at once nor make it immortal by mistake.
func TestLife(t *testing.T) {
	const century = 100 * 365 * 24 * 3600
	for value, want := range map[string]time.Duration{
		"3600": time.Hour, `"3600"`: time.Hour, "3600.5": time.Hour + 500*time.Millisecond, "1": time.Second,
		"0": 0, "-5": 0, "null": 0, `"soon"`: 0, "true": 0, "1e999": 0, `"NaN"`: 0, "0.3": 0,
		fmt.Sprint(century): 10 * 365 * 24 * time.Hour, "1e300": 10 * 365 * 24 * time.Hour,
	} {
		for _, usual := range []time.Duration{0, time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				opt := options(&stub{status: 200, body: `{"access_token":"a","expires_in":` + value + `}`})
				opt.Life = usual
				got, err := newProvider(t, config(), opt).Refresh(t.Context(), row("r"))
				if err != nil {
					t.Fatalf("%s: %v", value, err)
				}
				expect := max(want, 0)
				if expect == 0 {
					expect = usual
				}
				if expect == 0 != got.Expiry.IsZero() || expect > 0 && time.Until(got.Expiry) != expect {
					t.Errorf("%s: %v, want %v", value, time.Until(got.Expiry), expect)
				}
			})
		}
	}
}

func TestRevoke(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		class  tokenkeep.Class
	}{
		{200, "", ""},
		{200, "{}", ""},
		{204, "", ""},
		{400, `{"error":"invalid_token"}`, ""},
		{400, `{"error":"invalid_grant"}`, ""},
		{401, `{"error":"invalid_client"}`, tokenkeep.Misconfigured},
		{400, `{"error":"unsupported_token_type"}`, tokenkeep.RetryLater},
		{503, `{"error":"invalid_token"}`, tokenkeep.RetryLater},
		{404, "<html>", tokenkeep.RetryLater},
		{302, "", tokenkeep.RetryLater},
		{200, `{"error":"server_error"}`, tokenkeep.RetryLater},
	} {
		s := &stub{status: c.status, body: c.body}
		err := newProvider(t, config(), options(s)).Revoke(t.Context(), row("refresh.0"))
		if c.class == "" && err != nil || tokenkeep.ClassOf(err) != c.class {
			t.Errorf("HTTP %d %s: %v", c.status, c.body, err)
		}
		if s.forms[0].Get("token") != "refresh.0" || s.forms[0].Get("token_type_hint") != "refresh_token" {
			t.Errorf("sent %v", s.forms[0]["token_type_hint"])
		}
	}
	opt := options(nil)
	opt.RevokeURL = ""
	wantClass(t, newProvider(t, config(), opt).Revoke(t.Context(), row("refresh.0")), tokenkeep.Misconfigured)
}
