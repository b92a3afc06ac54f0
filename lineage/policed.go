package lineage

import (
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// policed reports whether the store's own policy ended the login, since when and why:
// as a process recorded, or as the policy at hand says of the row.
func (t *tale) policed() (since time.Time, reason string, ok bool) {
	for _, e := range t.Events {
		switch {
		case e.TokenID != t.id:
		case proves(e):
			ok = false
		case e.Kind == tokenkeep.Ended && !ok:
			since, reason, ok = e.Time, e.Reason, true
		}
	}
	if ok || t.Row == nil {
		return since, reason, ok
	}
	end, _ := t.Policy.EndsAt(t.Row)
	if err := t.Policy.Check(t.Row, t.Now); err != nil {
		return end, strings.TrimPrefix(err.Error(), "policy: "), true
	}
	return since, reason, false
}

// expired tells of a login that the policy ended. The provider may still know it.
func (t *tale) expired(s *Story) bool {
	since, reason, ok := t.policed()
	if !ok || t.Row.State.Class == tokenkeep.NeedsLogin {
		return false
	}
	reason, _, _ = strings.Cut(reason, ";")
	s.Verdicts = append(s.Verdicts, Verdict{
		Cause: Expired, Certainty: Sure,
		Summary:  "A limit of this store's own policy ended the login.",
		Evidence: []string{reason, fmt.Sprintf("that is so since %s; %s itself has not refused the login", clock(since, t.Now), t.from)},
	})
	return true
}

// marked tells of a login that Reap or Revoke began to end and left marked as dead.
// The provider may still accept it.
func (t *tale) marked(s *Story) bool {
	row := t.Row
	for _, reason := range []string{tokenkeep.EndedByPolicy, tokenkeep.CleanedUp, tokenkeep.RevokedOnRequest} {
		if !strings.HasPrefix(row.State.Reason, reason) {
			continue
		}
		s.Verdicts = append(s.Verdicts, Verdict{
			Cause: Unfinished, Certainty: Sure,
			Summary:  fmt.Sprintf("%s began to end it at %s and has not come to the end.", by("", row.Claim.Owner), clock(row.State.Since, t.Now)),
			Evidence: []string{row.State.Reason},
		})
		s.Next = append(s.Next, "or run what ended it again: it is revoked, then deleted")
		return true
	}
	return false
}
