//go:build unix

package matrix

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/tokenkeep/tokenkeep"
)

// documentPath is the document that the run compares with, and writes.
const documentPath = "../../../docs/crash-matrix.md"

//go:embed testdata/document.md.tmpl
var documentText string

// A sheet holds the cells of a run, or those of the document.
type sheet map[string]string

func key(policy tokenkeep.Rotation, f *fault, c *column) string {
	return string(policy) + "\x00" + f.title() + "\x00" + c.name
}

// title is unique among the rows of a table.
func (f *fault) title() string { return f.group + ": " + f.name }

// render makes the document of a sheet.
func (s sheet) render() (string, error) {
	t, err := template.New("document").Parse(documentText)
	if err != nil {
		return "", err
	}
	texts := map[tokenkeep.Rotation]string{
		tokenkeep.RotationNone:   "The refresh token stays the same, so a lost answer is asked for again. Zoho does this; the cells are played against the fake of Zoho.",
		tokenkeep.RotationGrace:  "Each refresh gives a new refresh token, and the old one works on for a while after its first use (longer than a cell takes, here).",
		tokenkeep.RotationStrict: "Each refresh gives a new refresh token, and the old one ends the whole login when it comes again.",
	}
	type section struct{ Name, Text, Table string }
	var sections []section
	for _, p := range policies() {
		sections = append(sections, section{string(p), texts[p], s.table(p)})
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{"Policies": sections, "Totals": s.totals()})
	return out.String(), err
}

func (s sheet) table(policy tokenkeep.Rotation) string {
	var b strings.Builder
	names := []string{"fault"}
	for _, c := range columns() {
		names = append(names, c.name)
	}
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(names)
	fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(names)))
	for _, f := range faults() {
		cells := []string{f.title()}
		for _, c := range columns() {
			cells = append(cells, s[key(policy, f, c)])
		}
		line(cells)
	}
	return b.String()
}

// parse reads the cells of a document.
func parse(document string) sheet {
	s := sheet{}
	var policy string
	var names []string
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "## Policy `"); ok {
			policy, _, _ = strings.Cut(rest, "`")
		}
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if cells[0] == "fault" {
			names = cells
			continue
		}
		for i, cell := range cells[1:] {
			if i+1 < len(names) {
				s[policy+"\x00"+cells[0]+"\x00"+names[i+1]] = cell
			}
		}
	}
	return s
}

// totals counts the cells by their ends.
func (s sheet) totals() string {
	counts := map[string]int{}
	for _, words := range s {
		counts[kind(words)]++
	}
	played := len(s) - counts["n/a"]
	return fmt.Sprintf("%d cells were played. In %d the login works and no mint was lost; in %d it works and the crash cost one more mint; "+
		"in %d it is `in_doubt`, and nothing was replayed. Lost: %d. Replayed: %d. (%d cells do not apply.)",
		played, counts["works"], counts["+1"], counts["in_doubt"], counts["lost"], counts["replayed"], counts["n/a"])
}

// kind is the class of a cell's words.
func kind(words string) string {
	for _, k := range []string{"lost", "replayed", "n/a", "+1"} {
		if strings.Contains(words, k) {
			return k
		}
	}
	if strings.Contains(words, "works") {
		return "works"
	}
	return "in_doubt"
}
