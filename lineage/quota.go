package lineage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// defaultWindow is taken for the provider's window when it names none.
const defaultWindow = 10 * time.Minute

// heldBack returns the quota of the row, and whether tokenkeep itself asks for no
// access token because that is used up while callers wait for one.
func (t *tale) heldBack() (tokenkeep.Quota, bool) {
	q := tokenkeep.QuotaOf(t.Limits, t.Now, t.Row)
	return q, (q.Mints.Full() || q.Live.Full()) && !t.Row.Valid(t.Now, 0)
}

// held tells of a refresh that tokenkeep holds back.
func (t *tale) held(s *Story) bool {
	q, ok := t.heldBack()
	if !ok || t.Row.State.Class == tokenkeep.Throttled {
		return false
	}
	v := Verdict{
		Cause: TooManyMints, Certainty: Sure,
		Summary:  fmt.Sprintf("No access token is asked for until %s, because %s allows no more; the login is intact.", clock(s.Until, t.Now), t.from),
		Evidence: []string{},
	}
	oldest := t.Now
	for _, u := range []struct {
		tokenkeep.Usage
		what string
	}{{q.Mints, "were asked for in " + span(t.Limits.Window)}, {q.Live, "may be alive, and one more would end the oldest"}} {
		if u.Full() {
			v.Evidence = append(v.Evidence, fmt.Sprintf("%d access tokens %s", u.Used, u.what))
			oldest = u.Oldest
		}
	}
	if total, who := t.minters(oldest.Add(-time.Second), t.Now); total > 0 {
		v.Evidence = append(v.Evidence, who)
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, "wait until "+clock(s.Until, t.Now), busyStep)
	return true
}

// busyStep is what helps against a store's own processes.
const busyStep = "find what refreshes this login so often: each process that calls Refresh or refuses cached tokens"

// throttled tells who used the quota up.
func (t *tale) throttled(s *Story) {
	if t.held(s) {
		return
	}
	window := cmp.Or(t.Limits.Window, defaultWindow)
	begin := s.Since.Add(-window)
	v := Verdict{
		Cause: TooManyMints, Certainty: Sure,
		Summary:  fmt.Sprintf("%s makes no access token for this login until %s; the login is intact.", capital(t.from), clock(s.Until, t.Now)),
		Evidence: []string{},
	}
	known := 0
	if t.Recorded {
		var who string
		known, who = t.minters(begin, s.Since)
		v.Evidence = append(v.Evidence, fmt.Sprintf("in the %s before, %s", span(window), who))
	}
	known = max(known, t.asked(begin, s.Since))
	s.Next = append(s.Next, "wait until "+clock(s.Until, t.Now))
	if limit := t.Limits.Mints; limit > known {
		v.Evidence = append(v.Evidence, fmt.Sprintf("%s allows %d: at least %d more were asked for with this refresh token from outside of this store", t.from, limit, limit-known))
		s.Next = append(s.Next, "find the other program that uses this refresh token, and let it share this store")
	} else if limit > 0 {
		v.Evidence = append(v.Evidence, fmt.Sprintf("%s allows %d in %s", t.from, limit, span(window)))
		s.Next = append(s.Next, busyStep)
	}
	s.Verdicts = append(s.Verdicts, v)
}

// asked returns how many access tokens the row knows that were asked for.
func (t *tale) asked(begin, end time.Time) int {
	n := 0
	for _, at := range t.Row.Mints {
		if !at.Before(begin) && !at.After(end) {
			n++
		}
	}
	return n
}

// minters says how many access tokens which hosts made.
func (t *tale) minters(begin, end time.Time) (total int, who string) {
	hosts := map[string]int{}
	for _, e := range t.Events {
		if e.Kind == tokenkeep.Refreshed && e.Time.After(begin) && !e.Time.After(end.Add(slack)) {
			hosts[by("", e.Owner)]++
			total++
		}
	}
	if total == 0 {
		return 0, "no process of this store made one"
	}
	names := slices.SortedFunc(maps.Keys(hosts), func(a, b string) int {
		return cmp.Or(cmp.Compare(hosts[b], hosts[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d by %s", hosts[name], name)
	}
	return total, fmt.Sprintf("%s were made: %s", plural(total, "access token"), list(names))
}

// misconfigured tells whether the client app or this host's settings are wrong.
func (t *tale) misconfigured(s *Story) {
	v := Verdict{
		Cause: WrongClient, Certainty: Sure,
		Summary:  "The client app's settings are wrong; the login is intact.",
		Evidence: []string{s.Reason},
	}
	if e, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Failed && e.Class == tokenkeep.Misconfigured }); ok {
		v.Evidence = append(v.Evidence, recorded(e, "that"))
	}
	s.Verdicts = append(s.Verdicts, v)
	s.Next = append(s.Next, "compare client id, secret and data centre with the API console, then: tokenkeep refresh "+t.User)
	t.whoseFault(s)
}

// whoseFault compares with the other logins of the client app.
func (t *tale) whoseFault(s *Story) {
	var works, fails []string
	var latest Neighbour
	for _, n := range t.Neighbours {
		switch {
		case !t.sameClient(n):
		case n.Worked.After(s.Since):
			works, latest = append(works, n.name()), n
		case n.Class == tokenkeep.Misconfigured:
			fails = append(fails, n.name())
		}
	}
	working := t.worked(t.login, s.Since)
	switch {
	case len(works) > 0:
		s.Excluded = append(s.Excluded, Exclusion{ClientDeleted, fmt.Sprintf(
			"the client works for %s, at %s: compare the settings of %s, or the data centre",
			list(works), clock(latest.Worked, t.Now), t.failingHost())})
	case !working.IsZero():
		v := Verdict{
			Cause: ClientDeleted, Certainty: Possible,
			Summary:  "The client app or its secret was changed or deleted in the API console.",
			Evidence: []string{fmt.Sprintf("this login worked with it until %s", clock(working, t.Now))},
		}
		if len(fails) > 0 {
			v.Certainty = Likely
			v.Evidence = append(v.Evidence, fmt.Sprintf("%s of the client: %s", plural(len(fails), "other login")+" fail the same way", list(fails)))
		}
		s.Verdicts = append(s.Verdicts, v)
	}
}

func (t *tale) failingHost() string {
	if e, ok := t.last(func(e tokenkeep.Event) bool { return e.Kind == tokenkeep.Failed }); ok {
		return host(e.Owner)
	}
	return "the host that failed"
}

// capital returns s with a capital first letter.
func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
