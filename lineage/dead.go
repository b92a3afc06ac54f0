package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A death is the end of one login.
type death struct {
	Ending
	login string    // its mark
	made  time.Time // when the user logged in; zero: nobody knows
}

// dead tells why the row's login is dead.
func (t *tale) dead(s *Story) {
	d := t.deathOfRow()
	s.Ended = d.Ending
	s.Next = append(s.Next, t.loginStep())
	switch {
	case t.Row.RefreshToken.IsZero():
		s.Verdicts = []Verdict{{
			Cause: NoRefreshToken, Certainty: Sure,
			Summary:  "The login has no refresh token, and its access token is spent.",
			Evidence: []string{"it was made without offline access, or another program stored it so"},
		}}
	case t.expired(s), t.marked(s):
	default:
		t.post(s, d)
	}
}

// deathOfRow is the end of the login that the row holds.
func (t *tale) deathOfRow() death {
	found := t.Row.State.Since
	if found.IsZero() {
		found = t.Row.UpdatedAt
	}
	return death{
		login: t.login, made: t.made(t.login),
		Ending: Ending{Worked: t.worked(t.login, found), Found: found},
	}
}

// post looks into the death of a refresh token that the provider does not accept any
// more.
func (t *tale) post(s *Story, d death) {
	if v, ok := t.ended(d); ok {
		s.Verdicts = append(s.Verdicts, v)
		return
	}
	if v, ok := t.overwritten(d); ok {
		s.Verdicts = append(s.Verdicts, v)
		s.Next = append(s.Next, "let every program use this store through tokenkeep, or give the other one a table or file of its own")
		return
	}
	t.suspect(s, d)
}

// ended looks for a revocation in the history that ended d.
func (t *tale) ended(d death) (Verdict, bool) {
	for _, e := range slices.Backward(t.Events) {
		if e.Kind != tokenkeep.Revoked || e.Login != d.login || d.login == "" || e.Time.After(d.Found.Add(slack)) {
			continue
		}
		if _, replaced := t.successor(e); replaced && !e.Time.Before(d.Found) {
			continue // a newer login revokes what it replaces, also if that is dead
		}
		return t.revocation(e), true
	}
	return Verdict{}, false
}

// slack is how far clocks of machines may differ.
const slack = time.Minute

// revocation is the verdict on a login that e revoked.
func (t *tale) revocation(e tokenkeep.Event) Verdict {
	v := Verdict{Cause: RevokedByOperator, Certainty: Sure}
	newer, replaced := t.successor(e)
	switch {
	case replaced:
		v.Cause = Replaced
		v.Summary = fmt.Sprintf("A newer login in this store replaced it; the earlier one was revoked at %s.", clock(e.Time, t.Now))
		v.Evidence = append(v.Evidence, fmt.Sprintf("the newer login was made at %s by %s", clock(newer.Time, t.Now), by(newer.Actor, newer.Owner)))
	case e.Actor == "" || SameUser(e.Actor, t.User):
		v.Cause = LoggedOut
		v.Summary = fmt.Sprintf("The user logged out, or a program did so, at %s.", clock(e.Time, t.Now))
	default:
		v.Summary = fmt.Sprintf("%s revoked it at %s.", e.Actor, clock(e.Time, t.Now))
	}
	v.Evidence = append(v.Evidence, recorded(e, "the revocation"))
	return v
}

// successor returns the login that made the Keeper revoke the one of e.
func (t *tale) successor(e tokenkeep.Event) (tokenkeep.Event, bool) {
	for _, other := range slices.Backward(t.Events) {
		if other.Kind == tokenkeep.LoggedIn && other.Login != "" && other.Login != e.Login &&
			!other.Time.After(e.Time) && e.Time.Sub(other.Time) < slack && process(other.Owner) == process(e.Owner) {
			return other, true
		}
	}
	return tokenkeep.Event{}, false
}

// recorded says which process recorded what.
func recorded(e tokenkeep.Event, what string) string {
	s := fmt.Sprintf("%s was recorded by %s", what, by("", e.Owner))
	if e.TokenID != "" {
		s += ", for token " + e.TokenID
	}
	return s
}

// overwritten looks for a program that is not tokenkeep and put the refresh token
// into the row: no login of the history brought it, and the history knows an earlier
// one. A rotating provider brings new ones with each refresh.
func (t *tale) overwritten(d death) (Verdict, bool) {
	before, ok := t.stranger(d.login)
	if !ok || !d.Worked.Before(before.Time) && t.provenBy(d.login) {
		return Verdict{}, false
	}
	return Verdict{
		Cause: Overwritten, Certainty: Likely,
		Summary: fmt.Sprintf("Another program replaced the refresh token in the store after %s, and %s does not accept the one it wrote.",
			clock(before.Time, t.Now), t.from),
		Evidence: []string{
			fmt.Sprintf("tokenkeep's own login %s is not in the row any more; nothing of tokenkeep wrote login %s", before.Login, d.login),
			fmt.Sprintf("the last sign of tokenkeep's login was %q, by %s", words(before), by("", before.Owner)),
		},
	}, true
}

// stranger returns the last event of another login before the one with this mark
// appeared, if no login of tokenkeep brought that one.
func (t *tale) stranger(login string) (tokenkeep.Event, bool) {
	if login == "" || t.rotates() {
		return tokenkeep.Event{}, false
	}
	var before tokenkeep.Event
	for _, e := range t.Events {
		switch {
		case e.TokenID != t.id || e.Login == "":
		case e.Login != login:
			before = e
		case e.Kind == tokenkeep.LoggedIn || e.Kind == tokenkeep.Rescued || e.Kind == tokenkeep.Named:
			return tokenkeep.Event{}, false // a login that was named first here has moved here
		default:
			return before, before.Login != ""
		}
	}
	return before, before.Login != ""
}

// rotates reports whether the provider brings new refresh tokens by itself.
func (t *tale) rotates() bool {
	return cmp.Or(t.Limits.Rotation, tokenkeep.RotationNone) != tokenkeep.RotationNone
}

// provenBy reports whether the history saw the login with this mark work.
func (t *tale) provenBy(login string) bool {
	return slices.ContainsFunc(t.Events, func(e tokenkeep.Event) bool { return e.Login == login && proves(e) })
}

func (t *tale) loginStep() string { return "log in again: tokenkeep login " + t.User }
