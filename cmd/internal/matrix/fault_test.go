//go:build unix

package matrix

import (
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A fault is a row: what happens, and what it may end in.
type fault struct {
	group, name string
	// want is what the cells may end in, by policy: words of verdict, with "|"
	// between alternatives. It was written before the first run.
	want want
	// except is want for some columns.
	except map[string]want

	alone    bool          // a store that lives in its process can play it: the process lives
	nameless bool          // the login has no name yet
	disk     bool          // files are on a disk of their own
	server   bool          // the server of the store is killed
	minute   bool          // it is played apart, in real time
	claim    time.Duration // default: claimTime
	flight   time.Duration // default: flightTime
	play     func(x *cell)
}

// want is what cells may end in.
type want struct{ none, grace, rotating string }

// always is the same under every policy.
func always(words string) want { return want{words, words, words} }

// doubt is for faults that lose an answer, or what tells that none was asked for:
// a strict rotator's login is then in doubt.
func doubt(words string) want {
	rotating := "in_doubt"
	if strings.HasPrefix(words, "told") {
		rotating = "told, in_doubt"
	}
	return want{words, words, rotating}
}

// allowed returns the words that the cell may end in.
func (f *fault) allowed(policy tokenkeep.Rotation, c *column) []string {
	w, ok := f.except[c.name]
	if !ok {
		w = f.want
	}
	words := map[tokenkeep.Rotation]string{
		tokenkeep.RotationNone: w.none, tokenkeep.RotationGrace: w.grace, tokenkeep.RotationStrict: w.rotating,
	}[policy]
	return strings.Split(words, "|")
}

// missing says why a fault has no cell in a column, or "".
func (f *fault) missing(c *column) string {
	switch {
	case c.alone && !f.alone:
		return "n/a"
	case f.server && (c.file || c.alone):
		return "n/a"
	}
	return ""
}

// faults are the rows in the order of the tables.
func faults() []*fault {
	var all []*fault
	for _, g := range []struct {
		name string
		rows []*fault
	}{
		{"SIGKILL", kills()},
		{"SIGSTOP", stops()},
		{"the answer", lostAnswers()},
		{"the store refuses", refusals()},
		{"the store is down after the refresh", outages()},
		{"the store is slow", slowness()},
		{"the store's server is killed", crashes()},
	} {
		for _, f := range g.rows {
			f.group = g.name
			all = append(all, f)
		}
	}
	return all
}
