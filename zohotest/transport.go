package zohotest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Transport gives an in-memory transport for Zoho's own host names. A request
// runs on the caller's goroutine, without a socket, and ends when its context
// does; it is safe in a synctest bubble. Unknown hosts fail like a name that
// does not resolve, http:// like a port that is closed.
func (f *Fake) Transport() http.RoundTripper { return memoryTransport{f} }

type memoryTransport struct{ fake *Fake }

// RoundTrip implements [http.RoundTripper].
func (t memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	e, err := t.dial(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	c, err := newCall(r, e)
	if err != nil {
		return nil, err
	}
	a := t.fake.serve(c)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.cut {
		return nil, io.EOF
	}
	return a.response(r), nil
}

func (t memoryTransport) dial(r *http.Request) (endpoint, error) {
	name := strings.TrimSuffix(r.URL.Host, ":443")
	e, ok := t.fake.net.lookup(name, r.URL.Scheme)
	if ok {
		return e, nil
	}
	cause := error(&net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true})
	if r.URL.Scheme != "https" {
		cause = fmt.Errorf("connect: %w", syscall.ECONNREFUSED)
	}
	return e, &net.OpError{Op: "dial", Net: "tcp", Err: cause}
}

// response shapes the answer as net/http would.
func (a answer) response(r *http.Request) *http.Response {
	body := io.Reader(bytes.NewReader(a.body))
	if a.truncate {
		body = io.MultiReader(bytes.NewReader(a.half()), brokenReader{})
	}
	if r.Method == http.MethodHead {
		body = http.NoBody
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: int64(len(a.body)), Request: r,
	}
}

// A brokenReader is the end of a body whose connection broke.
type brokenReader struct{}

// Read implements [io.Reader].
func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
