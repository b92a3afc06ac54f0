package bench_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/bench"
)

// staticProvider is a Provider that is never asked: the token is fresh.
type staticProvider struct{ tokenkeep.Provider }

func (staticProvider) Audience(*tokenkeep.Token) (tokenkeep.Audience, error) {
	return tokenkeep.Audience{Scheme: "Zoho-oauthtoken", BaseURL: "https://www.zohoapis.eu", Hosts: []string{"www.zohoapis.eu"}}, nil
}

func session(tb testing.TB) *tokenkeep.Session {
	tb.Helper()
	store := tokenkeep.NewMemoryStore()
	row := &tokenkeep.Token{
		UserName: "u", RefreshToken: tokenkeep.NewSecret("r"), Expiry: time.Now().Add(time.Hour),
		AccessToken: tokenkeep.NewSecret("1000." + strings.Repeat("a", 64)),
	}
	if err := store.SaveToken(tb.Context(), row); err != nil {
		tb.Fatal(err)
	}
	s, err := tokenkeep.New(store, staticProvider{}, nil).SessionByID(tb.Context(), row.ID)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func reuse() oauth2.TokenSource {
	return oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "1000." + strings.Repeat("a", 64), Expiry: time.Now().Add(time.Hour)}, nil)
}

func tokens(tb testing.TB, ctx context.Context) (peer, ours bench.Side) {
	src, s := reuse(), session(tb)
	peer = bench.Side{Name: "oauth2", Run: func(n int) {
		for range n {
			if _, err := src.Token(); err != nil {
				tb.Error(err)
			}
		}
	}}
	ours = bench.Side{Name: "tokenkeep", Run: func(n int) {
		for range n {
			if _, err := s.Token(ctx); err != nil {
				tb.Error(err)
			}
		}
	}}
	return peer, ours
}

func BenchmarkFreshToken(b *testing.B) {
	peer, ours := tokens(b, b.Context())
	bench.Pair(b, peer, ours, 1)
}

func BenchmarkFreshTokenParallel(b *testing.B) {
	peer, ours := tokens(b, b.Context())
	bench.Pair(b, peer, ours, runtime.GOMAXPROCS(0))
}

// nullBase answers at once, so that only the transport itself is measured.
type nullBase struct{ resp *http.Response }

func (n nullBase) RoundTrip(*http.Request) (*http.Response, error) { return n.resp, nil }

func BenchmarkTransport(b *testing.B) {
	base := nullBase{&http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}}
	request := func() *http.Request {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "https://www.zohoapis.eu/crm/v8/Leads?fields=Last_Name", nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("User-Agent", "bench")
		return r
	}
	side := func(name string, rt http.RoundTripper) bench.Side {
		r := request()
		return bench.Side{Name: name, Run: func(n int) {
			for range n {
				if _, err := rt.RoundTrip(r); err != nil {
					b.Error(err)
				}
			}
		}}
	}
	bench.Pair(b, side("oauth2", &oauth2.Transport{Source: reuse(), Base: base}), side("tokenkeep", session(b).Transport(base)), 1)
}
