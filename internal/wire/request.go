// Package wire is how providers speak to an authorization server: a request is
// sent once, in bounded time, and no secret of it comes back in an error.
package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxBody is the most that is read of an answer. Token answers have a few KiB.
const maxBody = 1 << 20

// A Reply is a complete HTTP answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Host   string
	Asked  time.Time // before the request was sent
	Scrub  Scrubber
}

// A Failure is an exchange without a complete answer.
type Failure struct {
	// Host is where the request went.
	Host string
	// Sent reports whether the server may have acted on the request.
	Sent bool
	// Err is the cause. It shows no secret.
	Err error
}

// Reason says what happened in words.
func (f *Failure) Reason() string {
	if f.Sent {
		return "no complete answer from " + f.Host
	}
	return "no connection to " + f.Host
}

// A Client sends requests once: it repeats none, follows no redirect and keeps no
// cookie. It is safe for concurrent use.
type Client struct {
	http  *http.Client
	agent string
}

// NewClient returns a Client that sends through transport, which must not retry; nil
// stands for a clone of [http.DefaultTransport].
func NewClient(transport http.RoundTripper) *Client {
	if transport == nil {
		transport = ownTransport()
	}
	return &Client{
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		agent: userAgent(),
	}
}

// Form returns the request that posts a form. The error does not repeat the URL.
func Form(to string, form url.Values) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, to, strings.NewReader(form.Encode())) //nolint:noctx // Do sets the context
	if err != nil {
		return nil, errors.New("the URL cannot be used")
	}
	// Without GetBody net/http cannot send the body again by itself when a kept
	// connection turns out to be dead.
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

// Do sends req and reads the answer, all within timeout.
func (c *Client) Do(ctx context.Context, req *http.Request, timeout time.Duration, scrub Scrubber) (*Reply, *Failure) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var w watch
	req = req.WithContext(w.watch(ctx))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	r := &Reply{Host: req.URL.Host, Asked: time.Now(), Scrub: scrub}
	if err := ctx.Err(); err != nil {
		return nil, failure(r, false, err)
	}
	resp, err := c.http.Do(req) //nolint:gosec // the URLs are those of the configuration
	if err != nil {
		return nil, failure(r, w.mayHaveSent(err), err)
	}
	defer resp.Body.Close()
	r.Status, r.Header = resp.StatusCode, resp.Header
	r.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(r.Body) > maxBody {
		err = errors.New("the answer is longer than 1 MiB")
	}
	if err != nil {
		return nil, failure(r, true, err)
	}
	return r, nil
}

func failure(r *Reply, sent bool, err error) *Failure {
	return &Failure{Host: r.Host, Sent: sent, Err: &scrubbed{err: err, text: r.Scrub.Text(err.Error())}}
}

// A scrubbed error shows a text without secrets and unwraps to the original.
type scrubbed struct {
	err  error
	text string
}

func (s *scrubbed) Error() string { return s.text }
func (s *scrubbed) Unwrap() error { return s.err }

// A watch sees how far a request came.
type watch struct {
	traced atomic.Bool // the transport reports its steps
	got    atomic.Bool // there was a connection, after TLS
}

func (w *watch) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.got.Store(true) },
	})
}

// mayHaveSent reports whether the server may have seen the request that ended in
// err. A transport that does not report its steps is believed to have sent,
// unless the error says that there was no connection.
func (w *watch) mayHaveSent(err error) bool {
	if w.traced.Load() {
		return w.got.Load()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return !ok || op.Op != "dial"
}
