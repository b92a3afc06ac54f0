package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli"
	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

func TestClaim(t *testing.T) {
	var out bytes.Buffer
	plain := func(s string) string { return s }
	n := newNarrator(&out, plain, plain)
	n.begin("one", "First")
	n.claim("Right.", is("a", 1, 1), atMost("b", 2, 2), atLeast("c", 3, 3), within("d", time.Second, time.Second))
	n.note("A note.")
	n.claim("Wrong.", is("the_end", "", "good"), atMost("b", 3, 2), atLeast("c", 2, 3), within("e", 1500*time.Millisecond, time.Second), is("f", true, true))
	n.finish(time.Second)
	want := `
1. First
   ✓ Right.
   · A note.
   ✗ Wrong.
       the end: expected good, saw nothing
       b: expected at most 2, saw 3
       c: expected at least 3, saw 2
       e: expected at most 1, saw 1.5
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	if r := n.report; r.OK || r.Checks != 9 || len(r.Failures) != 4 || r.Figures["one"]["e"] != 1.5 || r.Seconds != 1 {
		t.Errorf("report %+v", r)
	}
	if err := n.err(); err == nil || err.Error() != "demo: 4 of 9 checks failed" {
		t.Errorf("err() = %v", err)
	}
}

func TestShowIsOneShortLine(t *testing.T) {
	got := show("a\nb " + strings.Repeat("é", 300))
	if strings.Contains(got, "\n") || len([]rune(got)) != longestShown+1 || !strings.HasPrefix(got, "a b é") {
		t.Errorf("show() = %q", got)
	}
}

func TestGuardStaysAtHome(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	g := newGuard()
	defer g.CloseIdleConnections()
	client := &http.Client{Transport: g}
	get := func(target string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := get(server.URL); err != nil || g.refused.Load() != 0 {
		t.Errorf("loopback: %v, %d refused", err, g.refused.Load())
	}
	for i, target := range []string{"http://192.0.2.1/", "https://accounts.zoho.com/", "http://localhost.example/", "http://[2001:db8::1]/"} {
		if err := get(target); err == nil || !strings.Contains(err.Error(), "offline") || g.refused.Load() != int64(i+1) {
			t.Errorf("%s: %v, %d refused", target, err, g.refused.Load())
		}
	}
}

func TestBrowserNeedsAForm(t *testing.T) {
	pages := map[string]http.HandlerFunc{
		"/empty": func(http.ResponseWriter, *http.Request) {},
		"/stays": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<form method="post" action="/empty"><input name="request" value="1">`)
		},
		"/away": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<form method="post" action="http://192.0.2.1/"><input name="request" value="1">`)
		},
	}
	mux := http.NewServeMux()
	for path, h := range pages {
		mux.HandleFunc(path, h)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	g := newGuard()
	defer g.CloseIdleConnections()
	for path := range pages {
		if back, err := newBrowser(g).consent(t.Context(), server.URL+path, "ann@example.com"); err == nil {
			t.Errorf("%s led to %q", path, back)
		}
	}
}

func TestProcessWithoutATask(t *testing.T) {
	missing := `{"setup":{"store":"` + t.TempDir() + `/none/tokens.db","client_id":"1000.A","client_secret":"s","places":[{"code":"us","accounts":"http://127.0.0.1:1","api":"http://127.0.0.1:2"}]},"user":"ann"}`
	for name, in := range map[string]string{
		"nothing": "", "no JSON": "hello\n", "no data centre": "{}\n",
		"a foreign server": `{"setup":{"client_id":"1000.A","places":[{"code":"us","accounts":"http://192.0.2.1","api":"http://192.0.2.1"}]}}` + "\n",
		"no such folder":   strings.ReplaceAll(missing, `\`, `\\`) + "\n",
	} {
		var out bytes.Buffer
		if err := RunProcess(t.Context(), strings.NewReader(in), &out); err == nil {
			t.Errorf("%s: no error, printed %q", name, out.String())
		}
	}
}

func TestProcessRefusesUnknownOrders(t *testing.T) {
	r := rehearse(t)
	odd := chapter{"odd", "Odd", func(ctx context.Context, st *stage) error {
		p, err := st.start(ctx, st.ann, 0)
		if err != nil {
			return err
		}
		if _, err := p.ask(ctx, order{Do: "dance"}); err == nil || !strings.Contains(err.Error(), "dance") {
			t.Errorf("ask() = %v", err)
		}
		if !p.kill() || p.kill() {
			t.Error("a process dies once")
		}
		if _, err := p.ask(ctx, order{Do: "calls"}); err == nil {
			t.Error("a dead process answers")
		}
		return nil
	}}
	if err := r.play(t.Context(), append(only(t, "login"), odd), nil); err != nil {
		t.Error(err)
	}
}

func TestCommand(t *testing.T) {
	r := rehearse(t) // for its temporary folder
	var out, errs bytes.Buffer
	program := func(ctx context.Context, args ...string) int {
		out.Reset()
		errs.Reset()
		a := &cli.App{
			IO:     &ui.IO{In: strings.NewReader(""), Out: &out, Err: &errs},
			Getenv: func(string) string { return "" },
		}
		return a.Run(ctx, args, Command, ProcessCommand)
	}
	if code := program(t.Context(), "--help"); code != 0 || !strings.Contains(out.String(), "  demo ") || strings.Contains(out.String(), processCommand) {
		t.Errorf("--help: %d\n%s", code, out.String())
	}
	if code := program(t.Context(), "demo", "now"); code != cli.ExitUsage {
		t.Errorf("an argument too many: %d", code)
	}
	if code := program(t.Context(), processCommand); code != cli.ExitFailed {
		t.Errorf("a process without a task: %d, %s", code, errs.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := program(ctx, "demo", "--json"); code != cli.ExitInterrupted || out.Len() != 0 || !json.Valid(errs.Bytes()) {
		t.Errorf("interrupted: %d, %q, %q", code, out.String(), errs.String())
	}
	r.wantEmpty(t)
}

func TestStartProcessFails(t *testing.T) {
	if _, err := startProcess(t.Context(), []string{t.TempDir() + "/missing"}, task{}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("startProcess() = %v", err)
	}
}
