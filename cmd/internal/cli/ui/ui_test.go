package ui_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenkeep/tokenkeep/cmd/internal/cli/ui"
)

func TestStreams(t *testing.T) {
	var out, errs bytes.Buffer
	u := &ui.IO{Out: &out, Err: &errs, Color: true}
	u.Note("note %d", 1)
	u.Done("done")
	u.Warn("warn")
	u.Fail("fail")
	u.Say("say")
	if out.Len() > 0 {
		t.Errorf("standard output is for data: %q", out.String())
	}
	if want := "note 1\n✓ done\n! warn\n✗ fail\nsay\n"; errs.String() != want {
		t.Errorf("standard error %q, want %q: no colour off a terminal", errs.String(), want)
	}
	errs.Reset()
	u.Quiet = true
	u.Note("note")
	u.Done("done")
	u.Warn("warn")
	if want := "! warn\n"; errs.String() != want {
		t.Errorf("quiet: %q, want %q", errs.String(), want)
	}
	if err := u.JSON(map[string]string{"a": "<&>"}); err != nil || out.String() != "{\n  \"a\": \"<&>\"\n}\n" {
		t.Errorf("JSON: %q, %v", out.String(), err)
	}
}

func TestTableKeepsTheTerminalSafe(t *testing.T) {
	table := ui.NewTable("USER", "ID")
	table.Add(ui.Text("\x1b[2Jann\n\u202e", "1")...)
	table.Add(ui.Text("münchen", "2")...)
	var b bytes.Buffer
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "USER        ID\n?[2Jann??   1\nmünchen     2\n"
	want = strings.ReplaceAll(want, "USER        ID", "USER       ID")
	want = strings.ReplaceAll(want, "?[2Jann??   1", "?[2Jann??  1")
	want = strings.ReplaceAll(want, "münchen     2", "münchen    2")
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestProgressAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		u := &ui.IO{Err: &errs}
		stop := u.Progress("quick")
		time.Sleep(900 * time.Millisecond)
		stop()
		if errs.Len() > 0 {
			t.Errorf("said too early: %q", errs.String())
		}
		stop = u.Progress("slow")
		time.Sleep(1500 * time.Millisecond)
		stop()
		stop()
		if want := "- slow… (1s)\n"; errs.String() != want {
			t.Errorf("got %q, want %q", errs.String(), want)
		}
	})
}

func TestLine(t *testing.T) {
	var errs bytes.Buffer
	u := &ui.IO{In: strings.NewReader("  one \ntwo"), Err: &errs}
	for _, want := range []string{"one", "two"} {
		if got, err := u.Line(t.Context(), "? "); err != nil || got != want {
			t.Errorf("Line = %q, %v, want %q", got, err, want)
		}
	}
	if _, err := u.Line(t.Context(), ""); !errors.Is(err, ui.ErrNoAnswer) {
		t.Errorf("at the end: %v", err)
	}
	if s, err := (&ui.IO{In: strings.NewReader("secret\n"), Err: io.Discard}).Secret(t.Context(), ""); err != nil || s.Reveal() != "secret" {
		t.Errorf("Secret: %v", err)
	}
	if _, err := (&ui.IO{In: strings.NewReader(strings.Repeat("x", 1<<20)), Err: io.Discard}).Line(t.Context(), ""); err == nil {
		t.Error("a line without end was taken")
	}
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&ui.IO{In: r, Err: io.Discard}).Line(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		u := &ui.IO{Err: &errs}
		m := u.Meter("quick", 3)
		m.Set(3)
		time.Sleep(900 * time.Millisecond)
		m.Stop()
		if errs.Len() > 0 {
			t.Errorf("said too early: %q", errs.String())
		}
		m = u.Meter("moving", 200)
		m.Set(50)
		time.Sleep(1500 * time.Millisecond)
		m.Set(150)
		time.Sleep(10 * time.Second)
		m.Stop()
		m.Stop()
		if want := "- moving: 50 of 200 (25%)\n- moving: 150 of 200 (75%)\n"; errs.String() != want {
			t.Errorf("got %q, want %q", errs.String(), want)
		}
		errs.Reset()
		u.Quiet = true
		m = u.Meter("quiet", 1)
		time.Sleep(2 * time.Second)
		m.Stop()
		if errs.Len() > 0 {
			t.Errorf("quiet: %q", errs.String())
		}
	})
}
