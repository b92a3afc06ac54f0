package mutants_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A protection is a piece of code, what it becomes without the protection, and
// the test that has to notice.
type protection struct {
	name     string
	file     string
	old, new string
	module   string // folder of a nested module; default: the root module
	pkg      string // default: the root package of the module
	test     string
}

func TestProtections(t *testing.T) {
	if os.Getenv("TOKENKEEP_MUTANTS") == "" {
		t.Skip("takes minutes; set TOKENKEEP_MUTANTS=1 to run it")
	}
	list := slices.Concat(protections, sealProtections, matrixProtections)
	all := make(chan protection, len(list))
	for _, p := range list {
		all <- p
	}
	close(all)
	for range runtime.GOMAXPROCS(0) { // each has a copy of the code to itself
		t.Run("worker", func(t *testing.T) {
			t.Parallel()
			tree := copyTree(t)
			for p := range all {
				t.Run(p.name, func(t *testing.T) { p.check(t, tree) })
			}
		})
	}
}

// copyTree copies the repository's code.
func copyTree(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	for _, folder := range folders(t, root) {
		if err := os.CopyFS(filepath.Join(tree, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	copyFiles(t, root, tree)
	return tree
}

// folders returns the folders of the repository that may hold code.
func folders(t *testing.T, root string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestProtectionsAreInTheCode sees, always and quickly, that the list is up to date.
func TestProtectionsAreInTheCode(t *testing.T) {
	for _, p := range slices.Concat(protections, sealProtections, matrixProtections) {
		whole, err := os.ReadFile(filepath.Join("../..", p.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(whole), p.old); n != 1 {
			t.Errorf("%s: %s has %q %d times, want once: bring the list up to date", p.name, p.file, p.old, n)
		}
	}
}

// copyFiles copies the files of the root package.
func copyFiles(t *testing.T, root, tree string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum")) {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, filepath.Base(f)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs the named test without and with the protection.
func (p protection) check(t *testing.T, tree string) {
	t.Helper()
	path := filepath.Join(tree, p.file)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(whole), p.old) != 1 {
		t.Fatalf("%s has %q %d times, want once: bring the list up to date", p.file, p.old, strings.Count(string(whole), p.old))
	}
	if out, red := p.run(t, tree); red {
		t.Fatalf("%s is red before anything was changed:\n%s", p.test, out)
	}
	broken := strings.Replace(string(whole), p.old, p.new, 1)
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}()
	out, red := p.run(t, tree)
	if !red {
		t.Errorf("%s stays green without it", p.test)
	}
	if strings.Contains(out, "build failed") || strings.Contains(out, "no tests to run") {
		t.Errorf("nothing was tested:\n%s", out)
	}
}

// run runs the test and reports whether it failed. A test that hangs has failed.
func (p protection) run(t *testing.T, tree string) (out string, red bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-timeout=60s", "-run", "^"+p.test+"$", "./"+p.pkg)
	cmd.Dir = filepath.Join(tree, p.module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	b, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return string(b), err != nil
}
