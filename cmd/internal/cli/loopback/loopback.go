// Package loopback receives the one callback of a login in a browser on this
// machine (RFC 8252, section 7.3).
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNotLoopback means that a redirect URI leads to another machine, or needs
// TLS: its callback cannot be received here.
var ErrNotLoopback = errors.New("the redirect URI is not http on a loopback address")

// A Listener waits for the callback. Close it at the end.
type Listener struct {
	host, path string
	server     *http.Server
	ports      []net.Listener
	calls      chan call
	once       sync.Once
	serving    sync.WaitGroup
}

// A call is a callback that has arrived and waits for its page.
type call struct {
	query string
	page  chan Page
}

// Listen opens the port of redirectURL on the loopback addresses and on no
// other. The error wraps [ErrNotLoopback] when it has none.
func Listen(ctx context.Context, redirectURL string) (*Listener, error) {
	u, err := url.Parse(redirectURL)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) || u.User != nil {
		return nil, fmt.Errorf("%w: %s", ErrNotLoopback, redirectURL)
	}
	l := &Listener{host: strings.ToLower(u.Host), path: u.EscapedPath(), calls: make(chan call, 1)}
	if l.path == "" {
		l.path = "/"
	}
	if err := l.bind(ctx, u); err != nil {
		return nil, err
	}
	l.server = &http.Server{Handler: http.HandlerFunc(l.serve), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	for _, p := range l.ports {
		l.serving.Go(func() { _ = l.server.Serve(p) }) // ends with Close
	}
	return l, nil
}

// bind opens the port. A browser may take "localhost" for either address, so
// both are opened; one is enough where the machine has no other.
func (l *Listener) bind(ctx context.Context, u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	hosts := []string{u.Hostname()}
	if strings.EqualFold(u.Hostname(), "localhost") {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var errs []error
	for _, h := range hosts {
		p, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(h, port))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.ports = append(l.ports, p)
	}
	if len(l.ports) == 0 || inUse(errs) {
		l.closePorts()
		return fmt.Errorf("listen for the callback: %w", errors.Join(errs...))
	}
	return nil
}

// inUse reports whether another program has the port on one of the addresses: it
// could get the callback in our place.
func inUse(errs []error) bool { return slices.ContainsFunc(errs, isAddrInUse) }

func (l *Listener) closePorts() {
	for _, p := range l.ports {
		_ = p.Close() // nothing was accepted
	}
}

// isLoopback reports whether host is this machine alone.
func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// Receive waits for the callback, gives its query to handle, and shows the page
// that handle returns in the browser. Later callbacks get a page that says so.
// It returns ctx's error if that comes first.
func (l *Listener) Receive(ctx context.Context, handle func(query string) Page) error {
	select {
	case c := <-l.calls:
		c.page <- handle(c.query)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close stops listening, after the page was sent.
func (l *Listener) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = l.server.Close()
	}
	l.serving.Wait()
	return err
}

// serve answers one request of the browser.
func (l *Listener) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.ToLower(r.Host) != l.host:
		Page{Status: http.StatusMisdirectedRequest, Title: "Wrong host", Text: "This page belongs to a login with tokenkeep."}.write(w)
	case r.URL.EscapedPath() != l.path:
		Page{Status: http.StatusNotFound, Title: "Nothing here", Text: "This address only waits for the end of a login with tokenkeep."}.write(w)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		Page{Status: http.StatusMethodNotAllowed, Title: "Wrong method", Text: "The end of a login is a GET request."}.write(w)
	default:
		l.callback(w, r)
	}
}

func (l *Listener) callback(w http.ResponseWriter, r *http.Request) {
	c := call{query: r.URL.RawQuery, page: make(chan Page, 1)}
	sent := false
	l.once.Do(func() { l.calls <- c; sent = true })
	if !sent {
		Page{Status: http.StatusConflict, Title: "This login is over", Text: "Its callback has been used already. Close this window."}.write(w)
		return
	}
	select {
	case p := <-c.page:
		p.write(w)
	case <-r.Context().Done():
	}
}
