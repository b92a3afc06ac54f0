package zohotest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"
)

// maxBody bounds what the fake reads of one request.
const maxBody = 32 << 20

// A call is one request on its way through the fake.
type call struct {
	endpoint
	ctx    context.Context
	method string
	path   string
	header http.Header
	query  url.Values // of the URL
	params url.Values // of the URL and the form
	body   []byte     // when it is no form
	media  string     // media type of the body

	// What handlers note for the log and the counters.
	grant   string // grant_type
	secret  string // the code or token the request is about
	outcome string // error code, or "ok"
	spent   bool   // the refresh token is dead for good
	fault   FaultKind
	when    time.Time
}

// newCall reads a request whole.
func newCall(r *http.Request, e endpoint) (*call, error) {
	c := &call{
		endpoint: e, ctx: r.Context(), method: r.Method, path: r.URL.Path, header: r.Header,
		query: r.URL.Query(), params: r.URL.Query(),
	}
	c.media, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Body == nil {
		return c, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	c.body = body
	c.parseForm()
	return c, nil
}

// parseForm adds the fields of a form to the parameters; what cannot be read is
// missing.
func (c *call) parseForm() {
	switch c.media {
	case "application/x-www-form-urlencoded":
		form, _ := url.ParseQuery(string(c.body)) // keeps what it could read
		c.addParams(form)
	case "multipart/form-data":
		c.parseMultipart()
	}
}

func (c *call) parseMultipart() {
	_, opts, _ := mime.ParseMediaType(c.header.Get("Content-Type"))
	form, err := multipart.NewReader(bytes.NewReader(c.body), opts["boundary"]).ReadForm(maxBody)
	if err != nil {
		return
	}
	c.addParams(form.Value)
	_ = form.RemoveAll() // nothing was spilled to disk: maxBody bounds both
}

func (c *call) addParams(more url.Values) {
	for k, list := range more {
		c.params[k] = append(c.params[k], list...)
	}
}

func (c *call) param(name string) string { return c.params.Get(name) }

// wait pauses for a while. It reports false when the caller went away first.
func (c *call) wait(d time.Duration) bool {
	if d <= 0 {
		return c.ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
