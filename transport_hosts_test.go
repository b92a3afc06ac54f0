package tokenkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What else of a request can name a host leads the token nowhere.
func TestTransportSendsToTheHostOfTheURLAlone(t *testing.T) {
	store := NewMemoryStore()
	s := open(t, New(store, &stubProvider{}, nil), stored(t, store, time.Hour).ID)
	req := get(t, leads)
	req.Host = "evil.example"
	var host string
	_, _, err := call(t, s, func(r *http.Request) (int, string) { host = r.Host; return 200, "" }, req)
	if err != nil || host != "" && host != "www.zohoapis.eu" {
		t.Errorf("Host: %q, %v", host, err)
	}
	if req.Host != "evil.example" {
		t.Error("the caller's request was changed")
	}
	for _, u := range []string{"https://www.zohoapis.eu/", "https://www.zohoapis.com/"} {
		req = get(t, u)
		req.URL.Opaque = "//evil.example/crm"
		_, _, err = call(t, s, func(r *http.Request) (int, string) {
			t.Errorf("sent %s to %s", r.URL.RequestURI(), r.URL.Host)
			return 200, ""
		}, req)
		if !errors.Is(err, ErrMisconfigured) {
			t.Error(err)
		}
	}
}

// One host has many spellings.
func TestTransportKnowsHostsByOtherSpellings(t *testing.T) {
	store := NewMemoryStore()
	s := open(t, New(store, &stubProvider{}, nil), stored(t, store, time.Hour).ID)
	for u, want := range map[string]string{
		"https://www.zohoapis.eu:443/crm":          "www.zohoapis.eu:443",
		"https://WWW.ZohoAPIs.eu/crm":              "WWW.ZohoAPIs.eu",
		"https://WWW.ZohoAPIs.com:443/crm":         "www.zohoapis.eu",
		"https://user:password@www.zohoapis.eu/":   "www.zohoapis.eu",
		"https://www.zohoapis.eu:80/crm":           "",
		"https://www.zohoapis.eu.:443/crm":         "",
		"https://www.zohoapis.eu@evil.example/crm": "",
		"https://[::1]/crm":                        "",
		"https:///crm":                             "",
	} {
		var sent, auth string
		_, _, _ = call(t, s, func(r *http.Request) (int, string) {
			sent, auth = r.URL.Host, r.Header.Get("Authorization")
			return 200, ""
		}, get(t, u))
		if sent != want || (want != "" && auth != "Zoho-oauthtoken 1000.access.0") {
			t.Errorf("%s went to %q, want %q", u, sent, want)
		}
	}
}

// Answers are printed by programs that look for errors.
func TestAnswerDoesNotCarryTheToken(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	for _, base := range []roundTripper{
		func(*http.Request) (int, string) { return 200, "" },
		refuseOld(p, "INVALID_TOKEN", nil),
		func(*http.Request) (int, string) { return 401, "INVALID_TOKEN" },
	} {
		resp, err := (&http.Client{Transport: s.Transport(base)}).Do(get(t, leads))
		must(t, err)
		must(t, resp.Body.Close())
		if text := fmt.Sprintf("%+v %+v", resp, resp.Request); strings.Contains(text, "1000.access") {
			t.Error("the answer's request shows the token")
		}
	}
}

// brokenBody gives a part and then an error, once.
type brokenBody struct {
	io.Reader
	closed *atomic.Int64
}

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b brokenBody) Close() error { b.closed.Add(1); return nil }

type responder func(r *http.Request) (*http.Response, error)

func (f responder) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBrokenRefusalReachesTheCallerWhole(t *testing.T) {
	store := NewMemoryStore()
	s := open(t, New(store, &stubProvider{}, nil), stored(t, store, time.Hour).ID)
	var closed atomic.Int64
	resp, err := s.Transport(responder(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: brokenBody{strings.NewReader("INVALID_"), &closed}}, nil
	})).RoundTrip(get(t, leads))
	must(t, err)
	body, err := io.ReadAll(resp.Body)
	if string(body) != "INVALID_" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", body, err)
	}
	must(t, resp.Body.Close())
	if closed.Load() != 1 {
		t.Errorf("closed %d times", closed.Load())
	}
}

// Bodies that were opened for a replay that does not happen are closed.
func TestUnusedReplayIsClosed(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	p.refresh = func(context.Context, int64, *Token) (*Token, error) {
		return nil, &Error{Class: RetryLater, Reason: "down"}
	}
	s := open(t, New(store, p, nil), stored(t, store, time.Hour).ID)
	var opened, closed atomic.Int64
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, leads, http.NoBody)
	must(t, err)
	req.GetBody = func() (io.ReadCloser, error) {
		opened.Add(1)
		return brokenBody{strings.NewReader("lead"), &closed}, nil
	}
	req.Body, _ = req.GetBody()
	_, err = s.Transport(responder(func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close()
		return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("INVALID_TOKEN"))}, nil
	})).RoundTrip(req)
	if !errors.Is(err, ErrRetryLater) {
		t.Error(err)
	}
	if opened.Load() != closed.Load() {
		t.Errorf("%d bodies opened, %d closed", opened.Load(), closed.Load())
	}
}

// movingProvider has the audience of the data centre that the row names.
type movingProvider struct{ *stubProvider }

func (movingProvider) Audience(t *Token) (Audience, error) {
	host := "www.zohoapis." + t.DataCentre
	return Audience{
		Scheme: "Zoho-oauthtoken", BaseURL: "https://" + host, Hosts: []string{host},
		Rewrite: []string{"www.zohoapis.eu", "www.zohoapis.in"},
	}, nil
}

// A login that moved to another data centre while a request ran is not sent to
// the old one.
func TestReplayGoesWhereTheNewTokenMayGo(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	s := open(t, New(store, movingProvider{p}, nil), stored(t, store, time.Hour).ID)
	var sent []string
	_, _, err := call(t, s, func(r *http.Request) (int, string) {
		sent = append(sent, r.URL.Host+" "+r.Header.Get("Authorization"))
		if len(sent) > 1 {
			return 200, ""
		}
		row := read(t, store, s.ID())
		row.DataCentre, row.AccessToken = "in", NewSecret("1000.access.in")
		must(t, store.SaveToken(t.Context(), row))
		return 401, "INVALID_TOKEN"
	}, get(t, leads))
	must(t, err)
	if len(sent) != 2 || sent[1] != "www.zohoapis.in Zoho-oauthtoken 1000.access.in" {
		t.Errorf("sent to %q", sent)
	}
}
