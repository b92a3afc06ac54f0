package zoho

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/internal/wire"
)

// A call is one request to an accounts server.
type call struct {
	op    string
	url   string
	form  url.Values
	basic tokenkeep.Secret // user:password for a Basic header, if any
	scrub wire.Scrubber
}

// post sends c once and reads the answer. The error is RetryLater; Unknown tells
// whether the server may have acted on it.
func (p *Provider) post(ctx context.Context, c call) (*wire.Reply, *tokenkeep.Error) {
	req, err := wire.Form(c.url, c.form)
	if err != nil {
		return nil, misconfigured(c.op, "the accounts server's URL cannot be used", "")
	}
	if !c.basic.IsZero() {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic.Reveal())))
	}
	return p.do(ctx, c.op, req, p.cfg.Timeout, c.scrub)
}

// do sends req and reads the answer, all within timeout.
func (p *Provider) do(ctx context.Context, op string, req *http.Request, timeout time.Duration, scrub wire.Scrubber) (*wire.Reply, *tokenkeep.Error) {
	r, failed := p.client.Do(ctx, req, timeout, scrub)
	if failed != nil {
		return nil, &tokenkeep.Error{
			Class: tokenkeep.RetryLater, Op: op, Reason: failed.Reason(), Unknown: failed.Sent, Err: failed.Err,
			Hint: "check the network, the proxy and https://status.zoho.com; no stored login was changed",
		}
	}
	return r, nil
}

// scrubber returns one for a request about t, if any, with more secrets. It
// knows the configured ones too: what answers may be no accounts server at all.
func (p *Provider) scrubber(t *tokenkeep.Token, more ...tokenkeep.Secret) wire.Scrubber {
	secrets := append(p.cfg.secrets(), more...)
	if t != nil {
		secrets = append(secrets, t.ClientSecret, t.RefreshToken, t.AccessToken, t.GrantToken)
	}
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = s.Reveal()
	}
	return wire.NewScrubber(texts...)
}
