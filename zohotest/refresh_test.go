package zohotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func TestS25RefreshDoesNotRotate(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	a, b := g.refresh(login.RefreshToken), g.refresh(login.RefreshToken)
	if a.str("access_token") == b.str("access_token") || a.json["refresh_token"] != nil {
		t.Errorf("got %s and %s", a.body, b.body)
	}
	g.Advance(3599 * time.Second)
	equal(t, "older token before its expiry", g.me(a.str("access_token")).status, 200)
	g.Advance(time.Second)
	wantCode(t, g.me(a.str("access_token")), 401, "INVALID_TOKEN")
}

func TestS26RefreshAtAnotherDataCentre(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	kv := []string{"grant_type", "refresh_token", "refresh_token", login.RefreshToken}
	wantError(t, g.token("eu", kv...), "invalid_code")
	wantError(t, g.token("cn", kv...), "invalid_client")
	wantTokens(t, g.token("us", kv...))
	equal(t, "dead represented", g.Counters().DeadRepresented, 0)
}

func TestS27Throttle(t *testing.T) {
	g := newRig(t, nil)
	token, other := g.Issue(app, ann).RefreshToken, g.Issue(app, ann).RefreshToken
	for i := range 10 {
		wantTokens(t, g.refresh(token))
		g.Advance(time.Duration(i) * time.Second) // 45 s in all
	}
	r := g.refresh(token)
	wantThrottled(t, r)
	equal(t, "body", r.body, `{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}`)
	wantTokens(t, g.refresh(other))
	g.Advance(554 * time.Second) // 599 s after the first
	wantThrottled(t, g.refresh(token))
	g.Advance(time.Second)
	wantTokens(t, g.refresh(token))
	equal(t, "throttles", g.Counters().Throttles, 2)
}

// TestS27WindowIsExact runs on virtual time, to the nanosecond.
func TestS27WindowIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := memoryRig(t, &zohotest.Options{Limits: zohotest.Limits{RefreshesPerWindow: 1}})
		token := g.Issue(app, ann).RefreshToken
		wantTokens(t, g.refresh(token))
		time.Sleep(10*minute - time.Nanosecond)
		wantThrottled(t, g.refresh(token))
		time.Sleep(time.Nanosecond)
		wantTokens(t, g.refresh(token))
	})
}

func TestS27ExchangesCount(t *testing.T) {
	for _, count := range []bool{false, true} {
		g := newRig(t, &zohotest.Options{ExchangesCount: count, Limits: zohotest.Limits{RefreshesPerWindow: 1}})
		token := g.exchange(g.code(offline())).str("refresh_token")
		equal(t, "mints after the exchange", g.refresh(token).status == 200, !count)
	}
}

func TestS28ThrottleVariants(t *testing.T) {
	g := newRig(t, &zohotest.Options{ThrottleStatus: 200, Limits: zohotest.Limits{RefreshesPerWindow: 1}})
	token := g.Issue(app, ann).RefreshToken
	wantTokens(t, g.refresh(token))
	req, err := g.form(g.AccountsURL("us")+"/oauth/v2/token", "client_id", app, "client_secret", secret,
		"grant_type", "refresh_token", "refresh_token", token)
	req.Header.Set("Accept-Language", "zh-CN")
	r := g.must(req, err)
	equal(t, "status", r.status, 200)
	equal(t, "error", r.str("error"), "拒绝访问")
	equal(t, "status field", r.str("status"), "failure")
}

func TestS28RetriesExtendLock(t *testing.T) {
	for _, extend := range []bool{false, true} {
		g := newRig(t, &zohotest.Options{RetriesExtendLock: extend, Limits: zohotest.Limits{RefreshesPerWindow: 1}})
		token := g.Issue(app, ann).RefreshToken
		wantTokens(t, g.refresh(token))
		g.Advance(9 * minute)
		wantThrottled(t, g.refresh(token))
		g.Advance(2 * minute)
		equal(t, "mints again", g.refresh(token).status == 200, !extend)
	}
}

func TestS28SlidingWindow(t *testing.T) {
	g := newRig(t, &zohotest.Options{SlidingWindow: true, Limits: zohotest.Limits{RefreshesPerWindow: 2}})
	token := g.Issue(app, ann).RefreshToken
	wantTokens(t, g.refresh(token))
	g.Advance(9 * minute)
	wantTokens(t, g.refresh(token))
	g.Advance(minute)
	wantTokens(t, g.refresh(token)) // the first one left the window
	wantThrottled(t, g.refresh(token))
}

func TestS28FailedTriesCount(t *testing.T) {
	for _, count := range []bool{false, true} {
		g := newRig(t, &zohotest.Options{FailedTriesCount: count, Limits: zohotest.Limits{RefreshesPerWindow: 1}})
		token := g.Issue(app, ann).RefreshToken
		wrong := g.token("us", "grant_type", "refresh_token", "refresh_token", token, "client_secret", "no")
		wantError(t, wrong, "invalid_client_secret")
		equal(t, "mints after a failure", g.refresh(token).status == 200, !count)
	}
}

func TestS29OldestAccessTokenDies(t *testing.T) {
	for _, limit := range []int{10, 15, 30} {
		g := newRig(t, &zohotest.Options{Limits: zohotest.Limits{LiveAccessTokens: limit, RefreshesPerWindow: -1}})
		login := g.Issue(app, ann) // the first
		for range limit - 1 {
			wantTokens(t, g.refresh(login.RefreshToken))
		}
		equal(t, "at the limit", g.me(login.AccessToken).status, 200)
		newest := g.refresh(login.RefreshToken).str("access_token")
		r := g.me(login.AccessToken)
		equal(t, "body", r.body, `{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}`)
		equal(t, "status", r.status, 401)
		equal(t, "newest", g.me(newest).status, 200)
		equal(t, "evictions", g.Counters().Evictions, 1)
		equal(t, "alive", g.LiveAccessTokens(login.RefreshToken), limit)
	}
}

func TestS29ExpiredTokensDoNotCount(t *testing.T) {
	g := newRig(t, &zohotest.Options{Limits: zohotest.Limits{LiveAccessTokens: 2}})
	login := g.Issue(app, ann)
	wantTokens(t, g.refresh(login.RefreshToken))
	g.Advance(time.Hour)
	wantTokens(t, g.refresh(login.RefreshToken))
	wantTokens(t, g.refresh(login.RefreshToken))
	equal(t, "evictions", g.Counters().Evictions, 0)
}

func TestS30OldestRefreshTokenDies(t *testing.T) {
	g := newRig(t, nil)
	login := g.Issue(app, ann)
	eu := g.Issue(app, eva)
	for range 19 {
		g.Issue(app, ann)
	}
	equal(t, "twenty", g.me(login.AccessToken).status, 200)
	wantTokens(t, g.exchange(g.code(zohotest.GrantOptions{Offline: true, PromptConsent: true})))
	wantError(t, g.refresh(login.RefreshToken), "invalid_code")
	wantCode(t, g.me(login.AccessToken), 401, "INVALID_TOKEN")
	if alive, _ := g.RefreshTokenAlive(eu.RefreshToken); !alive {
		t.Error("another user's token died")
	}
	equal(t, "superseded", g.Counters().Superseded, 1)
}

func TestS30ScopeOfTheCount(t *testing.T) {
	for _, tc := range []struct {
		by                       zohotest.CountBy
		otherClient, anotherUser bool // survives
	}{
		{zohotest.CountByUserAndClient, true, true},
		{zohotest.CountByUser, false, true},
		{zohotest.CountByClient, true, false},
	} {
		g := newRig(t, &zohotest.Options{CountRefreshTokens: tc.by, Limits: zohotest.Limits{RefreshTokens: 1}})
		a, b := g.Issue(selfApp, ann), g.Issue(app, eva)
		g.Issue(app, ann)
		alive := func(i zohotest.Issued) bool { ok, _ := g.RefreshTokenAlive(i.RefreshToken); return ok }
		equal(t, string(tc.by)+" other client", alive(a), tc.otherClient)
		equal(t, string(tc.by)+" other user", alive(b), tc.anotherUser)
	}
}
