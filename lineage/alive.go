package lineage

import (
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// working tells of a login in which nothing is wrong, and of the one before it that
// ended, if there is one.
func (t *tale) working(s *Story) {
	v := Verdict{Cause: Fine, Certainty: Sure, Summary: "Nothing is wrong with this login.", Evidence: []string{}}
	if at := t.Row.UsedAt; !at.IsZero() {
		v.Evidence = append(v.Evidence, fmt.Sprintf("it worked at %s, %s ago", clock(at, t.Now), span(t.Now.Sub(at))))
	}
	if before, ok := t.stranger(t.login); ok {
		v.Evidence = append(v.Evidence, fmt.Sprintf("another program put this login into the store after %s, in the place of %s", clock(before.Time, t.Now), before.Login))
	}
	s.Verdicts = append(s.Verdicts, v)
	t.earlier(s)
}

// earlier tells why the login before the present one ended: people ask after they
// have logged in again.
func (t *tale) earlier(s *Story) {
	before, ok := t.last(func(e tokenkeep.Event) bool { return e.Login != "" && e.Login != t.login })
	if !ok {
		return
	}
	var revoked *tokenkeep.Event
	for _, e := range t.Events {
		switch {
		case e.Login != before.Login:
		case kills(e):
			t.earlierDeath(s, e)
			return
		case e.Kind == tokenkeep.Revoked:
			revoked = &e
		}
	}
	if revoked != nil {
		s.Verdicts = append(s.Verdicts, past(t.revocation(*revoked)))
	}
}

// earlierDeath looks into the end of an earlier login, that e found.
func (t *tale) earlierDeath(s *Story, e tokenkeep.Event) {
	d := death{
		login: e.Login, made: t.made(e.Login),
		Ending: Ending{Worked: t.worked(e.Login, e.Time), Found: e.Time},
	}
	old := &Story{}
	t.post(old, d)
	s.Ended, s.Excluded = d.Ending, append(s.Excluded, old.Excluded...)
	for _, v := range old.Verdicts {
		s.Verdicts = append(s.Verdicts, past(v))
	}
}

func past(v Verdict) Verdict {
	v.Past = true
	return v
}

// refused tells of an access token that the API refused, with nothing wrong in the
// login.
func (t *tale) refused(s *Story) {
	n := t.count(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Invalidated && t.Now.Sub(e.Time) < time.Hour })
	v := Verdict{
		Cause: AccessRefused, Certainty: Sure,
		Summary:  "The API refused the access token before its time; the login itself is not known to be bad.",
		Evidence: []string{fmt.Sprintf("refused %s in the last hour; the next call refreshes it", times(n))},
	}
	s.Verdicts = append(s.Verdicts, v)
	if many := t.count(func(e tokenkeep.Event) bool { return proves(e) && t.Now.Sub(e.Time) < time.Hour }); t.Limits.Live > 0 && many > t.Limits.Live {
		s.Verdicts = append(s.Verdicts, Verdict{
			Cause: TooManyMints, Certainty: Likely,
			Summary:  fmt.Sprintf("Newer access tokens pushed it out: %s keeps %d alive.", t.from, t.Limits.Live),
			Evidence: []string{fmt.Sprintf("%s were made in the last hour", plural(many, "access token"))},
		})
	}
	s.Next = append(s.Next, "tokenkeep status "+t.User+" --check",
		"if every call is refused, check that the API domain is that of the user's data centre")
}

func (t *tale) count(fits func(tokenkeep.Event) bool) int {
	n := 0
	for _, e := range t.Events {
		if fits(e) {
			n++
		}
	}
	return n
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// outage tells of a failure that heals by itself.
func (t *tale) outage(s *Story) {
	v := Verdict{
		Cause: Outage, Certainty: Sure,
		Summary:  "The login is intact; a refresh failed, and is tried again by itself.",
		Evidence: []string{"the last failure: " + s.Reason},
	}
	if n := t.Row.State.Failures; n > 1 {
		v.Evidence = append(v.Evidence, fmt.Sprintf("it failed %s in a row since %s", times(n), clock(s.Since, t.Now)))
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, "wait; tokenkeep doctor --online tells whether "+t.from+" can be reached")
}

// lost tells of a rotating provider's answer that nobody has.
func (t *tale) lost(s *Story) {
	found := t.Row.State.Since
	s.Ended = Ending{Worked: t.worked(t.login, found), Found: found}
	v := Verdict{
		Cause: AnswerLost, Certainty: Sure,
		Summary:  "The answer of a refresh was lost, and the only good refresh token with it.",
		Evidence: []string{s.Reason},
	}
	if e, ok := t.last(kills); ok {
		v.Evidence = append(v.Evidence, recorded(e, "it"))
	}
	if n := len(t.Row.Candidates); n > 0 {
		v.Evidence = append(v.Evidence, fmt.Sprintf("%s of it may still work", plural(n, "successor")))
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, t.loginStep(), "tokenkeep store journal, on the host that asked, shows whether it kept the answer")
}

// unsaved tells of a token or login that the store did not take and that nothing has
// brought since.
func (t *tale) unsaved(s *Story) {
	e, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Unsaved || proves(e) })
	if !ok || e.Kind != tokenkeep.Unsaved {
		return
	}
	v := Verdict{
		Cause: Unsaved, Certainty: Sure,
		Summary:  fmt.Sprintf("The store did not take what %s got at %s.", by("", e.Owner), clock(e.Time, t.Now)),
		Evidence: []string{e.Reason},
	}
	step := "it was lost with the process"
	if e.Journaled {
		step = "on " + host(e.Owner) + ": tokenkeep store journal --recover"
		s.Next = append(s.Next, step)
	}
	v.Evidence = append(v.Evidence, step)
	s.Verdicts = append(s.Verdicts, v)
}
