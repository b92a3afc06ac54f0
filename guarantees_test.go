package tokenkeep_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each test that docs/guarantees.md names exists.
func TestGuaranteesNameRealTests(t *testing.T) {
	page, err := os.ReadFile("docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	code := goFiles(t)
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+|[a-z]+/[a-z-]+)`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 60 {
		t.Fatalf("only %d names found: the page or this test has changed its form", len(names))
	}
	for _, n := range names {
		want := "func " + n[1] + "("
		if group, _, found := strings.Cut(n[1], "/"); found {
			if group == "internal" || group == "store" {
				continue // a folder
			}
			want = `"` + n[1] + `"`
		}
		if !strings.Contains(code, want) {
			t.Errorf("docs/guarantees.md names %s, which does not exist", n[1])
		}
	}
	for i := 1; i <= 40; i++ {
		if n := strings.Count(string(page), "\n| I"+strconv.Itoa(i)+" |"); n != 1 {
			t.Errorf("invariant I%d has %d rows, want 1", i, n)
		}
	}
}

// goFiles returns the text of all tests and of storetest.
func goFiles(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !(strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "storetest/")) || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
