package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/stores"
)

// checkFiles looks at the files of a store, if it has some.
func checkFiles(l stores.Location) []checkup {
	if !l.OnFile() || l.Transient() {
		return nil
	}
	paths, err := filepath.Glob(globQuote(l.Path) + "*")
	if err != nil {
		paths = []string{l.Path}
	}
	return append(checkModes(paths), checkCopies(l.Path, paths)...)
}

// checkCopies finds the copies that were kept when tokenkeep took over a file of
// Zoho's SDKs: the secrets in them are as good as those of the store.
func checkCopies(path string, paths []string) []checkup {
	var list []checkup
	for _, p := range paths {
		if strings.HasPrefix(p, path+".before-tokenkeep") {
			list = append(list, warn("copies", "when you are sure that nothing is missing: rm "+quoted(p),
				"%s has the tokens as they were before tokenkeep took the file over, in clear; they may still be valid", p))
		}
	}
	return list
}

// checkModes sees whether other users of the machine can read the store's files.
func checkModes(paths []string) []checkup {
	const name = "file modes"
	if runtime.GOOS == "windows" {
		return nil
	}
	var list []checkup
	for _, p := range paths {
		if wide, mode := openToOthers(p); wide && !strings.HasSuffix(p, ".lock") && !strings.HasSuffix(p, ".lock.next") {
			list = append(list, broken("", name, "chmod 600 "+quoted(p)+"; then treat its tokens as leaked if others use this machine", "other users can read %s (mode %04o)", p, mode))
		}
	}
	if len(list) == 0 {
		list = []checkup{good(name, "the store's files are readable by their owner alone")}
	}
	return list
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// openToOthers reports whether somebody but the owner can read or write path.
func openToOthers(path string) (bool, fs.FileMode) {
	if path == "" || runtime.GOOS == "windows" {
		return false, 0
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, 0
	}
	return info.Mode().Perm()&0o066 != 0, info.Mode().Perm()
}
