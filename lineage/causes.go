package lineage

import (
	"fmt"
)

// passwordChanged weighs the change of the user's password with the end of all API
// tokens: every login of the user dies, of every client app.
func (t *tale) passwordChanged(d death) *suspect {
	x := &suspect{cause: PasswordChanged, summary: "The user changed the password and ended all API tokens."}
	x.against = t.survivor(d, t.sameUser)
	other := func(n Neighbour) bool { return t.sameUser(n) && !t.sameClient(n) }
	if dead := t.victims(d, other, clientOf); len(dead) > 0 {
		x.likely, x.support = true, 20+len(dead)
		x.evidence = append(x.evidence, fmt.Sprintf("the user's login of client %s died at the same time, %s", list(dead), t.between(d)))
	}
	return x
}

// appRemoved weighs that the user removed the app: the user's logins of this client
// die, and no others.
func (t *tale) appRemoved(d death) *suspect {
	x := &suspect{cause: AppRemoved, summary: "The user removed the app from the account's connected apps."}
	same := func(n Neighbour) bool { return t.sameUser(n) && t.sameClient(n) }
	x.against = t.survivor(d, same)
	if dead := t.victims(d, same, Neighbour.name); len(dead) > 0 {
		x.likely, x.support = true, 10+len(dead)
		x.evidence = append(x.evidence, fmt.Sprintf("the user's other login of this client (%s) died at the same time, %s", list(dead), t.between(d)))
		if proof := t.survivor(d, func(n Neighbour) bool { return t.sameUser(n) && !t.sameClient(n) }); proof != "" {
			x.evidence = append(x.evidence, "those of other clients live on: "+proof)
		}
	}
	return x
}

// clientDeleted weighs that the client app was deleted or changed: the logins of all
// its users die.
func (t *tale) clientDeleted(d death) *suspect {
	x := &suspect{cause: ClientDeleted, summary: "The client app was deleted or changed in the API console."}
	for _, n := range t.Neighbours {
		if t.sameClient(n) && n.Worked.After(d.Found) {
			x.against = fmt.Sprintf("the login of %s, of the same client, worked at %s", n.name(), clock(n.Worked, t.Now))
		}
	}
	others := func(n Neighbour) bool { return t.sameClient(n) && !t.sameUser(n) }
	if dead := t.victims(d, others, Neighbour.name); len(dead) > 0 {
		x.likely, x.support = true, 30+len(dead)
		x.evidence = append(x.evidence, fmt.Sprintf("the logins of other users of client %s died at the same time: %s", short(t.client), list(dead)))
	}
	return x
}

// evicted weighs that a login beyond the provider's limit pushed this one out: the
// oldest login of the user and client dies, alone.
func (t *tale) evicted(d death) *suspect {
	limit := t.Limits.RefreshTokens
	x := &suspect{
		cause:   Evicted,
		summary: fmt.Sprintf("A %s login of this user and client pushed it out: %s keeps %d and drops the oldest.", ordinal(limit+1), t.from, limit),
	}
	newer := t.newer(d)
	for _, n := range t.Neighbours {
		if !t.sameUser(n) || !t.sameClient(n) {
			continue
		}
		proof := t.lives(n, d)
		switch {
		case proof == "" || d.made.IsZero() || n.LoggedIn.IsZero():
		case n.LoggedIn.Before(d.made):
			x.against = "an older login goes first, and " + proof
		default:
			x.likely, x.support = true, 15
			x.evidence = append(x.evidence, "a newer login lives on, so not all of the user's were ended: "+proof)
		}
	}
	if !d.made.IsZero() {
		x.evidence = append(x.evidence, fmt.Sprintf("it was made %s before it was found dead", span(d.Found.Sub(d.made))))
	}
	x.evidence = append(x.evidence, t.places(newer))
	if limit > 0 && newer >= limit {
		x.sure, x.likely = true, true
	}
	return x
}

// newer counts the logins of the user and client that this store saw made after d's
// and before its end.
func (t *tale) newer(d death) int {
	n := 0
	for _, o := range t.Neighbours {
		if t.sameUser(o) && t.sameClient(o) && !d.made.IsZero() && o.LoggedIn.After(d.made) && o.LoggedIn.Before(d.Found) {
			n++
		}
	}
	return n
}

// places says how much of an eviction this store has seen.
func (t *tale) places(newer int) string {
	limit := t.Limits.RefreshTokens
	if newer >= limit {
		return fmt.Sprintf("this store itself knows of %s after it", plural(newer, "login"))
	}
	if newer == 0 {
		return fmt.Sprintf("this store knows of no later login; %d others would have come from another installation", limit)
	}
	return fmt.Sprintf("this store knows of %s after it; the other %d would have come from another installation",
		plural(newer, "login"), limit-newer)
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

func clientOf(n Neighbour) string { return short(n.ClientID) }
