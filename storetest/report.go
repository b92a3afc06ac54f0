package storetest

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// A Report says how a store did. It can be encoded as JSON.
type Report struct {
	// Level is the highest level at which, and below which, nothing failed and
	// something was checked.
	Level Level `json:"level"`
	// Passed, Failed and Skipped name the checks, such as
	// "versioned/stale-conflicts", in the order in which they were made.
	Passed  []string `json:"passed"`
	Failed  []string `json:"failed"`
	Skipped []string `json:"skipped"`
	// Problems has, for each failed check, what went wrong.
	Problems map[string][]string `json:"problems,omitempty"`
	// History says whether the store keeps a history of events, as a
	// [tokenkeep.Historian]. It does not count for Level.
	History History `json:"history"`

	results []result
}

// A History says how a store keeps the history of its tokens.
type History string

// How a store keeps a history.
const (
	// NoHistory: it keeps none, or that was not checked.
	NoHistory History = "none"
	// BrokenHistory: it breaks the contract of tokenkeep.Historian.
	BrokenHistory History = "broken"
	// KeptHistory: it does what the contract says.
	KeptHistory History = "kept"
)

// historyOf sums up the checks of the history.
func historyOf(results []result) History {
	h := NoHistory
	for _, res := range results {
		switch {
		case !res.events || res.skipped != "":
		case len(res.problems) > 0:
			return BrokenHistory
		default:
			h = KeptHistory
		}
	}
	return h
}

// report sums up what was run so far.
func (s *suite) report() Report {
	r := Report{Level: None, Problems: map[string][]string{}, History: historyOf(s.results), results: s.results}
	for _, res := range s.results {
		switch {
		case res.skipped != "":
			r.Skipped = append(r.Skipped, res.name)
		case len(res.problems) > 0:
			r.Failed = append(r.Failed, res.name)
			r.Problems[res.name] = res.problems
		default:
			r.Passed = append(r.Passed, res.name)
		}
	}
	for _, l := range levels()[1:] {
		if !reached(s.results, l) {
			break
		}
		r.Level = l
	}
	return r
}

// reached reports whether some check of level l passed and none failed.
func reached(results []result, l Level) bool {
	passed := false
	for _, res := range results {
		if res.level != l || res.events || res.skipped != "" {
			continue
		}
		if len(res.problems) > 0 {
			return false
		}
		passed = true
	}
	return passed
}

// String returns a table of the checks, with the problems below those that
// failed, and the level in the last line. It holds no values of tokens.
func (r Report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CHECK\tLEVEL\tRESULT")
	for _, res := range r.results {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", res.name, res.level, res.verdict())
	}
	_ = w.Flush()
	for _, name := range r.Failed {
		for _, p := range r.Problems[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, p)
		}
	}
	fmt.Fprintf(&b, "level: %s, history: %s (%d passed, %d failed, %d skipped)\n", r.Level, r.History, len(r.Passed), len(r.Failed), len(r.Skipped))
	return b.String()
}

func (r result) verdict() string {
	switch {
	case r.skipped != "":
		return "skipped: " + r.skipped
	case len(r.problems) > 0:
		return "FAILED"
	}
	return "ok"
}
