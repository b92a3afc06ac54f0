package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = "1000000000 patricia@zylker.com, access token [redacted]\nafter the logout: true\ntoken requests: 1\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
