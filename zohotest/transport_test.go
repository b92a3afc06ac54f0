package zohotest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

func TestTransportInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := memoryRig(t, nil)
		r := g.exchange(g.code(offline()))
		wantTokens(t, r)
		equal(t, "api_domain", r.str("api_domain"), "https://www.zohoapis.com")
		equal(t, "me", g.me(r.str("access_token")).status, 200)
		time.Sleep(time.Hour)
		wantCode(t, g.me(r.str("access_token")), 401, "INVALID_TOKEN")
		wantTokens(t, g.refresh(r.str("refresh_token")))
	})
}

func TestTransportHosts(t *testing.T) {
	g := memoryRig(t, nil)
	g.AddUser(zohotest.User{Email: "kim@example.com", DC: "ca"})
	login := g.IssueIn(zohotest.Developer, app, "kim@example.com")
	equal(t, "api_domain", login.APIDomain, "https://developer.zohoapis.ca")
	equal(t, "status", g.crm(http.MethodGet, login.APIDomain+":443/crm/v8/org", login.AccessToken, "").status, 200)
	equal(t, "files", g.get("https://upload.zohocloud.ca/crm/v8/upload").status, 404)
}

func TestTransportUnknownHost(t *testing.T) {
	g := memoryRig(t, nil)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://accounts.zoho.evil/oauth/v2/token", nil)
	_, err := g.do(req)
	if dns, ok := errors.AsType[*net.DNSError](err); !ok || !dns.IsNotFound {
		t.Errorf("error: %v", err)
	}
	req, _ = http.NewRequestWithContext(t.Context(), http.MethodGet, "http://accounts.zoho.com/oauth/serverinfo", nil)
	if _, err = g.do(req); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("http: %v", err)
	}
}

func TestTransportHonoursContext(t *testing.T) {
	g := memoryRig(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.try(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	equal(t, "requests", g.Counters().TokenRequests, 0)
}

func TestTransportReachesListeners(t *testing.T) {
	f := zohotest.NewServer(t, &zohotest.Options{DataCentres: []string{"us"}})
	g := seeded(t, f, f.Transport())
	wantTokens(t, g.refresh(g.Issue(app, ann).RefreshToken))
}

func TestClose(t *testing.T) {
	f := zohotest.New(&zohotest.Options{DataCentres: []string{"us"}})
	if err := f.Listen(); err != nil {
		t.Fatal(err)
	}
	at := f.AccountsURL("us")
	f.Close()
	f.Close()
	if _, err := http.Get(at); err == nil {
		t.Error("still listening")
	}
	equal(t, "new environment", f.EnvAPIDomain("us", zohotest.Sandbox), "")
}
