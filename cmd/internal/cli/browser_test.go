package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestBrowserArgs(t *testing.T) {
	const url = "http://x/?a=1&b=$(id)"
	for _, tt := range []struct {
		command string
		want    []string
	}{
		{"firefox", []string{"firefox", url}},
		{"firefox --new-window %s", []string{"firefox", "--new-window", url}},
		{"open -u=%s -v", []string{"open", "-u=" + url, "-v"}},
		{"  ", nil},
	} {
		if got := browserArgs(tt.command, url); !slices.Equal(got, tt.want) {
			t.Errorf("browserArgs(%q) = %q, want %q", tt.command, got, tt.want)
		}
	}
}

func TestOpenBrowserTriesOneAfterTheOther(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("uses touch")
	}
	mark := filepath.Join(t.TempDir(), "mark")
	if err := openBrowser(t.Context(), "/no/such/program:touch", mark); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if _, err := os.Stat(mark); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the second browser was not started")
}

func TestOpenBrowserWithoutOne(t *testing.T) {
	if err := openBrowser(t.Context(), "/no/such/program", "x"); err == nil {
		t.Error("no error")
	}
}
