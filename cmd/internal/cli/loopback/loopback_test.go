package loopback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/loopback"
)

// listen opens a listener on a free port and returns its redirect URI.
func listen(t *testing.T) (*loopback.Listener, string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	uri := fmt.Sprintf("http://localhost:%d/callback", free.Addr().(*net.TCPAddr).Port)
	free.Close()
	l, err := loopback.Listen(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, uri
}

func get(t *testing.T, req *http.Request) (int, string, http.Header) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestReceive(t *testing.T) {
	l, uri := listen(t)
	got := make(chan string, 1)
	go func() {
		_ = l.Receive(t.Context(), func(query string) loopback.Page {
			got <- query
			return loopback.Page{Title: "Logged <b>in</b>", Text: `"><script>alert(1)</script>`, Next: "close it"}
		})
	}()
	status, page, header := get(t, request(t, http.MethodGet, uri+"?code=1000.a.b&state=x&"))
	if q := <-got; q != "code=1000.a.b&state=x&" {
		t.Errorf("query = %q", q)
	}
	if status != http.StatusOK || !strings.Contains(page, "<strong>Next:</strong> close it") {
		t.Errorf("page %d: %s", status, page)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>") || strings.Contains(page, "1000.a.b") {
		t.Errorf("the page is not escaped, or shows the code: %s", page)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Errorf("the page loads something: %s", page)
	}

	// The second one is too late.
	if status, page, _ := get(t, request(t, http.MethodGet, uri+"?code=2")); status != http.StatusConflict {
		t.Errorf("second callback: %d %s", status, page)
	}
}

func TestOthersDoNotEndTheLogin(t *testing.T) {
	l, uri := listen(t)
	rebound := request(t, http.MethodGet, uri+"?code=1")
	rebound.Host = "evil.example.com" // DNS rebinding
	for _, tt := range []struct {
		req  *http.Request
		want int
	}{
		{rebound, http.StatusMisdirectedRequest},
		{request(t, http.MethodGet, strings.Replace(uri, "/callback", "/favicon.ico", 1)), http.StatusNotFound},
		{request(t, http.MethodPost, uri), http.StatusMethodNotAllowed},
	} {
		if status, _, _ := get(t, tt.req); status != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.req.Method, tt.req.URL, status, tt.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := l.Receive(ctx, func(string) loopback.Page {
		t.Error("one of them was taken for the callback")
		return loopback.Page{}
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, uri := range []string{
		"https://localhost:8765/callback", "http://example.com/callback", "http://192.0.2.1:1/x",
		"http://localhost.evil.example.com/x", "http://user@localhost:1/x", "localhost", "", "http://0.0.0.0:8765/x", "://",
	} {
		if l, err := loopback.Listen(t.Context(), uri); !errors.Is(err, loopback.ErrNotLoopback) {
			t.Errorf("Listen(%q) = %v", uri, err)
			l.Close()
		}
	}
	_, uri := listen(t)
	port := strings.TrimSuffix(strings.TrimPrefix(uri, "http://localhost:"), "/callback")
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
			c.Close()
			t.Errorf("the listener answers on %s", ip)
		}
	}
}

func TestPortInUse(t *testing.T) {
	_, uri := listen(t)
	if _, err := loopback.Listen(t.Context(), uri); err == nil || errors.Is(err, loopback.ErrNotLoopback) {
		t.Errorf("err = %v", err)
	}
}

func TestCloseEndsTheServer(t *testing.T) {
	l, uri := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := loopback.Listen(t.Context(), uri); err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		again.Close()
	}
}
