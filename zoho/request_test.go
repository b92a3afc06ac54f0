package zoho_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/zoho"
)

// at returns a configuration whose one data centre is at url, over real sockets.
func at(t *testing.T, url string) zoho.Config {
	t.Helper()
	d, err := zoho.Custom("lab", url, url)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(nil)
	cfg.DataCentre = d
	return cfg
}

func labRow() *tokenkeep.Token {
	return &tokenkeep.Token{ClientID: clientID, RefreshToken: secret("1000.canaryrefresh.0123456789"), DataCentre: "lab"}
}

const success = `{"access_token":"1000.acc.1","api_domain":"https://www.zohoapis.com","token_type":"Bearer","expires_in":3600}`

func TestRequestShape(t *testing.T) {
	var got *http.Request
	var cookies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "iamcsr", Value: "x"})
		_, _ = io.WriteString(w, success)
	}))
	defer srv.Close()
	p := newProvider(t, at(t, srv.URL))
	for range 2 {
		if _, err := p.Refresh(t.Context(), labRow()); err != nil {
			t.Fatal(err)
		}
	}
	if got.Method != http.MethodPost || got.URL.Path != "/oauth/v2/token" || got.URL.RawQuery != "" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	for key, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
		"Authorization": "", "Idempotency-Key": "",
	} {
		if h := got.Header.Get(key); h != want {
			t.Errorf("%s: %q, want %q", key, h, want)
		}
	}
	if ua := got.Header.Get("User-Agent"); !strings.HasPrefix(ua, "tokenkeep/") {
		t.Errorf("User-Agent: %q", ua)
	}
	for key, want := range map[string]string{
		"grant_type": "refresh_token", "client_id": clientID, "client_secret": clientSecret, "refresh_token": "1000.canaryrefresh.0123456789",
	} {
		if v := got.PostForm.Get(key); v != want {
			t.Errorf("%s differs", key)
		}
	}
	if len(got.PostForm) != 4 || cookies[1] != "" {
		t.Errorf("more than expected was sent: %d fields, cookie %q", len(got.PostForm), cookies[1])
	}
}

// A rawServer reads requests and answers by hand. Its handler says whether the
// connection stays open.
func rawServer(t *testing.T, handle func(n int32, c net.Conn) (keep bool)) (url string, requests *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	requests = new(atomic.Int32)
	serve := func(c net.Conn) {
		defer c.Close()
		b := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(b)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if !handle(requests.Add(1), c) {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return "http://" + l.Addr().String(), requests
}

// plainHead begins an answer that ends with its connection.
const plainHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// wholeAnswer is one after which the connection stays open.
func wholeAnswer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A connection that breaks after the request gives one request, fresh or kept:
// net/http must not send it again by itself.
func TestCutConnectionIsOneRequest(t *testing.T) {
	for _, kept := range []bool{false, true} {
		first := int32(0)
		if kept {
			first = 1
		}
		url, requests := rawServer(t, func(n int32, c net.Conn) bool {
			if n > first {
				return false
			}
			_, _ = io.WriteString(c, wholeAnswer(success))
			return true
		})
		p := newProvider(t, at(t, url))
		if kept {
			if _, err := p.Refresh(t.Context(), labRow()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := p.Refresh(t.Context(), labRow())
		if e := wantClass(t, err, tokenkeep.RetryLater); !e.Unknown {
			t.Errorf("kept=%v: the request was sent, its outcome is unknown: %v", kept, err)
		}
		if n := requests.Load(); n != first+1 {
			t.Errorf("kept=%v: %d requests, want %d", kept, n, first+1)
		}
	}
}

// A deadConn breaks at its second request, before a byte is written.
type deadConn struct {
	net.Conn
	writes int
}

func (c *deadConn) Write(b []byte) (int, error) {
	if c.writes++; c.writes > 1 {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(b)
}

// On a kept connection that turns out to be dead, net/http would send the
// request again on a new one, if it could rewind the body.
func TestDeadKeptConnectionIsNotRetried(t *testing.T) {
	url, requests := rawServer(t, func(_ int32, c net.Conn) bool {
		_, _ = io.WriteString(c, wholeAnswer(success))
		return true
	})
	var dials atomic.Int32
	cfg := at(t, url)
	cfg.Transport = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &deadConn{Conn: c}, err
	}}
	p := newProvider(t, cfg)
	if _, err := p.Refresh(t.Context(), labRow()); err != nil {
		t.Fatal(err)
	}
	_, err := p.Refresh(t.Context(), labRow())
	wantClass(t, err, tokenkeep.RetryLater)
	if dials.Load() != 1 || requests.Load() != 1 {
		t.Errorf("%d connections, %d requests", dials.Load(), requests.Load())
	}
}

func TestIncompleteAnswersAreUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		says   string
	}{
		"cut":                 {"", "no complete answer"},
		"no HTTP":             {"SSH-2.0-x\r\n", "no complete answer"},
		"half a body":         {plainHead + success[:30], "cut short"},
		"short of its length": {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + success, "no complete answer"},
		"too long":            {plainHead + `{"access_token":"a"` + strings.Repeat(" ", 1<<20) + `}`, "longer than 1 MiB"},
	} {
		url, requests := rawServer(t, func(_ int32, conn net.Conn) bool {
			_, _ = io.WriteString(conn, c.answer)
			return false
		})
		_, err := newProvider(t, at(t, url)).Refresh(t.Context(), labRow())
		if err == nil {
			t.Errorf("%s: taken for an answer", name)
			continue
		}
		if e := wantClass(t, err, tokenkeep.RetryLater); !e.Unknown {
			t.Errorf("%s: Unknown is not set: %v", name, err)
		}
		wantText(t, err.Error(), c.says)
		if n := requests.Load(); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestNoConnectionIsKnown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	for name, url := range map[string]string{"refused": closed, "unknown certificate": tls.URL} {
		_, err := newProvider(t, at(t, url)).Refresh(t.Context(), labRow())
		e := wantClass(t, err, tokenkeep.RetryLater)
		if e.Unknown {
			t.Errorf("%s: nothing was sent: %v", name, err)
		}
		wantText(t, err.Error(), "no connection")
	}
}

// A transport that does not report its steps: only a failed dial is sure.
func TestUnknownTransport(t *testing.T) {
	for want, cause := range map[bool]error{
		true:  io.ErrUnexpectedEOF,
		false: &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host"}},
	} {
		s := &stub{err: cause}
		_, err := newProvider(t, config(s)).Refresh(t.Context(), row())
		if e := wantClass(t, err, tokenkeep.RetryLater); e.Unknown != want {
			t.Errorf("%v: Unknown = %v", cause, e.Unknown)
		}
		if !errors.Is(err, cause) {
			t.Errorf("%v does not wrap %v", err, cause)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var hits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	p := newProvider(t, at(t, srv.URL))
	_, err := p.Refresh(t.Context(), labRow())
	wantClass(t, err, tokenkeep.RetryLater)
	_, err = p.Identify(t.Context(), &tokenkeep.Token{AccessToken: secret("1000.a.b"), DataCentre: "lab"})
	wantClass(t, err, tokenkeep.RetryLater)
	if hits.Load() != 0 {
		t.Errorf("the redirect was followed %d times", hits.Load())
	}
}

func TestTimeAndContextBoundRequests(t *testing.T) {
	release := make(chan struct{})
	url, _ := rawServer(t, func(int32, net.Conn) bool { <-release; return false })
	defer close(release)
	cfg := at(t, url)
	cfg.Timeout = 20 * time.Millisecond
	_, err := newProvider(t, cfg).Refresh(t.Context(), labRow())
	if e := wantClass(t, err, tokenkeep.RetryLater); !e.Unknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("time ran out: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newProvider(t, cfg).Refresh(ctx, labRow())
	if e := wantClass(t, err, tokenkeep.RetryLater); e.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before it was sent: %v", err)
	}
}
