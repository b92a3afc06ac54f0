package zohotest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// network is the fake's hosts and listeners.
type network struct {
	endpoints map[string]endpoint // by Zoho's host name; read-only

	mu        sync.Mutex
	listening bool
	closed    bool
	urls      map[endpoint]string
	loopback  map[string]endpoint // by host:port
	servers   []*http.Server
	adminURL  string
}

// NewServer starts New(opts) on loopback listeners and closes it at the test's end.
func NewServer(tb testing.TB, opts *Options) *Fake {
	tb.Helper()
	f := New(opts)
	if err := f.Listen(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.Close)
	return f
}

// Listen opens loopback listeners: two per data centre, for accounts and API,
// and one for the admin API. Those of environments follow when they are needed.
func (f *Fake) Listen() error {
	f.net.mu.Lock()
	f.net.listening = true
	f.net.mu.Unlock()
	for _, dc := range f.opts.DataCentres {
		for _, role := range []Role{RoleAccounts, RoleAPI} {
			if _, err := f.open(endpoint{dc, role, Production}); err != nil {
				f.Close()
				return err
			}
		}
	}
	return f.listenAdmin()
}

func (f *Fake) listenAdmin() error {
	url, _, err := f.start(f.AdminHandler())
	if err != nil {
		f.Close()
		return err
	}
	f.net.mu.Lock()
	defer f.net.mu.Unlock()
	f.net.adminURL = url
	return nil
}

// AdminURL is the base of the admin API, once the fake listens.
func (f *Fake) AdminURL() string {
	f.net.mu.Lock()
	defer f.net.mu.Unlock()
	return f.net.adminURL
}

// Close stops all listeners and breaks open connections.
func (f *Fake) Close() {
	f.net.mu.Lock()
	servers := f.net.servers
	f.net.servers, f.net.closed = nil, true
	f.net.mu.Unlock()
	for _, s := range servers {
		_ = s.Close() // loopback; nothing to flush
	}
}

// open gives the loopback URL of an endpoint, starting a listener at first use.
func (f *Fake) open(e endpoint) (string, error) {
	if url := f.net.urlOf(e); url != "" {
		return url, nil
	}
	url, addr, err := f.start(f.handler(e))
	if err != nil {
		return "", err
	}
	f.net.mu.Lock()
	defer f.net.mu.Unlock()
	if first, ok := f.net.urls[e]; ok {
		return first, nil // somebody else was faster; ours goes at Close
	}
	if f.net.urls == nil {
		f.net.urls, f.net.loopback = make(map[endpoint]string), make(map[string]endpoint)
	}
	f.net.urls[e], f.net.loopback[addr] = url, e
	return url, nil
}

// start serves a handler on a new loopback listener.
func (f *Fake) start(h http.Handler) (url, addr string, err error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("zohotest: listen: %w", err)
	}
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
	}
	if !f.net.add(s) {
		_ = ln.Close()
		return "", "", fmt.Errorf("zohotest: listen: %w", http.ErrServerClosed)
	}
	go func() { _ = s.Serve(ln) }()
	addr = ln.Addr().String()
	return "http://" + addr, addr, nil
}

func (n *network) add(s *http.Server) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.servers = append(n.servers, s)
	return true
}

func (n *network) urlOf(e endpoint) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.urls[e]
}

func (n *network) isListening() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.listening
}

// lookup finds the endpoint of a host, Zoho's own or a listener's.
func (n *network) lookup(host, scheme string) (endpoint, bool) {
	if e, ok := n.endpoints[host]; ok {
		return e, scheme == "https"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.loopback[host]
	return e, ok
}

// urlOf gives the URL by which clients know an endpoint; "" for a data centre
// that is switched off.
func (f *Fake) urlOf(e endpoint) string {
	if !f.hasDC(e.dc) {
		return ""
	}
	if !f.net.isListening() {
		return "https://" + e.host()
	}
	url, err := f.open(e)
	if err != nil {
		return ""
	}
	return url
}
