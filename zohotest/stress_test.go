package zohotest_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/zohotest"
)

// TestManyAtOnce is for the race detector: everything at the same time.
func TestManyAtOnce(t *testing.T) {
	g := newRig(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			email := fmt.Sprintf("user%d@example.com", i)
			g.AddUser(zohotest.User{Email: email})
			login := g.Issue(app, email)
			remove := g.AddFault(zohotest.Fault{Kind: zohotest.FaultStatus, Token: login.RefreshToken, Times: 1})
			g.refresh(login.RefreshToken)
			remove()
			g.me(g.refresh(login.RefreshToken).str("access_token"))
			g.IssueIn(zohotest.Sandbox, app, email)
			g.get(g.AdminURL() + "/admin/state")
			g.get(g.authURL("us"))
			g.EvictAccessToken(login.AccessToken)
			g.RemoveApp(app, email)
			g.Advance(time.Second)
			g.Requests()
		})
	}
	wg.Wait()
	equal(t, "mints", g.Counters().Mints, 8)
	equal(t, "faults", g.Counters().Faults, 8)
}

// TestClientTimeout shows that http.Client.Timeout works in a bubble.
func TestClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := memoryRig(t, &zohotest.Options{Latency: time.Minute})
		g.http.Timeout = 10 * time.Second
		start := time.Now()
		if _, err := g.try(t.Context(), g.Issue(app, ann).RefreshToken); err == nil {
			t.Error("no error")
		}
		equal(t, "waited", time.Since(start), 10*time.Second)
		equal(t, "mints", g.Counters().Mints, 0)
	})
}

func BenchmarkRefreshInMemory(b *testing.B) {
	f := zohotest.New(&zohotest.Options{Limits: zohotest.Limits{RefreshesPerWindow: -1}})
	g := seeded(b, f, f.Transport())
	token := g.Issue(app, ann).RefreshToken
	for b.Loop() {
		if g.refresh(token).status != http.StatusOK {
			b.Fatal("no token")
		}
	}
}
