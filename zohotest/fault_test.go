package zohotest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

const tokenPath = "/oauth/v2/token"

// onBoth runs a test over sockets and over the in-memory transport.
func onBoth(t *testing.T, test func(t *testing.T, g rig)) {
	t.Run("sockets", func(t *testing.T) { test(t, newRig(t, nil)) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, memoryRig(t, nil)) })
	})
}

// try refreshes and gives the error of the connection, if any.
func (g rig) try(ctx context.Context, token string) (reply, error) {
	g.t.Helper()
	req, err := g.form(g.AccountsURL("us")+tokenPath, "client_id", app, "client_secret", secret,
		"grant_type", "refresh_token", "refresh_token", token)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.do(req.WithContext(ctx))
}

func TestS54Answers(t *testing.T) {
	for _, tc := range []struct {
		fault  zohotest.Fault
		status int
		body   string
		mints  int
	}{
		{zohotest.Fault{Kind: zohotest.FaultStatus}, 500, "<!DOCTYPE html>", 0},
		{zohotest.Fault{Kind: zohotest.FaultStatus, Status: 502}, 502, "Bad Gateway", 0},
		{zohotest.Fault{Kind: zohotest.FaultStatus, Status: 503, AfterCommit: true}, 503, "<html", 1},
		{zohotest.Fault{Kind: zohotest.FaultHTML200}, 200, "Maintenance", 0},
		{zohotest.Fault{Kind: zohotest.FaultEmptyJSON}, 200, "{}", 0},
		{zohotest.Fault{Kind: zohotest.FaultEmptyBody}, 200, "", 0},
		{zohotest.Fault{Kind: zohotest.FaultBody, Status: 418, Body: `{"error":"x"}`}, 418, `{"error":"x"}`, 0},
		{zohotest.Fault{Kind: zohotest.FaultThrottle}, 400, `"status":"failure"`, 0},
		{zohotest.Fault{Kind: zohotest.FaultTooManyRequests}, 429, `"TOO_MANY_REQUESTS"`, 0},
		{zohotest.Fault{Header: map[string]string{"X-Odd": "1"}}, 200, "access_token", 1},
	} {
		t.Run(string(tc.fault.Kind), func(t *testing.T) {
			onBoth(t, func(t *testing.T, g rig) {
				token := g.Issue(app, ann).RefreshToken
				tc.fault.Path, tc.fault.Times = tokenPath, 1
				g.AddFault(tc.fault)
				r := g.refresh(token)
				equal(t, "status", r.status, tc.status)
				if !strings.Contains(r.body, tc.body) || tc.body == "" && r.body != "" {
					t.Errorf("body: %s", r.body)
				}
				equal(t, "header", r.header.Get("X-Odd"), tc.fault.Header["X-Odd"])
				equal(t, "mints", g.Counters().Mints, tc.mints)
				wantTokens(t, g.refresh(token)) // once only
			})
		})
	}
}

func TestS54MissingKeys(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).RefreshToken
	for kind, key := range map[zohotest.FaultKind]string{
		zohotest.FaultNoExpiry: "expires_in", zohotest.FaultNoAPIDomain: "api_domain",
	} {
		remove := g.AddFault(zohotest.Fault{Kind: kind})
		r := g.refresh(token)
		remove()
		wantTokens(t, r)
		if _, ok := r.json[key]; ok || len(r.json) != 4 {
			t.Errorf("%s: %s", kind, r.body)
		}
	}
}

func TestS54BrokenConnections(t *testing.T) {
	for _, tc := range []struct {
		kind      zohotest.FaultKind
		want      error
		committed int
	}{
		{zohotest.FaultCutBefore, io.EOF, 0},
		{zohotest.FaultCutAfter, io.EOF, 1},
		{zohotest.FaultTruncate, io.ErrUnexpectedEOF, 1},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			onBoth(t, func(t *testing.T, g rig) {
				login := g.Issue(app, ann)
				g.AddFault(zohotest.Fault{Kind: tc.kind, Grant: "refresh_token", Times: 1})
				if _, err := g.try(t.Context(), login.RefreshToken); !errors.Is(err, tc.want) {
					t.Errorf("error: %v, want %v", err, tc.want)
				}
				equal(t, "mints", g.Counters().Mints, tc.committed)
				equal(t, "live", g.LiveAccessTokens(login.RefreshToken), 1+tc.committed)
				for range 10 - tc.committed { // a lost answer has used up a slot
					wantTokens(t, g.refresh(login.RefreshToken))
				}
				wantThrottled(t, g.refresh(login.RefreshToken))
				equal(t, "requests", g.Counters().ByRefreshToken[login.RefreshToken].Requests, 12-tc.committed)
			})
		})
	}
}

func TestS54Slow(t *testing.T) {
	for _, tc := range []struct {
		kind  zohotest.FaultKind
		mints int
	}{
		{zohotest.FaultSlowBefore, 0},
		{zohotest.FaultSlowAfter, 1},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := memoryRig(t, nil)
				token := g.Issue(app, ann).RefreshToken
				g.AddFault(zohotest.Fault{Kind: tc.kind, Delay: 30 * time.Second})
				start := time.Now()
				wantTokens(t, g.refresh(token))
				equal(t, "waited", time.Since(start), 30*time.Second)
				g.ResetCounters()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := g.try(ctx, token); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error: %v", err)
				}
				equal(t, "mints", g.Counters().Mints, tc.mints)
			})
		})
	}
}

func TestS54SlowOverSockets(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	g.AddFault(zohotest.Fault{Kind: zohotest.FaultSlowAfter, Delay: time.Hour, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := g.try(ctx, login.RefreshToken); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
	equal(t, "live", g.LiveAccessTokens(login.RefreshToken), 2)
}

func TestS54Selection(t *testing.T) {
	g := newRig(t, nil)
	a, b := g.Issue(app, ann).RefreshToken, g.Issue(app, ann).RefreshToken
	g.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Token: a, After: 1, Times: 2})
	var got []int
	for range 4 {
		got = append(got, g.refresh(a).status)
	}
	for i, want := range []int{200, 500, 500, 200} {
		equal(t, "status", got[i], want)
	}
	wantTokens(t, g.refresh(b))
	g.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Role: zohotest.RoleAPI, DC: "us"})
	wantTokens(t, g.refresh(b))
	equal(t, "api", g.me("x").status, 500)
	equal(t, "faults", g.Counters().Faults, 3)
}

func TestS54ProbabilityIsSeeded(t *testing.T) {
	sequence := func() (s string) {
		g := newRig(t, &zohotest.Options{Limits: zohotest.Limits{RefreshesPerWindow: -1}})
		token := g.Issue(app, ann).RefreshToken
		g.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Probability: 0.5, Seed: 7})
		for range 40 {
			s += string(rune('0' + g.refresh(token).status/100))
		}
		return s
	}
	first := sequence()
	equal(t, "sequence", sequence(), first)
	if n := strings.Count(first, "5"); n < 8 || n > 32 {
		t.Errorf("%d of 40 failed", n)
	}
}

func TestS54ClockSkew(t *testing.T) {
	g := newRig(t, &zohotest.Options{ClockSkew: -time.Hour})
	date, err := http.ParseTime(g.get(g.AccountsURL("us") + "/oauth/serverinfo").header.Get("Date"))
	if d := g.Now().Sub(date); err != nil || d < 59*minute || d > 61*minute {
		t.Errorf("skew %v, %v", d, err)
	}
}

// TestS55Counters is the proof that a stampede can be seen.
func TestS55Counters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := memoryRig(t, &zohotest.Options{Latency: time.Second})
		login, other := g.Issue(app, ann), g.Issue(app, ann)
		var wg sync.WaitGroup
		for i := range 14 {
			token := login.RefreshToken
			if i >= 12 {
				token = other.RefreshToken
			}
			wg.Go(func() { g.refresh(token) })
		}
		wg.Wait()
		c := g.Counters()
		equal(t, "token requests", c.TokenRequests, 14)
		equal(t, "mints", c.Mints, 12)
		equal(t, "throttles", c.Throttles, 2)
		equal(t, "max concurrent", c.MaxConcurrentRefreshes, 14)
		equal(t, "of one token", c.ByRefreshToken[login.RefreshToken],
			zohotest.TokenCounters{Requests: 12, Mints: 10, Throttles: 2, MaxConcurrent: 12})
		g.ResetCounters()
		equal(t, "reset", g.Counters().TokenRequests, 0)
		g.refresh(login.RefreshToken)
		equal(t, "one at a time", g.Counters().MaxConcurrentRefreshes, 1)
	})
}

func TestS55DeadRepresented(t *testing.T) {
	g := newRig(t, nil)
	token := g.Issue(app, ann).RefreshToken
	g.RevokeRefreshToken(token)
	remove := g.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter})
	if _, err := g.try(t.Context(), token); err == nil {
		t.Error("no error")
	}
	remove()
	wantError(t, g.refresh(token), "invalid_code") // the first answer was lost
	equal(t, "first answer", g.Counters().DeadRepresented, 0)
	wantError(t, g.refresh(token), "invalid_code")
	equal(t, "second answer", g.Counters().DeadRepresented, 1)
}
