package lineage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// TestWhatEndsALoginFromOutside: the other logins speak for a cause and against others.
func TestWhatEndsALoginFromOutside(t *testing.T) {
	const alone = "evicted possible, app_removed possible, password_changed possible, client_deleted possible, revoked_elsewhere possible"
	older := neighbour("ann@example.com:2", app, 5)
	older.LoggedIn, older.Since = ago(8000), ago(8000)
	for _, tt := range []struct {
		name       string
		neighbours []lineage.Neighbour
		want       string
	}{
		{"nothing is known", nil, alone},
		{
			"another client's login of the user died too",
			[]lineage.Neighbour{fallen(ann, other)},
			"password_changed likely, evicted possible, app_removed possible, client_deleted possible, revoked_elsewhere possible",
		},
		{
			"that, and another user lives",
			[]lineage.Neighbour{fallen(ann, other), neighbour(bob, app, 3)},
			"password_changed likely, evicted possible, app_removed possible, revoked_elsewhere possible, -client_deleted",
		},
		{
			"both of the user's logins of this client died",
			[]lineage.Neighbour{fallen("ann@example.com:2", app)},
			"app_removed likely, evicted possible, password_changed possible, client_deleted possible, revoked_elsewhere possible",
		},
		{
			"that, and the user's login of another client lives",
			[]lineage.Neighbour{fallen("ann@example.com:2", app), neighbour(ann, other, 3)},
			"app_removed likely, evicted possible, client_deleted possible, revoked_elsewhere possible, -password_changed",
		},
		{
			"other users' logins of this client died",
			[]lineage.Neighbour{fallen(bob, app), fallen("carl@example.com:3", app)},
			"client_deleted likely, evicted possible, app_removed possible, password_changed possible, revoked_elsewhere possible",
		},
		{
			"a newer login of the user and client lives",
			[]lineage.Neighbour{neighbour("ann@example.com:2", app, 3)},
			"evicted likely, revoked_elsewhere possible, -app_removed, -client_deleted, -password_changed",
		},
		{
			"an older login of the user and client lives",
			[]lineage.Neighbour{older},
			"revoked_elsewhere likely, -app_removed, -client_deleted, -evicted, -password_changed",
		},
		{
			"a user whose name only begins alike died",
			[]lineage.Neighbour{fallen("ann@example.com.au:1", other)},
			alone,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, facts(with(tt.neighbours...)), lineage.LoginNeeded, tt.want)
		})
	}
}

// TestWhatProvesNothing: logins that were made later, or died at another time, speak
// neither for nor against a cause.
func TestWhatProvesNothing(t *testing.T) {
	late := neighbour(ann, other, 3)
	late.LoggedIn, late.Since = ago(20), ago(20) // perhaps after the password was changed
	unknown := neighbour(ann, other, 3)
	unknown.LoggedIn, unknown.Since = time.Time{}, time.Time{}
	asleep := neighbour(ann, other, 60) // not used since
	longAgo := fallen(ann, other)
	longAgo.Ended = lineage.Ending{Worked: ago(3000), Found: ago(2900)}
	idle := fallen(ann, other)
	idle.Ended.Worked = ago(60 * 24 * 40) // died within forty days
	for name, n := range map[string]lineage.Neighbour{
		"a later login": late, "a login of which nobody knows since when it is": unknown,
		"a login that was not used since": asleep, "a death of another day": longAgo, "a death of some day": idle,
	} {
		t.Run(name, func(t *testing.T) {
			want(t, facts(with(n)), lineage.LoginNeeded,
				"evicted possible, app_removed possible, password_changed possible, client_deleted possible, revoked_elsewhere possible")
		})
	}
}

// TestOneCauseOfManyDeaths: what explains all deaths stands before what explains some.
func TestOneCauseOfManyDeaths(t *testing.T) {
	want(t, facts(with(fallen(ann, other), fallen("ann@example.com:2", app))), lineage.LoginNeeded,
		"password_changed likely, app_removed possible, evicted possible, client_deleted possible, revoked_elsewhere possible")
}

// TestUseProvesNoRefresh: the time of a use of the access token, which a policy writes
// down, does not count where refreshes are recorded.
func TestUseProvesNoRefresh(t *testing.T) {
	f := facts()
	f.Row.UsedAt = ago(15)
	if s := lineage.Explain(f); !s.Ended.Worked.Equal(ago(50)) {
		t.Errorf("ended %+v, want since the last refresh", s.Ended)
	}
	f.Events = f.Events[:1] // only changes are recorded
	if s := lineage.Explain(f); !s.Ended.Worked.Equal(ago(15)) {
		t.Errorf("ended %+v, want since the last use", s.Ended)
	}
}

// TestLastOneStanding: what rules all but one cause out makes that one likely.
func TestLastOneStanding(t *testing.T) {
	f := facts(with(neighbour(bob, app, 3), neighbour(ann, other, 3)))
	f.Limits.RefreshTokens = 0
	s := want(t, f, lineage.LoginNeeded, "app_removed likely, revoked_elsewhere possible, -client_deleted, -password_changed")
	if !strings.Contains(strings.Join(s.Verdicts[0].Evidence, "\n"), "rules the other common causes out") {
		t.Errorf("evidence %q", s.Verdicts[0].Evidence)
	}
}

// TestEvictionIsCountedHonestly: what this store has not seen is said to be unseen.
func TestEvictionIsCountedHonestly(t *testing.T) {
	evidence := func(n int) string {
		f := facts()
		for range n {
			o := fallen("ann@example.com:2", app)
			o.Ended = lineage.Ending{}
			f.Neighbours = append(f.Neighbours, o)
		}
		for _, v := range lineage.Explain(f).Verdicts {
			if v.Cause == lineage.Evicted {
				return string(v.Certainty) + ": " + strings.Join(v.Evidence, "; ")
			}
		}
		return ""
	}
	for n, want := range map[int]string{
		0:  "possible: it was made 3 days before it was found dead; this store knows of no later login; 20 others would have come from another installation",
		1:  "possible: it was made 3 days before it was found dead; this store knows of 1 login after it; the other 19 would have come from another installation",
		20: "sure: it was made 3 days before it was found dead; this store itself knows of 20 logins after it",
	} {
		if got := evidence(n); got != want {
			t.Errorf("with %d newer logins: %q, want %q", n, got, want)
		}
	}
}

// TestRevokedInThisStore: who, when, and by which command.
func TestRevokedInThisStore(t *testing.T) {
	f := facts()
	f.Events = amid(event(12, tokenkeep.Revoked, asked("ops on host7 (tokenkeep logout)", "host7:9:R")))
	s := want(t, f, lineage.LoginNeeded, "revoked_by_operator sure")
	if got := s.Verdicts[0].Summary; got != "ops on host7 (tokenkeep logout) revoked it at 11:48:00." {
		t.Errorf("summary %q", got)
	}
	f.Events[3].Actor = ann
	want(t, f, lineage.LoginNeeded, "logged_out sure")
	f.Events[3].Actor = ""
	want(t, f, lineage.LoginNeeded, "logged_out sure")

	// Under another id, by a copy of the row.
	f.Events[3].Actor, f.Events[3].TokenID, f.Events[3].UserName = "ops", "1000000007", "copy"
	s = want(t, f, lineage.LoginNeeded, "revoked_by_operator sure")
	if got := s.Verdicts[0].Evidence[0]; got != "the revocation was recorded by host7:9, for token 1000000007" {
		t.Errorf("evidence %q", got)
	}

	// The revocation of another login says nothing.
	f.Events[3].Login = mark("r0")
	if s := lineage.Explain(f); s.Verdicts[0].Cause != lineage.Evicted {
		t.Errorf("verdicts %s", brief(s))
	}
}

// TestReplacedByANewerLogin: it revoked the earlier one, under whatever id.
func TestReplacedByANewerLogin(t *testing.T) {
	f := facts()
	f.Events = amid(
		event(13, tokenkeep.LoggedIn, of("r2"), asked("", "web2:7:X")),
		event(13, tokenkeep.Revoked, asked("", "web2:7:X")))
	s := want(t, f, lineage.LoginNeeded, "replaced sure")
	if got := s.Verdicts[0].Evidence[0]; got != "the newer login was made at 11:47:00 by web2:7" {
		t.Errorf("evidence %q", got)
	}
}

// overwritten is a history whose last event is of a login that nothing brought.
func overwritten() []tokenkeep.Event {
	events := usual()
	events[3].Login = mark("foreign")
	return events
}

// TestOverwrittenByAnotherProgram: the row holds a refresh token that no login of
// tokenkeep brought.
func TestOverwrittenByAnotherProgram(t *testing.T) {
	f := facts()
	f.Events = overwritten()
	f.Row.RefreshToken = secret("foreign")
	s := want(t, f, lineage.LoginNeeded, "overwritten likely")
	if !strings.Contains(s.Verdicts[0].Summary, "after 11:10:00") {
		t.Errorf("summary %q", s.Verdicts[0].Summary)
	}

	// It worked for a while: what ended it is another question.
	f.Events = slices.Insert(f.Events, 3, event(30, tokenkeep.Refreshed, of("foreign")))
	if s := lineage.Explain(f); s.Verdicts[0].Cause != lineage.Evicted {
		t.Errorf("verdicts %s", brief(s))
	}

	// A rotating provider brings new refresh tokens by itself.
	f = facts()
	f.Events = overwritten()
	f.Row.RefreshToken, f.Limits.Rotation = secret("foreign"), tokenkeep.RotationGrace
	if s := lineage.Explain(f); s.Verdicts[0].Cause == lineage.Overwritten {
		t.Errorf("verdicts %s", brief(s))
	}
}

// TestNeverWorked: an imported refresh token that was refused at its first use.
func TestNeverWorked(t *testing.T) {
	f := facts()
	f.Row.UsedAt, f.Events = time.Time{}, usual()[3:]
	want(t, f, lineage.LoginNeeded,
		"never_worked likely, evicted possible, app_removed possible, password_changed possible, client_deleted possible, revoked_elsewhere possible")
}

// TestNoHistory: the row alone tells less, and the story says so.
func TestNoHistory(t *testing.T) {
	f := facts()
	f.Events, f.Recorded = nil, false
	s := want(t, f, lineage.LoginNeeded,
		"evicted possible, app_removed possible, password_changed possible, client_deleted possible, revoked_elsewhere possible")
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "keeps no history") {
		t.Errorf("notes %q", s.Notes)
	}
	if len(s.TimeLine) != 3 || s.TimeLine[2].What != "refresh token refused" {
		t.Errorf("time line %+v", s.TimeLine)
	}
}
