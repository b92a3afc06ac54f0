package zoho

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// maxBody is the most that is read of an answer. Zoho's have under 1 KiB.
const maxBody = 1 << 20

// A reply is a complete HTTP answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	host   string
	asked  time.Time // before the request was sent
	scrub  scrubber
}

// A call is one request to an accounts server.
type call struct {
	op    string
	url   string
	form  url.Values
	basic tokenkeep.Secret // user:password for a Basic header, if any
	scrub scrubber
}

// post sends c once and reads the answer. The error is RetryLater; Unknown tells
// whether the server may have acted on it.
func (p *Provider) post(ctx context.Context, c call) (*reply, *tokenkeep.Error) {
	req, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(c.form.Encode())) //nolint:noctx // do sets the context
	if err != nil {
		return nil, misconfigured(c.op, "the accounts server's URL cannot be used", "")
	}
	// Without GetBody net/http cannot send the body again by itself when a kept
	// connection turns out to be dead.
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !c.basic.IsZero() {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic.Reveal())))
	}
	return p.do(ctx, c.op, req, p.cfg.Timeout, c.scrub)
}

// do sends req and reads the answer, all within timeout.
func (p *Provider) do(ctx context.Context, op string, req *http.Request, timeout time.Duration, scrub scrubber) (*reply, *tokenkeep.Error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var w wire
	req = req.WithContext(w.watch(ctx))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", p.userAgent)
	r := &reply{host: req.URL.Host, asked: time.Now(), scrub: scrub}
	if err := ctx.Err(); err != nil {
		return nil, transportError(op, r, false, err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, transportError(op, r, w.mayHaveSent(err), err)
	}
	defer resp.Body.Close()
	r.status, r.header = resp.StatusCode, resp.Header
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(r.body) > maxBody {
		err = errors.New("the answer is longer than 1 MiB")
	}
	if err != nil {
		return nil, transportError(op, r, true, err)
	}
	return r, nil
}

func transportError(op string, r *reply, sent bool, err error) *tokenkeep.Error {
	reason := "no connection to " + r.host
	if sent {
		reason = "no complete answer from " + r.host
	}
	return &tokenkeep.Error{
		Class: tokenkeep.RetryLater, Op: op, Reason: reason, Unknown: sent,
		Err:  &scrubbed{err: err, text: r.scrub.text(err.Error())},
		Hint: "check the network, the proxy and https://status.zoho.com; no stored login was changed",
	}
}

// A scrubbed error shows a text without secrets and unwraps to the original.
type scrubbed struct {
	err  error
	text string
}

func (s *scrubbed) Error() string { return s.text }
func (s *scrubbed) Unwrap() error { return s.err }

// A wire watches how far a request came.
type wire struct {
	traced atomic.Bool // the transport reports its steps
	got    atomic.Bool // there was a connection, after TLS
}

func (w *wire) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.got.Store(true) },
	})
}

// mayHaveSent reports whether the server may have seen the request that ended in
// err. A transport that does not report its steps is believed to have sent,
// unless the error says that there was no connection.
func (w *wire) mayHaveSent(err error) bool {
	if w.traced.Load() {
		return w.got.Load()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return !ok || op.Op != "dial"
}
