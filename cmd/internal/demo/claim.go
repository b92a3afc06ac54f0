package demo

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// A check compares a measured figure with what it has to be.
type check struct {
	key  string // the figure's name in the report
	got  any
	want string
	ok   bool
}

// is expects got to equal want.
func is[T comparable](key string, got, want T) check {
	return check{key, got, show(want), got == want}
}

// atMost expects got not to exceed limit.
func atMost[T cmp.Ordered](key string, got, limit T) check {
	return check{key, got, fmt.Sprintf("at most %v", limit), got <= limit}
}

// atLeast expects got not to fall below limit.
func atLeast[T cmp.Ordered](key string, got, limit T) check {
	return check{key, got, fmt.Sprintf("at least %v", limit), got >= limit}
}

// within expects a duration not to exceed limit; the figure is in seconds.
func within(key string, got, limit time.Duration) check {
	return check{key, seconds(got), fmt.Sprintf("at most %v", limit.Seconds()), got <= limit}
}

// seconds returns d in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// longestShown is how much of a value a line shows.
const longestShown = 200

// show returns a value in one line.
func show(v any) string {
	s := strings.Join(strings.Fields(fmt.Sprint(v)), " ")
	if s == "" {
		return "nothing"
	}
	if r := []rune(s); len(r) > longestShown {
		return string(r[:longestShown]) + "…"
	}
	return s
}

// A failure is a check that failed, or a chapter that broke off.
type failure struct {
	Chapter  string `json:"chapter"`
	Figure   string `json:"figure"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
}

// A report is what the demo measured.
type report struct {
	OK       bool                      `json:"ok"`
	Checks   int                       `json:"checks"`
	Failures []failure                 `json:"failures"`
	Seconds  float64                   `json:"seconds"`
	Folder   string                    `json:"folder,omitempty"` // only if it is kept
	Figures  map[string]map[string]any `json:"figures"`          // by chapter
}

// A narrator prints chapters and keeps the report. It is used by one goroutine.
type narrator struct {
	w         io.Writer
	good, bad func(string) string
	report    report
	number    int
	chapter   string
	deaf      error // the story cannot be written any more
}

func newNarrator(w io.Writer, good, bad func(string) string) *narrator {
	return &narrator{w: w, good: good, bad: bad, report: report{Failures: []failure{}, Figures: map[string]map[string]any{}}}
}

func (n *narrator) printf(format string, args ...any) {
	if n.deaf == nil {
		_, n.deaf = fmt.Fprintf(n.w, format+"\n", args...)
	}
}

// begin starts a chapter. key names it in the report.
func (n *narrator) begin(key, title string) {
	n.number++
	n.chapter = key
	n.report.Figures[key] = map[string]any{}
	n.printf("\n%d. %s", n.number, title)
}

// note says what the demo does. It claims nothing.
func (n *narrator) note(format string, args ...any) { n.printf("   · "+format, args...) }

// claim prints text, which tells what was measured, with a mark that says whether
// all checks hold.
func (n *narrator) claim(text string, first check, more ...check) {
	var failed []check
	for _, c := range append([]check{first}, more...) {
		n.report.Checks++
		n.report.Figures[n.chapter][c.key] = c.got
		if !c.ok {
			failed = append(failed, c)
		}
	}
	if len(failed) == 0 {
		n.printf("   %s %s", n.good("✓"), text)
		return
	}
	n.printf("   %s %s", n.bad("✗"), text)
	for _, c := range failed {
		n.fail(strings.ReplaceAll(c.key, "_", " "), c.key, c.want, show(c.got))
	}
}

// broke records that the chapter ended in an error.
func (n *narrator) broke(err error) {
	n.report.Checks++
	n.printf("   %s the chapter broke off", n.bad("✗"))
	n.fail("outcome", "outcome", "no error", show(err))
}

func (n *narrator) fail(label, key, want, got string) {
	n.report.Failures = append(n.report.Failures, failure{n.chapter, key, want, got})
	n.printf("       %s: expected %s, saw %s", label, want, got)
}

// finish completes the report.
func (n *narrator) finish(took time.Duration) {
	n.report.Seconds = seconds(took)
	n.report.OK = len(n.report.Failures) == 0
}

// err returns an error if anything failed.
func (n *narrator) err() error {
	switch {
	case n.deaf != nil:
		return fmt.Errorf("demo: write: %w", n.deaf)
	case n.report.OK:
		return nil
	}
	return fmt.Errorf("demo: %d of %d checks failed", len(n.report.Failures), n.report.Checks)
}
