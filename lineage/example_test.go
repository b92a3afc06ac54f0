package lineage_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// A page for administrators tells why somebody has to log in again.
func Example() {
	ctx, store := context.Background(), tokenkeep.NewMemoryStore()
	// … programs log users in and out, and the store remembers it:
	login := tokenkeep.LoginMark(tokenkeep.NewSecret("1000.refresh"))
	nine := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	_ = store.AppendEvents(ctx, []tokenkeep.Event{
		{Kind: tokenkeep.LoggedIn, TokenID: "1000000000", UserName: "ann@example.com", Login: login, Time: nine},
		{Kind: tokenkeep.Revoked, TokenID: "1000000000", UserName: "ann@example.com", Login: login, Time: nine.Add(time.Hour), Actor: "ops on host7", Owner: "host7:4711"},
		{Kind: tokenkeep.Deleted, TokenID: "1000000000", UserName: "ann@example.com", Login: login, Time: nine.Add(time.Hour), Actor: "ops on host7", Owner: "host7:4711"},
	})

	facts, err := lineage.Gather(ctx, store, lineage.Query{User: "ann@example.com", Now: nine.Add(2 * time.Hour)})
	if err != nil {
		fmt.Println(err)
		return
	}
	story := lineage.Explain(facts)
	fmt.Println(story.State)
	for _, v := range story.Verdicts {
		fmt.Println(v.Certainty, v.Cause, "-", v.Summary)
	}
	// Output:
	// gone
	// sure revoked_by_operator - ops on host7 revoked it at 10:00:00 and deleted it from the store.
}
