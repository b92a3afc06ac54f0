package tokenkeep

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// refusalBytes is how much of a 401 answer is read to learn what it means.
const refusalBytes = 64 << 10

// A Refuser is a Provider that can tell a refused access token from other
// reasons for status 401, such as a missing scope, which no new token heals.
// Without it every 401 counts as a refused token.
type Refuser interface {
	// Refused reports whether a 401 answer with this body means that the access
	// token is not valid.
	Refused(header http.Header, body []byte) bool
}

// Transport returns an http.RoundTripper that presents the session's access
// token over base, or over Options.Base when base is nil.
//
//   - The token goes only to the hosts of the session's own data centre; a request
//     for the API host of another one is sent to the session's API domain; a
//     request, or a redirect, to any other host is refused.
//   - No request is sent without a token: if none can be had, the error is that
//     of [Session.Token].
//   - If the API refuses the token, exactly that token is invalidated, another is
//     taken from the store or minted, and the request is sent once more, if its
//     body can be replayed (Request.GetBody). Such a request was not executed, so
//     this holds for every method.
//
// Do not put oauth2.NewClient around it: that caches tokens on its own and would
// hide revocations.
func (s *Session) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = s.keeper.opts.Base
	}
	return &transport{session: s, base: base}
}

type transport struct {
	session *Session
	base    http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sn, err := t.session.current(req.Context())
	if err != nil {
		return nil, closeBody(req, err)
	}
	resp, err := t.send(req, sn)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	return t.retry(req, sn, resp)
}

// send sends req with sn's token to where that may go. The answer names the
// caller's request, which does not carry the token: answers get printed.
func (t *transport) send(req *http.Request, sn *snapshot) (*http.Response, error) {
	target, err := route(sn, req.URL)
	if err != nil {
		return nil, closeBody(req, err)
	}
	resp, err := t.base.RoundTrip(authorized(req, target, sn.tok))
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// retry sends the request again with another token, if the answer says that the
// first was refused.
func (t *transport) retry(req *http.Request, sn *snapshot, resp *http.Response) (*http.Response, error) {
	if !t.refused(resp) {
		return resp, nil
	}
	s, ctx := t.session, req.Context()
	s.Invalidate(ctx, sn.tok)
	if !hasNoBody(req) && req.GetBody == nil {
		return resp, nil
	}
	next, err := s.slow(ctx, s.keeper.opts.MinValidity, 0)
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if next.tok.secret.Equal(sn.tok.secret) {
		return resp, nil
	}
	again, err := replay(req)
	if err != nil {
		return resp, nil //nolint:nilerr // the answer stands: the request cannot be sent again
	}
	_ = resp.Body.Close()
	return t.send(again, next)
}

// refused reads a 401 answer's body and puts it back.
func (t *transport) refused(resp *http.Response) bool {
	p, ok := t.session.keeper.provider.(Refuser)
	if !ok {
		return true
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, refusalBytes))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	return err == nil && p.Refused(resp.Header, head)
}

func hasNoBody(req *http.Request) bool { return req.Body == nil || req.Body == http.NoBody }

// replay returns req with a fresh body.
func replay(req *http.Request) (*http.Request, error) {
	if hasNoBody(req) {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	r := *req
	r.Body = body
	return &r, nil
}

// authorized returns a copy of req for target with the token in its header. The
// Host header is target's, whatever the caller set: a proxy on the way may go by
// it.
func authorized(req *http.Request, target *url.URL, tok AccessToken) *http.Request {
	r := *req
	r.Header = make(http.Header, len(req.Header)+1)
	maps.Copy(r.Header, req.Header)
	r.Header["Authorization"] = []string{tok.Header()}
	r.URL, r.Host = target, ""
	return &r
}

// route returns where a request for u goes: u itself, u on the session's API
// domain, or an error.
func route(sn *snapshot, u *url.URL) (*url.URL, error) {
	if sn.audErr != nil {
		return nil, sn.audErr
	}
	base := sn.base
	if u.Opaque == "" && u.Scheme == base.Scheme && listed(sn.aud.Hosts, u) {
		return u, nil
	}
	if u.Opaque == "" && u.Scheme == "https" && listed(sn.aud.Rewrite, u) {
		target := *u
		target.Scheme, target.Host = base.Scheme, base.Host
		return &target, nil
	}
	return nil, &Error{
		Class: Misconfigured, Op: "api call",
		Reason: fmt.Sprintf("the access token is not sent to %s://%s", u.Scheme, u.Host),
		Hint:   fmt.Sprintf("call %s; this login may use %s", sn.aud.BaseURL, strings.Join(sn.aud.Hosts, ", ")),
	}
}

// listed reports whether hosts has u's host, which may be in capitals or name the
// scheme's own port.
func listed(hosts []string, u *url.URL) bool {
	if slices.Contains(hosts, u.Host) {
		return true
	}
	port := ":443"
	if u.Scheme == "http" {
		port = ":80"
	}
	return slices.Contains(hosts, strings.TrimSuffix(strings.ToLower(u.Host), port))
}

// closeBody closes the body of a request that is not sent, as a RoundTripper
// must, and returns err.
func closeBody(req *http.Request, err error) error {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return err
}
