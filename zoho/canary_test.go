package zoho_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// The secrets of this test, one of each kind, none in the shape of Zoho's.
const (
	canarySecret   = "canary/SECRET+1"
	canaryRefresh  = "canary REFRESH&2"
	canaryCode     = "canary-CODE-3"
	canaryVerifier = "canary_VERIFIER_4"
	canaryAccess   = "canary<ACCESS>5"
	canaryRow      = "canary\"ROW\"6"
)

// spellings are those that an echo may have.
func spellings(secrets ...string) []string {
	var list []string
	for _, v := range secrets {
		quoted, _ := json.Marshal(v)
		list = append(list, v, url.QueryEscape(v), url.PathEscape(v), strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(v)))
	}
	return list
}

func allSpellings() []string {
	basic := url.QueryEscape(clientID) + ":" + url.QueryEscape(canarySecret)
	return spellings(canarySecret, canaryRefresh, canaryCode, canaryVerifier, canaryAccess, canaryRow, basic)
}

func checkCanaries(t *testing.T, what, text string, known []string) {
	t.Helper()
	for _, c := range known {
		if strings.Contains(text, c) {
			t.Errorf("%s shows the secret %q: %s", what, c, text)
		}
	}
}

// Every answer there is, and every one with all secrets echoed into it, at every
// operation: no error and no log shows a secret that the operation knows, with
// any verb.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	failures := 0
	for _, rt := range canaryTransports() {
		cfg := config(rt)
		cfg.ClientSecrets = []tokenkeep.Secret{secret(canarySecret)}
		for _, op := range operations() {
			log, text := newLog()
			cfg.Logger = log
			err := op.run(t.Context(), newProvider(t, cfg))
			known := spellings(append(op.secrets, canarySecret)...)
			checkCanaries(t, op.name+"'s log", text.String(), known)
			if err == nil {
				continue
			}
			failures++
			for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
				checkCanaries(t, op.name+" "+verb, fmt.Sprintf(verb, err), known)
			}
			if e, ok := errors.AsType[*tokenkeep.Error](err); ok {
				checkCanaries(t, op.name+"'s fields", fmt.Sprintf("%+v", *e), known)
			}
		}
	}
	if failures < 500 {
		t.Errorf("%d failures: this test tests nothing", failures)
	}
}

// An operation, and the secrets that it knows besides the configured one.
type operation struct {
	name    string
	secrets []string
	run     func(context.Context, *zoho.Provider) error
}

func operations() []operation {
	r := row()
	r.RefreshToken, r.ClientSecret = secret(canaryRefresh), secret(canaryRow)
	access := row()
	access.AccessToken = secret(canaryAccess)
	return []operation{
		{"refresh", []string{canaryRefresh, canaryRow}, func(ctx context.Context, p *zoho.Provider) error {
			_, err := p.Refresh(ctx, r)
			return err
		}},
		{"exchange", []string{canaryCode, canaryVerifier}, func(ctx context.Context, p *zoho.Provider) error {
			_, err := p.Exchange(ctx, &tokenkeep.Grant{Code: secret(canaryCode), Verifier: secret(canaryVerifier), RedirectURL: redirectURL})
			return err
		}},
		{"exchange of a refresh token", []string{canaryRefresh}, func(ctx context.Context, p *zoho.Provider) error {
			_, err := p.Exchange(ctx, &tokenkeep.Grant{RefreshToken: secret(canaryRefresh)})
			return err
		}},
		{"revoke", []string{canaryRefresh, canaryRow}, func(ctx context.Context, p *zoho.Provider) error {
			return p.Revoke(ctx, r)
		}},
		{"identify", []string{canaryAccess}, func(ctx context.Context, p *zoho.Provider) error {
			_, err := p.Identify(ctx, access)
			return err
		}},
		{"device", nil, func(ctx context.Context, p *zoho.Provider) error {
			_, err := p.StartDevice(ctx, nil)
			return err
		}},
	}
}

func canaryTransports() []http.RoundTripper {
	all := strings.Join(allSpellings(), " ")
	list := []http.RoundTripper{
		&stub{err: errors.New("proxy says: " + all)},
		&stub{status: 200, body: `{"access_token":"` + canaryAccess + `","refresh_token":"x y"}`},
	}
	for _, c := range answerCases() {
		list = append(list, &stub{status: c.status, body: c.body})
		list = append(list, &stub{status: c.status, body: c.body + all})
		list = append(list, &stub{status: c.status, body: all + c.body})
	}
	for _, status := range []int{200, 400} {
		for _, key := range []string{"error", "error_description", "status", "api_domain", "user_location", "code"} {
			for _, v := range allSpellings() {
				body, _ := json.Marshal(map[string]string{key: v})
				list = append(list, &stub{status: status, body: string(body)})
			}
		}
	}
	return list
}

// An access token that nobody could understand is in the answer alone.
func TestNoAnsweredTokenInErrors(t *testing.T) {
	const token = "0123abcd"
	for _, body := range []string{
		`{"access_token":"` + token + `"`,
		`{"access_token": "` + token,
		`{"access_token":"1000.` + token + `.x y"}`,
		`<input name="t" value="1000.` + token + `.` + token + `">`,
		`["1000.` + token + `"]`,
		`token=` + strings.Repeat(token, 4),
		"\x00\x1b[31m1000." + token + "\x07",
	} {
		_, err := newProvider(t, config(&stub{status: 200, body: body})).Refresh(t.Context(), row())
		if text := wantClass(t, err, tokenkeep.RetryLater).Error(); strings.Contains(text, token) || strings.ContainsAny(text, "\x00\x1b\x07") {
			t.Errorf("%q: %q", body, text)
		}
	}
}
