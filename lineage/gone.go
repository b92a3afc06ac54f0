package lineage

import (
	"fmt"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// gone tells what became of a login that is not stored any more.
func (t *tale) gone(s *Story) {
	s.Next = append(s.Next, t.loginStep())
	deleted, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Deleted })
	if !ok || t.usedAfter(deleted) {
		t.vanished(s)
		return
	}
	kill, dead := t.deadBefore(deleted)
	revoked, was := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Revoked && e.Login == deleted.Login })
	was = was && !revoked.Time.After(deleted.Time) && deleted.Time.Sub(revoked.Time) < slack
	v := t.deletion(deleted, was)
	v.Evidence = append(v.Evidence, recorded(deleted, "the deletion"))
	if deleted.Reason != "" {
		v.Evidence = append(v.Evidence, deleted.Reason)
	}
	switch {
	case was:
		v.Evidence = append(v.Evidence, fmt.Sprintf("it was revoked at %s first", clock(revoked.Time, t.Now)))
	case !dead:
		v.Evidence = append(v.Evidence, "no revocation is recorded: "+t.from+" may still accept its tokens")
	}
	s.Verdicts = append(s.Verdicts, v)
	if dead {
		t.earlierDeath(s, kill)
	}
}

// deletion is the verdict on a row that was deleted, after a revocation or without
// one, but for its evidence.
func (t *tale) deletion(deleted tokenkeep.Event, revoked bool) Verdict {
	at, who := clock(deleted.Time, t.Now), by(deleted.Actor, deleted.Owner)
	mine := deleted.Actor == "" || SameUser(deleted.Actor, t.User)
	v := Verdict{Cause: DeletedByOperator, Certainty: Sure, Summary: fmt.Sprintf("%s deleted it from the store at %s.", who, at)}
	switch {
	case strings.HasPrefix(deleted.Reason, tokenkeep.EndedByPolicy):
		v.Cause, v.Summary = Expired, fmt.Sprintf("A limit of this store's own policy ended it; it was deleted at %s.", at)
	case strings.HasPrefix(deleted.Reason, tokenkeep.CleanedUp):
		v.Cause, v.Summary = CleanedUp, fmt.Sprintf("It was of no use any more, and %s cleaned it up at %s.", who, at)
	case revoked && mine && !strings.HasPrefix(deleted.Reason, tokenkeep.RevokedOnRequest):
		v.Cause, v.Summary = LoggedOut, fmt.Sprintf("The user logged out, or a program did so, at %s.", at)
	case revoked:
		v.Cause, v.Summary = RevokedByOperator, fmt.Sprintf("%s revoked it at %s and deleted it from the store.", who, at)
	}
	return v
}

// usedAfter reports whether the login was there after a deletion: it was made anew.
func (t *tale) usedAfter(deleted tokenkeep.Event) bool {
	_, ok := t.last(func(e tokenkeep.Event) bool {
		return proves(e) && e.Time.After(deleted.Time) && e.TokenID != deleted.TokenID
	})
	return ok
}

// vanished tells of a row that nothing of tokenkeep is known to have deleted.
func (t *tale) vanished(s *Story) {
	v := Verdict{
		Cause: Vanished, Certainty: Likely,
		Summary:  "Another program deleted it: no deletion by tokenkeep is recorded.",
		Evidence: []string{},
	}
	if n := len(t.Events); n > 0 {
		e := t.Events[n-1]
		v.Evidence = append(v.Evidence, fmt.Sprintf("its last sign is %q at %s, by %s", words(e), clock(e.Time, t.Now), by("", e.Owner)))
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, "look for a program that cleans or rewrites this store, such as one with Zoho's own SDK")
}

// deadBefore returns the event that found the login dead before it was deleted.
func (t *tale) deadBefore(deleted tokenkeep.Event) (tokenkeep.Event, bool) {
	e, ok := t.last(func(e tokenkeep.Event) bool {
		return e.TokenID == deleted.TokenID && e.Time.Before(deleted.Time) && (proves(e) || kills(e))
	})
	return e, ok && kills(e)
}
