package lineage

import (
	"fmt"
	"strings"
	"time"
)

// clock says when t was, as people would at now, in now's zone.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	switch {
	case t.IsZero():
		return "an unknown time"
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("2 Jan 2006 15:04")
}

// span is a duration in the unit that tells most.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return plural(int(d.Seconds()), "second")
	case d < 2*time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour")
	}
	return plural(int(d.Hours()/24), "day")
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// list joins items: up to three of them.
func list(items []string) string {
	const most = 3
	if extra := len(items) - most; extra > 0 {
		return strings.Join(items[:most], ", ") + fmt.Sprintf(" and %d more", extra)
	}
	if n := len(items); n > 1 {
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
	return strings.Join(items, "")
}

// short is a client id for a sentence.
func short(client string) string {
	const most = 9
	if len(client) > most+1 {
		return client[:most] + "…"
	}
	return client
}

// by names who did something: the actor, else the process.
func by(actor, owner string) string {
	switch {
	case actor != "":
		return actor
	case owner != "":
		return process(owner)
	}
	return "somebody"
}
