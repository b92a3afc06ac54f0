package lineage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// healthy is ann's login r1, in use.
func healthy(events ...tokenkeep.Event) *lineage.Facts {
	return facts(func(f *lineage.Facts) {
		f.Row.State = tokenkeep.State{}
		f.Events = append([]tokenkeep.Event{event(5000, tokenkeep.LoggedIn), event(50, tokenkeep.Refreshed)}, events...)
	})
}

// inState is ann's login in a state since ten minutes ago.
func inState(c tokenkeep.Class, reason string, events ...tokenkeep.Event) *lineage.Facts {
	return facts(func(f *lineage.Facts) {
		f.Row.State = tokenkeep.State{Class: c, Reason: reason, Since: ago(10), Until: ago(-2), Failures: 3}
		f.Events = append([]tokenkeep.Event{event(5000, tokenkeep.LoggedIn), event(50, tokenkeep.Refreshed)}, events...)
	})
}

func TestFine(t *testing.T) {
	s := want(t, healthy(), lineage.Working, "fine sure")
	if !s.Since.Equal(ago(5000)) || s.Verdicts[0].Evidence[0] != "it worked at 11:10:00, 50 minutes ago" || len(s.Next) != 0 {
		t.Errorf("story %+v", s)
	}
}

// TestEarlierLogin: who has logged in again still learns why that was needed.
func TestEarlierLogin(t *testing.T) {
	again := func(f *lineage.Facts, events ...tokenkeep.Event) *lineage.Facts {
		f.Events, f.Row.State, f.Row.RefreshToken = append(f.Events, events...), tokenkeep.State{}, secret("r2")
		return f
	}
	s := want(t, again(facts(with(fallen(ann, other))), event(5, tokenkeep.LoggedIn, of("r2"))), lineage.Working,
		"fine sure, password_changed likely past, evicted possible past, app_removed possible past, client_deleted possible past, revoked_elsewhere possible past")
	if !s.Ended.Worked.Equal(ago(50)) || !s.Ended.Found.Equal(ago(10)) {
		t.Errorf("ended %+v", s.Ended)
	}
	want(t, again(healthy(), event(5, tokenkeep.LoggedIn, of("r2")), event(5, tokenkeep.Revoked)),
		lineage.Working, "fine sure, replaced sure past")
	// What replaces a dead login revokes it too: that is not what ended it.
	soon := func(e *tokenkeep.Event) { e.Time = e.Time.Add(30 * time.Second) }
	s = lineage.Explain(again(facts(), event(10, tokenkeep.LoggedIn, of("r2"), soon), event(10, tokenkeep.Revoked, soon)))
	if v := s.Verdicts[1]; v.Cause != lineage.Evicted || !v.Past {
		t.Errorf("verdicts %s", brief(s))
	}
	want(t, again(healthy(), event(9, tokenkeep.Revoked, asked("ops", "host7:1:R")), event(5, tokenkeep.LoggedIn, of("r2"))),
		lineage.Working, "fine sure, revoked_by_operator sure past")
	want(t, again(healthy(), event(5, tokenkeep.LoggedIn, of("r2"))), lineage.Working, "fine sure")
}

func TestAccessTokenRefused(t *testing.T) {
	s := want(t, healthy(event(3, tokenkeep.Invalidated), event(1, tokenkeep.Invalidated)), lineage.Refused, "access_refused sure")
	if got := s.Verdicts[0].Evidence[0]; got != "refused 2 times in the last hour; the next call refreshes it" {
		t.Errorf("evidence %q", got)
	}
	want(t, healthy(event(3, tokenkeep.Invalidated), event(2, tokenkeep.Refreshed)), lineage.Working, "fine sure")

	f := healthy()
	for n := range 16 {
		f.Events = append(f.Events, event(40-n, tokenkeep.Refreshed))
	}
	f.Events = append(f.Events, event(3, tokenkeep.Invalidated))
	want(t, f, lineage.Refused, "access_refused sure, too_many_mints likely")
}

// TestThrottled: who minted, by process, and what came from outside of the store.
func TestThrottled(t *testing.T) {
	f := inState(tokenkeep.Throttled, "more than 10")
	for n := range 4 {
		owner := fmt.Sprintf("web%d:%d:R", n%3, n%3)
		f.Events = append(f.Events, event(18-n, tokenkeep.Refreshed, asked("", owner)))
		f.Row.Mints = append(f.Row.Mints, ago(18-n))
	}
	s := want(t, f, lineage.Throttled, "too_many_mints sure")
	evidence := strings.Join(s.Verdicts[0].Evidence, "\n")
	for _, part := range []string{
		"in the 10 minutes before, 4 access tokens were made: 2 by web0:0, 1 by web1:1 and 1 by web2:2",
		"Zoho allows 10: at least 6 more were asked for with this refresh token from outside of this store",
	} {
		if !strings.Contains(evidence, part) {
			t.Errorf("evidence lacks %q:\n%s", part, evidence)
		}
	}
	if s.Next[0] != "wait until 12:02:00" {
		t.Errorf("next %q", s.Next)
	}

	for n := range 7 {
		f.Row.Mints = append(f.Row.Mints, ago(14).Add(time.Duration(n)*time.Second))
	}
	if s := lineage.Explain(f); strings.Contains(strings.Join(s.Verdicts[0].Evidence, "\n"), "outside") {
		t.Errorf("blames others for the store's own: %q", s.Verdicts[0].Evidence)
	}

	f.Row.State.Until = ago(1) // the window has ended
	want(t, f, lineage.Working, "fine sure")
}

// TestHeldBack: the row's own quota is used up, and the access token has expired.
func TestHeldBack(t *testing.T) {
	f := healthy()
	for n := range 10 {
		f.Row.Mints = append(f.Row.Mints, ago(9).Add(time.Duration(n)*time.Second))
	}
	want(t, f, lineage.Working, "fine sure") // with a valid token nobody notices
	f.Row.Expiry = ago(1)
	s := want(t, f, lineage.Throttled, "too_many_mints sure")
	if !s.Until.Equal(ago(-1)) || strings.Contains(strings.Join(s.Verdicts[0].Evidence, "\n"), "outside") {
		t.Errorf("until %v, evidence %q", s.Until, s.Verdicts[0].Evidence)
	}
	if got := s.Verdicts[0].Evidence[0]; got != "10 access tokens were asked for in 10 minutes" {
		t.Errorf("evidence %q", got)
	}
	f.Row.Mints = f.Row.Mints[1:]
	want(t, f, lineage.Working, "fine sure")

	f.Limits.Life, f.Row.Mints = time.Hour, nil
	for n := range 15 {
		f.Row.Mints = append(f.Row.Mints, ago(58-n))
		f.Events = append(f.Events, event(58-n, tokenkeep.Refreshed, asked("", fmt.Sprintf("web%d:1:R", n%2))))
	}
	s = want(t, f, lineage.Throttled, "too_many_mints sure")
	if got := strings.Join(s.Verdicts[0].Evidence, "\n"); !strings.Contains(got, "15 access tokens may be alive") ||
		!strings.Contains(got, "8 by web0:1") {
		t.Errorf("evidence %q", got)
	}
}

// TestMisconfigured: the client app, or the settings of one host.
func TestMisconfigured(t *testing.T) {
	const reason = "accounts.zoho.com refuses the client secret of client 1000.APP0…"
	refused := event(10, tokenkeep.Failed, class(tokenkeep.Misconfigured), asked("", "web9:3:R"))
	s := want(t, inState(tokenkeep.Misconfigured, reason, refused), lineage.Misconfigured, "wrong_client sure, client_deleted possible")
	if e := s.Verdicts[0].Evidence; e[0] != reason || !strings.Contains(e[1], "web9:3") {
		t.Errorf("evidence %q", e)
	}

	f := inState(tokenkeep.Misconfigured, reason, refused)
	failing := neighbour(bob, app, 60)
	failing.Class = tokenkeep.Misconfigured
	f.Neighbours = []lineage.Neighbour{failing}
	want(t, f, lineage.Misconfigured, "wrong_client sure, client_deleted likely")

	f.Neighbours = append(f.Neighbours, neighbour("carl@example.com:1", app, 2))
	s = want(t, f, lineage.Misconfigured, "wrong_client sure, -client_deleted")
	if !strings.Contains(s.Excluded[0].Why, "compare the settings of web9") {
		t.Errorf("excluded %q", s.Excluded)
	}
}

func TestOutageAndLostAnswer(t *testing.T) {
	s := want(t, inState(tokenkeep.RetryLater, "no route to host"), lineage.Retrying, "outage sure")
	if len(s.Verdicts[0].Evidence) != 2 || !strings.Contains(s.Verdicts[0].Evidence[1], "3 times in a row") {
		t.Errorf("evidence %q", s.Verdicts[0].Evidence)
	}
	f := inState(tokenkeep.RetryLater, "no route to host")
	f.Row.State.Until = ago(5)
	want(t, f, lineage.Working, "fine sure") // nobody notices
	f.Row.Expiry = ago(1)
	want(t, f, lineage.Retrying, "outage sure")
	f = inState(tokenkeep.InDoubt, "the answer was cut off", event(10, tokenkeep.Failed, class(tokenkeep.InDoubt)))
	s = want(t, f, lineage.InDoubt, "answer_lost sure")
	if !strings.HasPrefix(s.Next[0], "log in again") || !s.Ended.Worked.Equal(ago(50)) {
		t.Errorf("story %+v", s)
	}
}

// TestUnsaved: what waits in the journal of some host is told, until it is saved.
func TestUnsaved(t *testing.T) {
	lost := event(4, tokenkeep.Unsaved, func(e *tokenkeep.Event) { e.Journaled, e.Reason = true, "the disk is full" })
	s := want(t, healthy(lost), lineage.Working, "fine sure, unsaved sure")
	if len(s.Next) != 1 || s.Next[0] != "on web1: tokenkeep store journal --recover" {
		t.Errorf("next %q", s.Next)
	}
	want(t, healthy(lost, event(2, tokenkeep.Rescued)), lineage.Working, "fine sure")
}

func TestNoRefreshToken(t *testing.T) {
	f := healthy()
	f.Row.RefreshToken, f.Row.Expiry = tokenkeep.Secret{}, ago(3)
	want(t, f, lineage.LoginNeeded, "no_refresh_token sure")
}

// TestEndedByPolicy: the store's own limit, as it was recorded, or as the policy says.
func TestEndedByPolicy(t *testing.T) {
	const reason = tokenkeep.EndedByPolicy + ": idle for 31 days, 30 allowed"
	ended := event(8, tokenkeep.Ended, class(tokenkeep.NeedsLogin), func(e *tokenkeep.Event) { e.Reason = reason })
	f := healthy(ended, event(7, tokenkeep.Ended, class(tokenkeep.NeedsLogin)))
	s := want(t, f, lineage.LoginNeeded, "expired sure")
	if !s.Since.Equal(ago(8)) || s.Verdicts[0].Evidence[0] != reason || s.TimeLine[2].Count != 2 {
		t.Errorf("story %+v", s)
	}
	want(t, healthy(ended, event(5, tokenkeep.LoggedIn)), lineage.Working, "fine sure")

	f = healthy()
	f.Policy = tokenkeep.Policy{IdleTimeout: 10 * time.Minute, ClockSkew: -1}
	s = want(t, f, lineage.LoginNeeded, "expired sure")
	if want := tokenkeep.EndedByPolicy + ": idle for 50 minutes, 10 allowed"; s.Verdicts[0].Evidence[0] != want {
		t.Errorf("evidence %q, want %q", s.Verdicts[0].Evidence[0], want)
	}

	f = facts(func(f *lineage.Facts) { f.Policy = tokenkeep.Policy{IdleTimeout: 10 * time.Minute, ClockSkew: -1} })
	if s := lineage.Explain(f); s.Verdicts[0].Cause != lineage.Evicted {
		t.Errorf("verdicts %s: the provider refused it before the policy did", brief(s))
	}
}

// TestBegunToEnd: Revoke marks what it is going to end, and was killed.
func TestBegunToEnd(t *testing.T) {
	f := facts(func(f *lineage.Facts) {
		f.Row.State.Reason, f.Row.Claim.Owner = tokenkeep.RevokedOnRequest, "host7:12:R:end:X"
	})
	s := want(t, f, lineage.LoginNeeded, "unfinished sure")
	if s.Verdicts[0].Summary != "host7:12 began to end it at 11:50:00 and has not come to the end." {
		t.Errorf("summary %q", s.Verdicts[0].Summary)
	}
}

// TestGone: the row is not there any more.
func TestGone(t *testing.T) {
	gone := func(events ...tokenkeep.Event) *lineage.Facts {
		f := healthy(events...)
		f.Row = nil
		return f
	}
	const ops = "ops on host7 (tokenkeep logout)"
	revoked, deleted := event(3, tokenkeep.Revoked, asked(ops, "host7:2:R")), event(3, tokenkeep.Deleted, asked(ops, "host7:2:R"))
	s := want(t, gone(revoked, deleted), lineage.Gone, "revoked_by_operator sure")
	if s.TokenID != id || s.Login != mark("r1") || s.Verdicts[0].Summary != ops+" revoked it at 11:57:00 and deleted it from the store." {
		t.Errorf("story %+v", s)
	}
	s = want(t, gone(deleted), lineage.Gone, "deleted_by_operator sure")
	if !strings.Contains(strings.Join(s.Verdicts[0].Evidence, "\n"), "may still accept") {
		t.Errorf("evidence %q", s.Verdicts[0].Evidence)
	}
	revoked.Actor, deleted.Actor = "", ""
	want(t, gone(revoked, deleted), lineage.Gone, "logged_out sure")
	want(t, gone(), lineage.Gone, "vanished likely")
	reaped := deleted
	reaped.Reason = tokenkeep.EndedByPolicy + ": idle for 31 days, 30 allowed"
	want(t, gone(reaped), lineage.Gone, "expired sure")
	reaped.Reason = tokenkeep.CleanedUp + ": dead for 31 days: invalid_code"
	want(t, gone(event(10, tokenkeep.Failed, class(tokenkeep.NeedsLogin)), reaped), lineage.Gone,
		"cleaned_up sure, evicted possible past, app_removed possible past, password_changed possible past, client_deleted possible past, revoked_elsewhere possible past")
	revoked, reaped = event(3, tokenkeep.Revoked), event(3, tokenkeep.Deleted)
	reaped.Reason = tokenkeep.RevokedOnRequest
	s = want(t, gone(revoked, reaped), lineage.Gone, "revoked_by_operator sure")
	if s.Verdicts[0].Summary != "web1:41 revoked it at 11:57:00 and deleted it from the store." {
		t.Errorf("summary %q", s.Verdicts[0].Summary)
	}

	f := gone(event(10, tokenkeep.Failed, class(tokenkeep.NeedsLogin)), deleted)
	f.Neighbours = []lineage.Neighbour{fallen(ann, other), neighbour(bob, app, 4)}
	want(t, f, lineage.Gone, "deleted_by_operator sure, password_changed likely past, evicted possible past, app_removed possible past, revoked_elsewhere possible past, -client_deleted")
}

// TestTimeLine: what repeats is one moment, and what says nothing is left out.
func TestTimeLine(t *testing.T) {
	f := healthy(
		event(40, tokenkeep.Refreshed, asked("", "web2:8:X")), event(39, tokenkeep.Adopted), event(38, tokenkeep.Named),
		event(30, tokenkeep.Refreshed), event(20, tokenkeep.Invalidated), event(19, tokenkeep.Refreshed),
		event(10, tokenkeep.Adopted, of("foreign")))
	f.Row.RefreshToken = secret("foreign")
	var got []string
	for _, m := range lineage.Explain(f).TimeLine {
		got = append(got, fmt.Sprintf("%s %d %s", m.What, m.Count, strings.Join(m.Processes, ",")))
	}
	want := []string{
		"logged in 1 web1:41", "refreshed 3 web1:41,web2:8", "the API refused the access token 1 web1:41",
		"refreshed 1 web1:41", "found a login that another program wrote 1 web1:41",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("time line:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
