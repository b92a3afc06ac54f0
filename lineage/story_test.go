package lineage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// noon is the time of every question.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// ago returns a time so many minutes before noon.
func ago(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }

const (
	ann, bob = "ann@example.com:1", "bob@example.com:1"
	app      = "1000.APP0001"
	other    = "1000.OTHER01"
	id       = "1000000000"
)

func secret(s string) tokenkeep.Secret { return tokenkeep.NewSecret(s) }

func mark(s string) string { return tokenkeep.LoginMark(secret(s)) }

// row is ann's login: it worked 50 minutes ago, and is dead since 10 minutes ago.
func row() *tokenkeep.Token {
	return &tokenkeep.Token{
		ID: id, UserName: ann, ClientID: app, DataCentre: "us", Version: 9,
		RefreshToken: secret("r1"), AccessToken: secret("a1"), Expiry: ago(-10),
		CreatedAt: ago(5000), UpdatedAt: ago(10), UsedAt: ago(50),
		State: tokenkeep.State{Class: tokenkeep.NeedsLogin, Reason: "invalid_code", Since: ago(10), Failures: 1},
	}
}

// event is one of ann's login r1, by a process on web1.
func event(minutes int, kind tokenkeep.EventKind, change ...func(*tokenkeep.Event)) tokenkeep.Event {
	e := tokenkeep.Event{
		Kind: kind, TokenID: id, UserName: ann, ClientID: app, DataCentre: "us",
		Login: mark("r1"), Time: ago(minutes), Owner: "web1:41:RAND:FLIGHT",
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func of(login string) func(*tokenkeep.Event) {
	return func(e *tokenkeep.Event) { e.Login = mark(login) }
}

func asked(actor, owner string) func(*tokenkeep.Event) {
	return func(e *tokenkeep.Event) { e.Actor, e.Owner = actor, owner }
}

func class(c tokenkeep.Class) func(*tokenkeep.Event) {
	return func(e *tokenkeep.Event) { e.Class = c }
}

// usual is the history of a login that died.
func usual() []tokenkeep.Event {
	return []tokenkeep.Event{
		event(5000, tokenkeep.LoggedIn), event(110, tokenkeep.Refreshed), event(50, tokenkeep.Refreshed),
		event(10, tokenkeep.Failed, class(tokenkeep.NeedsLogin)),
	}
}

// amid is the usual history with more before the login was found dead.
func amid(events ...tokenkeep.Event) []tokenkeep.Event {
	return slices.Insert(usual(), 3, events...)
}

func facts(change ...func(*lineage.Facts)) *lineage.Facts {
	f := &lineage.Facts{
		User: ann, Row: row(), Events: usual(), Recorded: true, Begins: ago(9000), Provider: "Zoho", Now: noon,
		Limits: tokenkeep.Limits{Mints: 10, Window: 10 * time.Minute, Live: 15, RefreshTokens: 20},
	}
	for _, c := range change {
		c(f)
	}
	return f
}

// neighbour is a login that was made 4000 minutes ago and worked worked minutes ago.
func neighbour(user, client string, worked int) lineage.Neighbour {
	return lineage.Neighbour{
		TokenID: fmt.Sprint(tokenkeep.FirstID + 1 + worked), UserName: user, ClientID: client,
		LoggedIn: ago(4000), Since: ago(4000), Worked: ago(worked),
	}
}

// fallen is a neighbour that worked 40 minutes ago and was found dead 20 minutes ago.
func fallen(user, client string) lineage.Neighbour {
	n := neighbour(user, client, 40)
	n.Ended = lineage.Ending{Worked: ago(40), Found: ago(20)}
	n.Class = tokenkeep.NeedsLogin
	return n
}

func with(n ...lineage.Neighbour) func(*lineage.Facts) {
	return func(f *lineage.Facts) { f.Neighbours = append(f.Neighbours, n...) }
}

// brief is the verdicts and exclusions, such as "evicted likely, -password_changed".
func brief(s *lineage.Story) string {
	var out []string
	for _, v := range s.Verdicts {
		text := string(v.Cause) + " " + string(v.Certainty)
		if v.Past {
			text += " past"
		}
		out = append(out, text)
	}
	excluded := []string{}
	for _, x := range s.Excluded {
		excluded = append(excluded, "-"+string(x.Cause))
	}
	slices.Sort(excluded)
	return strings.Join(append(out, excluded...), ", ")
}

func want(t *testing.T, f *lineage.Facts, state lineage.State, verdicts string) *lineage.Story {
	t.Helper()
	s := lineage.Explain(f)
	if s.State != state || brief(s) != verdicts {
		t.Errorf("state %s, verdicts %q\nwant %s, %q", s.State, brief(s), state, verdicts)
	}
	check(t, s)
	return s
}

// check looks for what no story may lack or hold.
func check(t *testing.T, s *lineage.Story) {
	t.Helper()
	if len(s.Verdicts) == 0 {
		t.Error("a story without a verdict")
	}
	for _, v := range s.Verdicts {
		if v.Summary == "" || v.Evidence == nil || !strings.HasSuffix(v.Summary, ".") {
			t.Errorf("verdict %+v lacks words", v)
		}
		for _, e := range v.Evidence {
			if e == "" || strings.HasSuffix(e, ".") || strings.Contains(e, "unknown time") {
				t.Errorf("evidence %q of %s", e, v.Cause)
			}
		}
	}
	if s.State != lineage.Working && len(s.Next) == 0 {
		t.Errorf("state %s without a step that helps", s.State)
	}
}
