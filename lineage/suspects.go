package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A suspect is a cause that may have ended a login from outside of the store, and
// what speaks for it and against it.
type suspect struct {
	cause    Cause
	summary  string
	evidence []string
	against  string // rules it out
	likely   bool
	sure     bool
	support  int // orders suspects of one certainty
}

// suspect weighs what outside of the store can end a login.
func (t *tale) suspect(s *Story, d death) {
	all := []*suspect{t.appRemoved(d), t.passwordChanged(d), t.clientDeleted(d), t.revokedElsewhere()}
	if t.Limits.RefreshTokens > 0 {
		all = append([]*suspect{t.evicted(d)}, all...)
	}
	if d.Worked.IsZero() {
		all = append(all, t.neverWorked())
	}
	settle(all)
	for _, x := range all {
		if x.against != "" {
			s.Excluded = append(s.Excluded, Exclusion{x.cause, x.against})
			continue
		}
		s.Verdicts = append(s.Verdicts, Verdict{Cause: x.cause, Certainty: x.certainty(), Summary: x.summary, Evidence: append([]string{}, x.evidence...)})
	}
	slices.SortStableFunc(s.Verdicts, func(a, b Verdict) int {
		return cmp.Compare(b.Certainty.weight(), a.Certainty.weight())
	})
	if len(s.Verdicts) > 0 {
		s.Next = append(s.Next, advice(s.Verdicts[0].Cause)...)
	}
}

func (x *suspect) certainty() Certainty {
	switch {
	case x.sure:
		return Sure
	case x.likely:
		return Likely
	}
	return Possible
}

// settle lets the causes that explain more stand before those that explain less: a
// cause of many deaths makes that of one of them no more than possible. The last one
// that nothing rules out is likely.
func settle(all []*suspect) {
	slices.SortStableFunc(all, func(a, b *suspect) int { return cmp.Compare(b.support, a.support) })
	var open, rest []*suspect
	best := 0
	for _, x := range all {
		if x.against == "" && x.likely {
			best = max(best, x.support)
		}
		switch {
		case x.cause == RevokedElsewhere:
			rest = append(rest, x)
		case x.against == "":
			open = append(open, x)
		}
	}
	if len(open) == 0 {
		open = rest
	}
	for _, x := range all {
		x.likely = x.likely && x.support == best
	}
	if len(open) == 1 {
		open[0].likely = true
		open[0].evidence = append(open[0].evidence, "what is known of other logins rules the other common causes out")
	}
}

// advice is what helps beside a new login.
func advice(c Cause) []string {
	switch c {
	case Evicted:
		return []string{"find what logs this user in so often, and let it share this store: each login with consent takes one place"}
	case ClientDeleted:
		return []string{"look at the client app in the provider's API console"}
	case AppRemoved:
		return []string{"ask the user whether the app was removed on purpose"}
	case NeverWorked:
		return []string{"check that the refresh token belongs to this client app and data centre"}
	default:
		return nil
	}
}

// lives returns what shows that n's login was there before d and outlived it, or "".
func (t *tale) lives(n Neighbour, d death) string {
	if n.Since.IsZero() || d.Worked.IsZero() || n.Since.After(d.Worked) || !n.Worked.After(d.Found) {
		return ""
	}
	return fmt.Sprintf("%s of client %s was there before and worked at %s", n.name(), short(n.ClientID), clock(n.Worked, t.Now))
}

// broad is how long the time in which a login died may be for its end to mean
// something beside another one.
const broad = 26 * time.Hour

// fell reports whether n's login died when d did.
func fell(n Neighbour, d death) bool {
	e := n.Ended
	if e.Found.IsZero() || e.Worked.IsZero() || d.Worked.IsZero() {
		return false
	}
	begin, end := e.Worked, e.Found
	if d.Worked.After(begin) {
		begin = d.Worked
	}
	if d.Found.Before(end) {
		end = d.Found
	}
	return begin.Before(end.Add(slack)) && e.Found.Sub(e.Worked) <= broad && d.Found.Sub(d.Worked) <= broad
}

func (t *tale) sameUser(n Neighbour) bool   { return SameUser(n.UserName, t.User) }
func (t *tale) sameClient(n Neighbour) bool { return n.ClientID != "" && n.ClientID == t.client }

// victims returns the neighbours that fit and fell with d, as names.
func (t *tale) victims(d death, fits func(Neighbour) bool, name func(Neighbour) string) []string {
	var out []string
	for _, n := range t.Neighbours {
		if who := name(n); fits(n) && fell(n, d) && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// survivor returns the first proof that a neighbour that fits outlived d.
func (t *tale) survivor(d death, fits func(Neighbour) bool) string {
	for _, n := range t.Neighbours {
		if proof := t.lives(n, d); fits(n) && proof != "" {
			return proof
		}
	}
	return ""
}

// between says when d and those who fell with it died.
func (t *tale) between(d death) string {
	if from, to := clock(d.Worked, t.Now), clock(d.Found, t.Now); from == to {
		return "at " + to
	}
	return fmt.Sprintf("between %s and %s", clock(d.Worked, t.Now), clock(d.Found, t.Now))
}

func (t *tale) revokedElsewhere() *suspect {
	return &suspect{
		cause: RevokedElsewhere, summary: "A program or person outside of this store revoked it.",
		evidence: []string{"no revocation of it is recorded here"}, support: -1,
	}
}

func (t *tale) neverWorked() *suspect {
	return &suspect{
		cause: NeverWorked, summary: "The refresh token was dead, or another client's or data centre's, when it came into the store.",
		evidence: []string{"nothing shows that it ever worked here"}, likely: true, support: 1,
	}
}
