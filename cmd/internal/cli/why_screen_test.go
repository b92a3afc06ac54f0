package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// question is when the stories of these tests are asked for.
var question = time.Date(2026, 11, 26, 15, 4, 5, 0, time.Local)

func before(d time.Duration) time.Time { return question.Add(-d) }

// annsFacts are those of a dead login with much around it.
func annsFacts() *lineage.Facts {
	refresh := tokenkeep.NewSecret("1000.r1.r1")
	f := &lineage.Facts{
		User: "annabel.longname-of-the-sales-department@subsidiary.example.com:60012345678",
		Row: &tokenkeep.Token{
			ID: "1000000004", ClientID: "1000.A1B2C3D4E5F6G7H8I9J0K1L2M3N4O5", DataCentre: "eu", RefreshToken: refresh,
			State: tokenkeep.State{Class: tokenkeep.NeedsLogin, Since: before(2 * time.Hour), Reason: "accounts.zoho.eu does not accept the refresh token any more (invalid_code)"},
		},
		Recorded: true, Provider: "Zoho", Now: question,
		Limits: tokenkeep.Limits{RefreshTokens: 20, Mints: 10, Window: 10 * time.Minute},
	}
	f.Row.UserName = f.User
	for n := range 12 {
		e := tokenkeep.Event{
			Kind: tokenkeep.Refreshed, TokenID: f.Row.ID, UserName: f.User, ClientID: f.Row.ClientID,
			Login: tokenkeep.LoginMark(refresh), Time: before(time.Duration(30-n) * 100 * time.Hour), Owner: fmt.Sprintf("web%d:40%d:R", n%5, n),
		}
		if n%3 == 0 {
			e.Kind, e.Actor = tokenkeep.LoggedIn, "annabel on a-host-with-a-long-name.example.com (tokenkeep login)"
		}
		f.Events = append(f.Events, e)
	}
	f.Events = append(f.Events, tokenkeep.Event{
		Kind: tokenkeep.Failed, Class: tokenkeep.NeedsLogin, TokenID: f.Row.ID, Login: tokenkeep.LoginMark(refresh),
		Time: before(2 * time.Hour), Owner: "web2:402:R",
	})
	f.Row.UsedAt = before(3 * time.Hour)
	f.Events[11].Time = before(3 * time.Hour)
	for n := range 4 {
		f.Neighbours = append(f.Neighbours, lineage.Neighbour{
			TokenID: fmt.Sprintf("100000001%d", n), UserName: f.User, ClientID: fmt.Sprintf("1000.OTHER%dCLIENT", n),
			LoggedIn: before(99 * time.Hour), Since: before(99 * time.Hour), Worked: before(2*time.Hour + 30*time.Minute),
			Ended: lineage.Ending{Worked: before(2*time.Hour + 30*time.Minute), Found: before(100 * time.Minute)},
		})
	}
	return f
}

func screen(t *testing.T, s *lineage.Story) string {
	t.Helper()
	return screenAt(t, s, question)
}

func screenAt(t *testing.T, s *lineage.Story, now time.Time) string {
	t.Helper()
	var out bytes.Buffer
	a := &App{IO: &ui.IO{Out: &out, Color: true}, now: func() time.Time { return now }, cfg: &config.Config{}}
	if err := a.tellStory(s); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if n := utf8.RuneCountInString(line); n > screenWidth {
			t.Errorf("line %d has %d characters: %s", i+1, n, line)
		}
		if strings.HasSuffix(line, " ") {
			t.Errorf("line %d ends with a space: %q", i+1, line)
		}
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("line %d has a control sequence: %q", i+1, line)
		}
		if i >= screenLines {
			t.Errorf("line %d is beyond the screen: %s", i+1, line)
		}
	}
	return out.String()
}

// TestStoryFitsTheScreen: with long names, many events and every kind of cause.
func TestStoryFitsTheScreen(t *testing.T) {
	f := annsFacts()
	got := screen(t, lineage.Explain(f))
	for _, part := range []string{
		"  likely    The user changed the password", "more (--json shows all)", "login needed since 13:04:05 (2h ago)",
		"  log in again: tokenkeep login", "refresh token refused",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("the screen lacks %q:\n%s", part, got)
		}
	}
	f.Neighbours = nil
	f.Recorded, f.Events = false, nil
	screen(t, lineage.Explain(f))
	for _, c := range []tokenkeep.Class{tokenkeep.Throttled, tokenkeep.Misconfigured, tokenkeep.RetryLater, tokenkeep.InDoubt, ""} {
		f := annsFacts()
		f.Row.State.Class, f.Row.State.Until = c, question.Add(time.Minute)
		screen(t, lineage.Explain(f))
	}
}

// TestStoryKeepsTheTerminalSafe: what is stored cannot steer the terminal.
func TestStoryKeepsTheTerminalSafe(t *testing.T) {
	f := annsFacts()
	f.User = "ann\x1b[2J\r\n\u202e@example.com"
	f.Events[0].Actor, f.Events[0].Owner = "\x1b]0;owned\a", "web\x1b1:3"
	f.Events[0].Kind, f.Events[0].Reason = tokenkeep.Dropped, "\x1b[31m"
	got := screen(t, lineage.Explain(f))
	if strings.ContainsAny(got, "\x1b\r\a\u202e") {
		t.Errorf("control characters on the screen: %q", got)
	}
}
