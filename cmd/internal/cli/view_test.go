package cli

import (
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/config"
)

// TestStandingAfterThePause: time heals an outage and a throttle, and no wrong client.
func TestStandingAfterThePause(t *testing.T) {
	a := &App{cfg: &config.Config{}, now: func() time.Time { return question }}
	for class, want := range map[tokenkeep.Class]tokenkeep.Class{
		tokenkeep.Misconfigured: tokenkeep.Misconfigured,
		tokenkeep.RetryLater:    "",
		tokenkeep.Throttled:     "",
	} {
		row := &tokenkeep.Token{RefreshToken: tokenkeep.NewSecret("1000.r1.r1"), State: tokenkeep.State{Class: class, Until: before(time.Minute)}}
		if got := a.standing(row).Class; got != want {
			t.Errorf("a row that was %q until a minute ago stands as %q, want %q", class, got, want)
		}
	}
}
