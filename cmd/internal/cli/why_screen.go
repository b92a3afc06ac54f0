package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// The screen that a story fits on.
const (
	screenWidth = 80
	screenLines = 24
)

// A page is lines of plain text with a painter for each.
type page struct {
	lines []ui.Cell
}

// add appends a text, wrapped to the screen: its first line begins with lead, the
// others with as much space.
func (p *page) add(lead, text string, paint func(string) string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(lead))
	for i, line := range wrap(ui.Plain(text), screenWidth-len(indent)) {
		if i == 0 {
			p.lines = append(p.lines, ui.Cell{Text: strings.TrimRight(lead+line, " "), Paint: paint})
			continue
		}
		p.lines = append(p.lines, ui.Cell{Text: indent + line, Paint: paint})
	}
}

// head begins a section.
func (p *page) head(title string) {
	p.lines = append(p.lines, ui.Cell{}, ui.Cell{Text: title})
}

func (p *page) write(w io.Writer) error {
	var b strings.Builder
	for _, c := range p.lines {
		text := c.Text
		if c.Paint != nil && text != "" {
			text = c.Paint(text)
		}
		b.WriteString(text + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// wrap breaks text into lines of at most width characters, at spaces. A longer word
// stays whole: it may be one to copy.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// tellStory shows a story on one screen.
func (a *App) tellStory(s *lineage.Story) error {
	above, below := &page{}, &page{}
	a.title(above, s)
	above.head("WHY")
	a.verdicts(above, s)
	if len(s.Next) > 0 {
		below.head("NEXT")
		for _, step := range s.Next {
			below.add("  ", step, nil)
		}
	}
	for i, note := range s.Notes {
		if i == 0 {
			below.lines = append(below.lines, ui.Cell{})
		}
		below.add("note: ", note, nil)
	}
	room := max(4, screenLines-len(above.lines)-len(below.lines)-2)
	above.head("WHAT HAPPENED")
	above.lines = append(above.lines, a.timeLine(s, room)...)
	above.lines = append(above.lines, below.lines...)
	return above.write(a.IO.Out)
}

// title says who, and how it stands.
func (a *App) title(p *page, s *lineage.Story) {
	text, paint := a.stateWords(s)
	if !s.Since.IsZero() && s.State != lineage.Working {
		text += fmt.Sprintf(" since %s (%s)", a.stamp(s.Since), ago(s.Since, a.now()))
	}
	p.add("", s.User+": "+text, paint)
	var about []string
	for _, part := range [][2]string{{"token ", s.TokenID}, {"client ", middle(s.ClientID)}, {"data centre ", s.DataCentre}, {"login ", s.Login}} {
		if part[1] != "" {
			about = append(about, part[0]+part[1])
		}
	}
	p.add("", strings.Join(about, ", "), nil)
}

// middle shortens a client id.
func middle(client string) string {
	if utf8.RuneCountInString(client) <= 16 {
		return client
	}
	return client[:9] + "…"
}

func (a *App) stateWords(s *lineage.Story) (string, func(string) string) {
	switch s.State {
	case lineage.Working:
		return "logged in, and nothing is wrong", a.IO.Good
	case lineage.Refused:
		return "logged in; the API refuses the access token", a.IO.Fair
	case lineage.Throttled:
		return "logged in, but throttled", a.IO.Fair
	case lineage.Retrying:
		return "logged in, but the refresh fails for now", a.IO.Fair
	case lineage.Misconfigured:
		return "logged in, but the client is misconfigured", a.IO.Bad
	case lineage.InDoubt:
		return "in doubt: login needed", a.IO.Bad
	case lineage.Gone:
		return "no longer stored", a.IO.Bad
	case lineage.LoginNeeded:
	}
	return "login needed", a.IO.Bad
}

// stamp is a time of this zone, with a date unless it is today's.
func (a *App) stamp(t time.Time) string {
	t, now := t.Local(), a.now().Local()
	switch {
	case t.Year() != now.Year():
		return t.Format("2 Jan 2006")
	case t.YearDay() != now.YearDay():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("15:04:05")
}

// verdicts shows the first verdict, also that of an earlier login, and the certain ones
// with their evidence, and names the others.
func (a *App) verdicts(p *page, s *lineage.Story) {
	var others []string
	for i, v := range s.Verdicts {
		first := i == 0 || v.Past && !s.Verdicts[i-1].Past
		if v.Certainty == lineage.Possible && !first {
			others = append(others, causeWords(v.Cause))
			continue
		}
		p.add(fmt.Sprintf("  %-9s ", verdictWord(v)), v.Summary, a.certaintyPaint(v))
		for _, e := range v.Evidence {
			p.add("            - ", e, nil)
		}
	}
	if len(others) > 0 {
		p.add("  possible  ", strings.Join(others, ", "), nil)
	}
	for _, x := range s.Excluded {
		p.add("  not       ", causeWords(x.Cause)+": "+x.Why, nil)
	}
}

// verdictWord says how certain a verdict is. Those about an earlier login follow one
// that says that all is well now.
func verdictWord(v lineage.Verdict) string {
	switch {
	case v.Past && v.Certainty == lineage.Sure:
		return "earlier"
	case v.Past:
		return "earlier?"
	}
	return string(v.Certainty)
}

func (a *App) certaintyPaint(v lineage.Verdict) func(string) string {
	if v.Cause == lineage.Fine {
		return a.IO.Good
	}
	if v.Certainty == lineage.Possible || v.Past {
		return nil
	}
	return a.IO.Fair
}

// causeWords names a cause that is possible or ruled out.
func causeWords(c lineage.Cause) string {
	switch c {
	case lineage.Evicted:
		return "too many logins"
	case lineage.PasswordChanged:
		return "password changed"
	case lineage.AppRemoved:
		return "app removed by the user"
	case lineage.ClientDeleted:
		return "client app deleted or changed"
	case lineage.RevokedElsewhere:
		return "revoked outside of this store"
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// timeLine shows the moments in at most room lines: the first one, and the last.
func (a *App) timeLine(s *lineage.Story, room int) []ui.Cell {
	line := s.TimeLine
	if len(line) == 0 {
		return []ui.Cell{{Text: "  nothing is recorded"}}
	}
	left := len(line) - room
	if left > 0 {
		left++
		line = slices.Concat(line[:1], line[1+left:])
	}
	many := slices.ContainsFunc(line, func(m lineage.Moment) bool { return m.Login != line[0].Login })
	rows := make([][]string, len(line))
	for i, m := range line {
		rows[i] = a.momentCells(m, many && (i == 0 || m.Login != line[i-1].Login))
	}
	cells := make([]ui.Cell, 0, len(line)+1)
	for i, text := range aligned(rows) {
		if i == 1 && left > 0 {
			cells = append(cells, ui.Cell{Text: fmt.Sprintf("  … %d more (--json shows all)", left)})
		}
		cells = append(cells, ui.Cell{Text: cut("  " + text)})
	}
	return cells
}

// momentCells are when, how long ago, what, with the mark of the login, and who.
func (a *App) momentCells(m lineage.Moment, mark bool) []string {
	at, what := cmp.Or(m.Last, m.Time), m.What
	if m.Count > 1 {
		what += fmt.Sprintf(" ×%d", m.Count)
	}
	if mark && m.Login != "" {
		what += " [" + m.Login[:min(6, len(m.Login))] + "]"
	}
	if m.Kind == tokenkeep.Dropped || m.Kind == tokenkeep.Unsaved {
		what += ": " + m.Detail
	}
	return []string{a.stamp(at), ago(at, a.now()), ui.Plain(what), ui.Plain(who(m))}
}

// widestWhat is how much of a line what happened may take before who did it.
const widestWhat = 42

// aligned returns rows with their cells in columns.
func aligned(rows [][]string) []string {
	widths := make([]int, 4)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], min(utf8.RuneCountInString(cell), widestWhat))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		for j, cell := range row {
			lines[i] += cell + strings.Repeat(" ", max(0, widths[j]-utf8.RuneCountInString(cell))+2)
		}
	}
	return lines
}

// who did it: the person, or the processes.
func who(m lineage.Moment) string {
	if m.Actor != "" {
		return m.Actor
	}
	const most = 2
	if extra := len(m.Processes) - most; extra > 0 {
		return strings.Join(m.Processes[:most], ", ") + fmt.Sprintf(" +%d", extra)
	}
	return strings.Join(m.Processes, ", ")
}

// cut shortens a line to the screen.
func cut(line string) string {
	line = strings.TrimRight(line, " ")
	if utf8.RuneCountInString(line) <= screenWidth {
		return line
	}
	return string([]rune(line)[:screenWidth-1]) + "…"
}
