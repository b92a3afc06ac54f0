package lineage

import (
	"fmt"

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
	at, who := clock(deleted.Time, t.Now), by(deleted.Actor, deleted.Owner)
	v := Verdict{Cause: DeletedByOperator, Certainty: Sure, Evidence: []string{recorded(deleted, "the deletion")}}
	revoked, was := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Revoked })
	was = was && !revoked.Time.After(deleted.Time) && deleted.Time.Sub(revoked.Time) < slack
	switch mine := deleted.Actor == "" || SameUser(deleted.Actor, t.User); {
	case was && mine:
		v.Cause, v.Summary = LoggedOut, fmt.Sprintf("The user logged out, or a program did so, at %s.", at)
	case was:
		v.Cause, v.Summary = RevokedByOperator, fmt.Sprintf("%s revoked it at %s and deleted it from the store.", who, at)
	default:
		v.Summary = fmt.Sprintf("%s deleted it from the store at %s.", who, at)
		v.Evidence = append(v.Evidence, "no revocation is recorded: "+t.from+" may still accept its tokens")
	}
	if was {
		v.Evidence = append(v.Evidence, fmt.Sprintf("it was revoked at %s first", clock(revoked.Time, t.Now)))
	}
	s.Verdicts = append(s.Verdicts, v)
	t.deadBefore(s, deleted)
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
		v.Evidence = append(v.Evidence, fmt.Sprintf("its last sign is %q at %s, by %s", words(e, t.from), clock(e.Time, t.Now), process(e.Owner)))
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, "look for a program that cleans or rewrites this store, such as one with Zoho's own SDK")
}

// deadBefore adds why the login was dead before it was deleted, if it was.
func (t *tale) deadBefore(s *Story, deleted tokenkeep.Event) {
	e, ok := t.last(func(e tokenkeep.Event) bool {
		return e.TokenID == deleted.TokenID && e.Time.Before(deleted.Time) && (proves(e) || kills(e))
	})
	if ok && kills(e) {
		t.earlierDeath(s, e)
	}
}
