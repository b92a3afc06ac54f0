package cli

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
)

// openBrowser shows url with the first command of browsers that starts, a list
// separated by colons as in $BROWSER; "%s" in a command stands for the URL. An
// empty list means the system's own. It does not wait for the browser to end.
func openBrowser(ctx context.Context, browsers, url string) error {
	candidates := systemBrowser(url)
	if browsers != "" {
		candidates = nil
		for b := range strings.SplitSeq(browsers, ":") {
			if argv := browserArgs(b, url); len(argv) > 0 {
				candidates = append(candidates, argv)
			}
		}
	}
	errs := []error{errors.New("no browser could be started")}
	for _, argv := range candidates {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), argv[0], argv[1:]...) //nolint:gosec // the user's own $BROWSER, or the system's opener; no shell reads the URL
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		go func() { _ = cmd.Wait() }() // ends with the opener; its exit code says nothing
		return nil
	}
	return errors.Join(errs...)
}

// browserArgs puts url into one command of $BROWSER.
func browserArgs(command, url string) []string {
	argv := strings.Fields(command)
	if !strings.Contains(command, "%s") && len(argv) > 0 {
		return append(argv, url)
	}
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "%s", url)
	}
	return argv
}

func systemBrowser(url string) [][]string {
	switch runtime.GOOS {
	case "darwin":
		return [][]string{{"open", url}}
	case "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler", url}}
	}
	return [][]string{{"xdg-open", url}, {"x-www-browser", url}, {"www-browser", url}}
}
