package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fenced finds the Go code of a guide.
var fenced = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// elsewhere begins a block that needs a module which the examples do not have.
const elsewhere = "// Not compiled here: "

// blocks returns the Go code that a guide takes from the examples.
func blocks(t *testing.T, guide string) []string {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(m[1], elsewhere) {
			found = append(found, m[1])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s shows no code", guide)
	}
	return found
}

// sources returns the Go files of an example by name.
func sources(t *testing.T, pattern string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}

// TestGuidesShowTheExamples: every piece of code in a guide is code of an example,
// which is compiled and tested.
func TestGuidesShowTheExamples(t *testing.T) {
	files := sources(t, "*/*.go")
	for _, guide := range []string{"stores.md", "migrating.md"} {
		for _, block := range blocks(t, filepath.Join("..", "docs", guide)) {
			if !contains(files, block) {
				t.Errorf("%s shows code that is in no example: copy it again from the source\n%s", guide, block)
			}
		}
	}
}

func contains(files map[string]string, block string) bool {
	for _, text := range files {
		if strings.Contains(text, block) {
			return true
		}
	}
	return false
}

// rest is what may be left of a source: comments, and the lines before the code.
var rest = regexp.MustCompile(`(?ms)\Apackage .*?^\)$|^//.*?$|^package .*?$|^import .*?$`)

// TestStoresShowsTheWholeStore: nothing of the worked example is left out.
func TestStoresShowsTheWholeStore(t *testing.T) {
	shown := blocks(t, filepath.Join("..", "docs", "stores.md"))
	slices.SortFunc(shown, func(a, b string) int { return len(b) - len(a) }) // none is cut by a part of it
	for name, text := range sources(t, "secretsmanager/*.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, block := range shown {
			text = strings.Replace(text, block, "", 1)
		}
		if left := strings.TrimSpace(rest.ReplaceAllString(text, "")); left != "" {
			t.Errorf("docs/stores.md does not show this part of %s:\n%s", name, left)
		}
	}
}
