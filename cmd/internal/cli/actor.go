package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tokenkeep/tokenkeep"
)

// actor says who runs a command, for the history of the store: the system's user, the
// host, and the command without its arguments.
func (a *App) actor(cmd *cobra.Command) string {
	name := a.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname() // its absence is shown as such
	return fmt.Sprintf("%s on %s (%s)", cmp.Or(name, "somebody"), cmp.Or(host, "an unknown host"), cmd.CommandPath())
}

// recordDeleted adds the deletion of rows to the history of the store, if it keeps
// one. The rows are gone: a failure is only told.
func (a *App) recordDeleted(ctx context.Context, s tokenkeep.TokenStore, rows []*tokenkeep.Token) {
	h, ok := s.(tokenkeep.Historian)
	if !ok || len(rows) == 0 {
		return
	}
	for some := range slices.Chunk(rows, 500) {
		err := h.AppendEvents(ctx, a.deletions(some))
		if errors.Is(err, tokenkeep.ErrNoHistory) {
			return
		}
		if err != nil {
			a.IO.Warn("the deletion is missing in the history: %v", err)
			return
		}
	}
}

func (a *App) deletions(rows []*tokenkeep.Token) []tokenkeep.Event {
	host, _ := os.Hostname()
	events := make([]tokenkeep.Event, len(rows))
	for i, t := range rows {
		events[i] = tokenkeep.Event{
			Kind: tokenkeep.Deleted, TokenID: t.ID, UserName: t.UserName, ClientID: t.ClientID, DataCentre: t.DataCentre,
			Version: t.Version, Login: tokenkeep.LoginMark(t.RefreshToken), Time: a.now().UTC(),
			Owner: fmt.Sprintf("%s:%d", host, os.Getpid()), Actor: a.by, Reason: "all tokens were deleted",
		}
	}
	return events
}
