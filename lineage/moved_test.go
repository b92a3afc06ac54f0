package lineage_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// A login without a name has a row of its own for a moment, until the provider says
// whose it is. That it was made there is part of the story, and that row's end is not.
func TestALoginThatMovedToItsUsersRow(t *testing.T) {
	for name, dead := range map[string]bool{"over a good login": false, "over a dead one": true} {
		t.Run(name, func(t *testing.T) {
			s, r := stored(t)
			r.State, r.UsedAt = tokenkeep.State{}, ago(50)
			if err := s.SaveToken(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			nameless := func(e *tokenkeep.Event) { e.TokenID, e.UserName, e.DataCentre = "1000000001", "", "" }
			remember(t, s, event(5000, tokenkeep.LoggedIn, of("r0")), event(100, tokenkeep.Refreshed, of("r0")))
			if dead {
				remember(t, s, event(70, tokenkeep.Failed, of("r0"), class(tokenkeep.NeedsLogin)))
			}
			remember(t, s, event(61, tokenkeep.LoggedIn, nameless), event(60, tokenkeep.Deleted, nameless),
				event(60, tokenkeep.Revoked, of("r0")), event(60, tokenkeep.Named), event(50, tokenkeep.Refreshed))
			story := lineage.Explain(gather(t, s, lineage.Query{Row: r}))
			var line []tokenkeep.EventKind
			for _, m := range story.TimeLine {
				line = append(line, m.Kind)
			}
			want := []tokenkeep.EventKind{tokenkeep.LoggedIn, tokenkeep.Refreshed, tokenkeep.LoggedIn, tokenkeep.Revoked, tokenkeep.Refreshed}
			if dead {
				want = slices.Insert(want, 2, tokenkeep.Failed)
			}
			if !slices.Equal(line, want) {
				t.Errorf("time line %v, want %v", line, want)
			}
			if e := strings.Join(story.Verdicts[0].Evidence, "; "); strings.Contains(e, "another program") || story.Verdicts[0].Cause != lineage.Fine {
				t.Errorf("verdict %s: %s", story.Verdicts[0].Cause, e)
			}
			if !story.Since.Equal(ago(61)) {
				t.Errorf("since %v", story.Since)
			}
		})
	}
}
