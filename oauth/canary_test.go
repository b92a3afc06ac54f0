package oauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/oauth"
)

// The secrets of this test, one of each kind.
const (
	canarySecret    = "canary/SECRET+1"
	canaryRefresh   = "canary REFRESH&2"
	canaryCode      = "canary-CODE-3"
	canaryVerifier  = "canary_VERIFIER_4"
	canaryAccess    = "canary<ACCESS>5"
	canaryCandidate = "canary\"CANDIDATE\"6"
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

func checkCanaries(t *testing.T, what, text string, known []string) {
	t.Helper()
	for _, c := range known {
		if strings.Contains(text, c) {
			t.Errorf("%s shows the secret %q: %s", what, c, text)
		}
	}
}

// An operation, and the secrets that it knows besides the client's.
type operation struct {
	name    string
	secrets []string
	run     func(context.Context, *oauth.Provider) error
}

func operations() []operation {
	r := row(canaryRefresh)
	r.AccessToken, r.Candidates = secret(canaryAccess), []tokenkeep.Secret{secret(canaryCandidate)}
	return []operation{
		{"refresh", []string{canaryRefresh, canaryAccess, canaryCandidate}, func(ctx context.Context, p *oauth.Provider) error {
			_, err := p.Refresh(ctx, r)
			return err
		}},
		{"exchange", []string{canaryCode, canaryVerifier}, func(ctx context.Context, p *oauth.Provider) error {
			_, err := p.Exchange(ctx, &tokenkeep.Grant{Code: secret(canaryCode), Verifier: secret(canaryVerifier)})
			return err
		}},
		{"exchange of a refresh token", []string{canaryRefresh}, func(ctx context.Context, p *oauth.Provider) error {
			_, err := p.Exchange(ctx, &tokenkeep.Grant{RefreshToken: secret(canaryRefresh)})
			return err
		}},
		{"revoke", []string{canaryRefresh, canaryAccess}, func(ctx context.Context, p *oauth.Provider) error {
			return p.Revoke(ctx, r)
		}},
	}
}

// Every answer there is, and every one with all secrets echoed into it, at every
// operation: no error and no log shows a secret that the operation knows, with any
// verb.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	failures := 0
	for _, rt := range canaryTransports() {
		cfg, opt := config(), options(rt)
		cfg.ClientSecret = canarySecret
		var log bytes.Buffer
		opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
		for _, op := range operations() {
			log.Reset()
			err := op.run(t.Context(), newProvider(t, cfg, opt))
			known := spellings(append(op.secrets, canarySecret, url.QueryEscape(clientID)+":"+url.QueryEscape(canarySecret))...)
			checkCanaries(t, op.name+"'s log", log.String(), known)
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
	if failures < 300 {
		t.Errorf("%d failures: this test tests nothing", failures)
	}
}

func canaryTransports() []http.RoundTripper {
	basic := url.QueryEscape(clientID) + ":" + url.QueryEscape(canarySecret)
	all := spellings(canarySecret, canaryRefresh, canaryCode, canaryVerifier, canaryAccess, canaryCandidate, basic)
	echo := strings.Join(all, " ")
	list := []http.RoundTripper{&stub{err: errors.New("proxy says: " + echo)}}
	for _, c := range answerCases() {
		if len(c.body) > 10000 {
			continue
		}
		for _, body := range []string{c.body, c.body + echo, echo + c.body} {
			list = append(list, &stub{status: c.status, body: body})
		}
	}
	for _, status := range []int{200, 400} {
		for _, key := range []string{"error", "error_description", "token_type", "scope"} {
			for _, v := range all {
				fields := map[string]string{"error": "invalid_grant"}
				fields[key] = v
				if key == "token_type" || key == "scope" {
					fields["error"], fields["access_token"] = "", "a"
				}
				body, _ := json.Marshal(fields)
				list = append(list, &stub{status: status, body: string(body)})
			}
		}
	}
	return list
}
