package lineage_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
	"github.com/tokenkeep/tokenkeep/oauth"
	"github.com/tokenkeep/tokenkeep/zohotest"
)

// rotator is a strictly rotating provider with a login of ann's.
func rotator(t *testing.T, policy tokenkeep.Policy) (*zohotest.Fake, *tokenkeep.Keeper, *tokenkeep.Session, *tokenkeep.MemoryStore) {
	t.Helper()
	const server = "https://accounts.zoho.com"
	fake := zohotest.New(&zohotest.Options{Profile: &zohotest.Profile{Rotation: zohotest.RotateStrict}})
	fake.AddClient(zohotest.Client{ID: app, Secret: appSecret})
	fake.AddUser(zohotest.User{Email: "ann@example.com"})
	p, err := oauth.New(oauth2.Config{
		ClientID: app, ClientSecret: appSecret,
		Endpoint: oauth2.Endpoint{AuthURL: server + "/oauth/v2/auth", TokenURL: server + "/oauth/v2/token"},
	}, oauth.Options{Rotation: tokenkeep.RotationStrict, Transport: fake.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	store := tokenkeep.NewMemoryStore()
	k := tokenkeep.New(store, p, &tokenkeep.Options{Policy: policy})
	got := fake.Issue(app, "ann@example.com")
	s, err := k.Adopt(t.Context(), &tokenkeep.Token{
		UserName: ann, ClientID: app, AccountsServer: server, RefreshToken: secret(got.RefreshToken),
		AccessToken: secret(got.AccessToken), Expiry: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return fake, k, s, store
}

// asks uses a session each quarter of an hour; that it fails in the end is the point.
func asks(t *testing.T, s *tokenkeep.Session, hours int) {
	t.Helper()
	for range 4 * hours {
		time.Sleep(15 * time.Minute)
		_, _ = s.Token(t.Context())
	}
}

func storyOf(t *testing.T, k *tokenkeep.Keeper, s *tokenkeep.MemoryStore) *lineage.Story {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	row, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: ann})
	if err != nil {
		t.Fatal(err)
	}
	f, err := lineage.Gather(t.Context(), s, lineage.Query{Row: row, Limits: tokenkeep.Limits{Rotation: tokenkeep.RotationStrict}})
	if err != nil {
		t.Fatal(err)
	}
	story := lineage.Explain(f)
	check(t, story)
	return story
}

// TestSeededRotation: a provider that rotates is not taken for another program, and
// the loss of its answer is told.
func TestSeededRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, s, store := rotator(t, tokenkeep.Policy{})
		asks(t, s, 6)
		story := storyOf(t, k, store)
		if got := brief(story); got != "fine sure" || story.State != lineage.Working {
			t.Errorf("%s: %s", story.State, got)
		}
		if e := strings.Join(story.Verdicts[0].Evidence, "\n"); strings.Contains(e, "another program") {
			t.Errorf("evidence %q", e)
		}
		if n := len(story.TimeLine); n != 2 {
			t.Errorf("%d moments, want the login and the refreshes: %+v", n, story.TimeLine)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		fake, k, s, store := rotator(t, tokenkeep.Policy{})
		asks(t, s, 3)
		fake.AddFault(zohotest.Fault{Kind: zohotest.FaultCutAfter, Path: "/oauth/v2/token", Times: 1})
		asks(t, s, 2)
		story := storyOf(t, k, store)
		if got := brief(story); got != "answer_lost sure" || story.State != lineage.InDoubt {
			t.Errorf("%s: %s\n%+v", story.State, got, story)
		}
		if worked := story.Ended.Worked; worked.IsZero() || story.Ended.Found.Sub(worked) > 90*time.Minute {
			t.Errorf("ended %+v", story.Ended)
		}
	})
}

// TestSeededPolicy: a login that the store's own policy ended.
func TestSeededPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, s, store := rotator(t, tokenkeep.Policy{Lifetime: 5 * time.Hour})
		asks(t, s, 8)
		story := storyOf(t, k, store)
		if got := brief(story); got != "expired sure" || story.State != lineage.LoginNeeded {
			t.Errorf("%s: %s", story.State, got)
		}
		if e := story.Verdicts[0].Evidence[0]; e != tokenkeep.EndedByPolicy+": logged in for 5 hours, 5 allowed" {
			t.Errorf("evidence %q", e)
		}
	})
}
