package tokenkeep

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// roundTripper is a base transport that a test scripts.
type roundTripper func(r *http.Request) (int, string)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	h := http.Header{}
	if status/100 == 3 {
		h.Set("Location", body)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const leads = "https://www.zohoapis.eu/crm/v8/Leads"

func call(t *testing.T, s *Session, base roundTripper, req *http.Request) (int, string, error) {
	t.Helper()
	resp, err := (&http.Client{Transport: s.Transport(base)}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body), nil
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	return req
}

func TestTransportRoutes(t *testing.T) {
	store := NewMemoryStore()
	s := open(t, New(store, &stubProvider{}, nil), stored(t, store, time.Hour).ID)
	for _, c := range []struct{ url, sentTo string }{
		{leads, "www.zohoapis.eu"},
		{"https://content.zohoapis.eu/crm/v8/upload", "content.zohoapis.eu"},
		{"https://www.zohoapis.com/crm/v8/Leads", "www.zohoapis.eu"},
		{"http://www.zohoapis.eu/crm/v8/Leads", ""},
		{"http://www.zohoapis.com/crm/v8/Leads", ""},
		{"https://www.zohoapis.eu.evil.example/crm", ""},
		{"https://evil.example/?u=www.zohoapis.eu", ""},
		{"https://www.zohoapis.eu:8443/crm", ""},
	} {
		var sentTo, auth string
		_, _, err := call(t, s, func(r *http.Request) (int, string) {
			sentTo, auth = r.URL.Host, r.Header.Get("Authorization")
			return 200, "{}"
		}, get(t, c.url))
		if sentTo != c.sentTo {
			t.Errorf("%s went to %q, want %q", c.url, sentTo, c.sentTo)
		}
		if c.sentTo == "" && !errors.Is(err, ErrMisconfigured) {
			t.Errorf("%s: error %v", c.url, err)
		}
		if c.sentTo != "" && auth != "Zoho-oauthtoken 1000.access.0" {
			t.Errorf("%s: wrong header", c.url)
		}
	}
}

func TestTransportRefusesRedirectElsewhere(t *testing.T) {
	store := NewMemoryStore()
	s := open(t, New(store, &stubProvider{}, nil), stored(t, store, time.Hour).ID)
	var hosts []string
	_, _, err := call(t, s, func(r *http.Request) (int, string) {
		hosts = append(hosts, r.URL.Host)
		return 302, "https://evil.example/"
	}, get(t, leads))
	if !errors.Is(err, ErrMisconfigured) || len(hosts) != 1 {
		t.Errorf("hosts %v, error %v", hosts, err)
	}
}

func TestTransportNeverSendsWithoutToken(t *testing.T) {
	store := NewMemoryStore()
	row := stored(t, store, -time.Minute)
	row.State = State{Class: NeedsLogin, Reason: "revoked"}
	must(t, store.SaveToken(t.Context(), row))
	s := open(t, New(store, &stubProvider{}, nil), row.ID)
	_, _, err := call(t, s, func(*http.Request) (int, string) {
		t.Error("a request was sent")
		return 200, ""
	}, get(t, leads))
	if !errors.Is(err, ErrNeedsLogin) {
		t.Error(err)
	}
}

// refuseOld answers 401 to every token but the newest of p.
func refuseOld(p *stubProvider, body string, bodies *[]string) roundTripper {
	return func(r *http.Request) (int, string) {
		if r.Body != nil {
			b, _ := io.ReadAll(r.Body)
			*bodies = append(*bodies, string(b))
		}
		if r.Header.Get("Authorization") == "Zoho-oauthtoken 1000.access.1" {
			return 200, "ok"
		}
		return 401, body
	}
}

func TestTransportReplaysOnceAfterRefusal(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, leads, strings.NewReader("lead"))
	must(t, err)
	var bodies []string
	status, body, err := call(t, s, refuseOld(p, "INVALID_TOKEN", &bodies), req)
	if status != 200 || body != "ok" || err != nil || strings.Join(bodies, ",") != "lead,lead" {
		t.Errorf("%d %q %v, bodies %q", status, body, err, bodies)
	}
	if p.refreshes.Load() != 1 {
		t.Errorf("%d refreshes", p.refreshes.Load())
	}
}

func TestTransportDoesNotReplayAStream(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, leads, io.MultiReader(strings.NewReader("lead")))
	must(t, err)
	var bodies []string
	status, body, err := call(t, s, refuseOld(p, "INVALID_TOKEN", &bodies), req)
	if status != 401 || body != "INVALID_TOKEN" || err != nil || len(bodies) != 1 {
		t.Errorf("%d %q %v, bodies %q", status, body, err, bodies)
	}
	if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" {
		t.Errorf("the refused token is still handed out: %v", err)
	}
}

func TestTransportLeavesOther401Alone(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	status, body, err := call(t, s, refuseOld(p, "scope", nil), get(t, leads))
	if status != 401 || body != "scope" || err != nil || p.refreshes.Load() != 0 {
		t.Errorf("%d %q %v, %d refreshes", status, body, err, p.refreshes.Load())
	}
}

func TestTransportAdoptsAnotherProcessesToken(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, time.Hour)
	s := open(t, New(store, p, nil), row.ID)
	_, err := open(t, New(store, p, nil), row.ID).Refresh(t.Context())
	must(t, err)
	status, _, err := call(t, s, refuseOld(p, "INVALID_TOKEN", nil), get(t, leads))
	if status != 200 || err != nil || p.refreshes.Load() != 1 {
		t.Errorf("%d %v, %d refreshes, want the one of the other process", status, err, p.refreshes.Load())
	}
}

func TestRefusalOfEverythingDoesNotUseTheQuotaUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
		for range 100 {
			status, _, err := call(t, s, func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" }, get(t, leads))
			if status != 401 || err != nil {
				t.Fatal(status, err)
			}
		}
		if n := p.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}

func TestOlderTokenInvalidatesNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	told := 0
	k := New(store, p, &Options{OnEvent: func(_ context.Context, e Event) {
		if e.Kind == Invalidated {
			told++
		}
	}})
	s := open(t, k, stored(t, store, time.Hour).ID)
	old, err := s.Token(t.Context())
	must(t, err)
	_, err = open(t, New(store, p, nil), s.ID()).Refresh(t.Context())
	must(t, err)
	_, err = s.Row(t.Context()) // learns of the newer one
	must(t, err)
	s.Invalidate(t.Context(), old)
	if tok, err := s.Token(t.Context()); err != nil || tok.Reveal() != "1000.access.1" || p.refreshes.Load() != 1 || told != 0 {
		t.Errorf("%v, %d refreshes, %d events", err, p.refreshes.Load(), told)
	}
}

func TestTokenSource(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	tok, err := s.TokenSource(t.Context()).Token()
	must(t, err)
	if tok.AccessToken != "1000.access.0" || tok.RefreshToken != "" || tok.Type() != "Zoho-oauthtoken" || !tok.Valid() {
		t.Errorf("type %q, refresh token %t", tok.Type(), tok.RefreshToken != "")
	}
}
