package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// secretShape is what Zoho's tokens look like.
var secretShape = regexp.MustCompile(`1000\.[0-9a-fA-F]{8,}\.`)

// TestDemo plays all of it, with further processes, and looks at everything that
// comes out.
func TestDemo(t *testing.T) {
	r := rehearse(t)
	r.JSON, r.Keep = true, true
	if err := r.play(t.Context(), script(), nil); err != nil {
		t.Fatalf("%v\n%s", err, r.err.String())
	}
	var got report
	if err := json.Unmarshal(r.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || len(got.Failures) != 0 || got.Checks < 50 {
		t.Errorf("report %+v", got)
	}
	for figure, want := range map[string]float64{
		"expiry/calls_answered": 100, "expiry/token_requests": 1, "kill/token_requests": 2, "kill/claims_taken_over": 1,
		"processes/calls_answered": 64, "processes/token_requests": 1, "restart/logins": 0, "sum/codes_exchanged": 2,
	} {
		chapter, key, _ := strings.Cut(figure, "/")
		if got.Figures[chapter][key] != want {
			t.Errorf("%s = %v, want %v", figure, got.Figures[chapter][key], want)
		}
	}
	story := r.err.String()
	for i, c := range script() {
		if !strings.Contains(story, fmt.Sprintf("\n%d. %s\n   ✓ ", i+1, c.title)) {
			t.Errorf("chapter %d %q is missing", i+1, c.title)
		}
	}
	if strings.Contains(story, "✗") || !strings.Contains(story, "tokenkeep login") || !strings.Contains(story, redirectURL) {
		t.Errorf("the story is wrong or has no end:\n%s", story)
	}
	r.wantKept(t, got.Folder)
	r.wantNoSecret(t)
}

// wantKept checks the folder that was to be kept: private, with bo's login.
func (r *rehearsal) wantKept(t *testing.T, folder string) {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o700) {
		t.Fatalf("the kept folder %q: %v, %v", folder, info, err)
	}
	s, err := openStore(t.Context(), r.stage.setup.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	row, err := s.FindTokenByID(t.Context(), r.stage.bo.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{row.AccessToken.Reveal(), row.RefreshToken.Reveal()} {
		if !secretShape.MatchString(secret) {
			t.Error("tokens look different: this test would not find them")
		}
	}
}

// wantNoSecret checks all output.
func (r *rehearsal) wantNoSecret(t *testing.T) {
	t.Helper()
	all := r.out.String() + r.err.String()
	if secretShape.MatchString(all) || strings.Contains(all, r.stage.setup.ClientSecret) {
		t.Error("a secret was printed")
	}
}

// TestStory plays the beginning as people see it.
func TestStory(t *testing.T) {
	r := rehearse(t)
	if err := r.play(t.Context(), only(t, "login", "crm"), nil); err != nil {
		t.Fatalf("%v\n%s", err, r.out.String())
	}
	for _, want := range []string{"1. Two users", "location=us", "location=eu", "2. Each calls", "sees Americano", "sees Breve", "checks passed", "api-console.zoho.com"} {
		if !strings.Contains(r.out.String(), want) {
			t.Errorf("no %q in:\n%s", want, r.out.String())
		}
	}
	if strings.Contains(r.out.String(), "The folder is kept") {
		t.Error("a folder is kept that nobody asked for")
	}
	r.wantNoSecret(t)
	r.wantEmpty(t)
}

// TestBrokenFlightIsSeen gives every caller a Keeper of its own, over a store
// that forgets who refreshes: no flight is shared any more.
func TestBrokenFlightIsSeen(t *testing.T) {
	r := rehearse(t)
	err := r.play(t.Context(), only(t, "login", "crm", "expiry"), func(st *stage) {
		// All know the old token before the first one calls.
		strangers := sync.OnceValue(func() []*tokenkeep.Session { return r.strangers(t, st.ann) })
		st.caller = func(_ *user, i int) *tokenkeep.Session { return strangers()[i] }
	})
	if err == nil || !strings.Contains(err.Error(), "checks failed") || tokenkeep.ClassOf(err) != "" {
		t.Errorf("Run() = %v", err)
	}
	if !strings.Contains(r.out.String(), "token requests: expected 1, saw ") {
		t.Errorf("the story does not say what was expected:\n%s", r.out.String())
	}
	if strings.Contains(r.out.String(), "api-console") {
		t.Error("a demo that failed recommends itself")
	}
	r.wantEmpty(t)
}

// strangers returns sessions that share nothing but the rows.
func (r *rehearsal) strangers(t *testing.T, u *user) []*tokenkeep.Session {
	list := make([]*tokenkeep.Session, crowdSize)
	for i := range list {
		k := tokenkeep.New(forgetful{r.stage.store}, r.stage.provider, &tokenkeep.Options{Base: r.stage.way})
		var err error
		if list[i], err = k.SessionByID(t.Context(), u.id); err != nil {
			t.Error(err)
		}
	}
	return list
}

// A forgetful store shows no claim and takes every save.
type forgetful struct{ tokenkeep.TokenStore }

func (s forgetful) FindTokenByID(ctx context.Context, id string) (*tokenkeep.Token, error) {
	row, err := s.TokenStore.FindTokenByID(ctx, id)
	if err == nil {
		row.Claim, row.Mints = tokenkeep.Claim{}, nil
	}
	return row, err
}

func (s forgetful) SaveToken(ctx context.Context, t *tokenkeep.Token) error {
	for {
		err := s.TokenStore.SaveToken(ctx, t)
		if !errors.Is(err, tokenkeep.ErrConflict) {
			return err
		}
		row, err := s.TokenStore.FindTokenByID(ctx, t.ID)
		if err != nil {
			return err
		}
		t.Version = row.Version
	}
}

// TestInterrupt ends the demo while a process stands in the middle of a refresh.
func TestInterrupt(t *testing.T) {
	r := rehearse(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var p *process
	late := chapter{"late", "Too late", func(context.Context, *stage) error { t.Error("the demo went on"); return nil }}
	midway := chapter{"midway", "Midway", func(ctx context.Context, st *stage) (err error) {
		if p, err = st.start(ctx, st.ann, beforeCommit); err != nil {
			return err
		}
		if _, err = p.ask(ctx, order{Do: "refresh"}); err != nil {
			return err
		}
		cancel()
		_, err = p.ask(ctx, order{Do: "calls", Callers: 1}) // it does not answer any more
		return err
	}}
	err := r.play(ctx, append(only(t, "login"), midway, late), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run() = %v\n%s", err, r.out.String())
	}
	if p == nil || p.cmd.ProcessState == nil || p.cmd.ProcessState.Success() {
		t.Error("the process was not killed")
	}
	if strings.Contains(r.out.String(), "✗") {
		t.Errorf("an interrupt is no failure:\n%s", r.out.String())
	}
	r.wantEmpty(t)
}

// TestBrokenChapter plays a chapter that cannot go on: the demo fails, whatever
// class the error has.
func TestBrokenChapter(t *testing.T) {
	r := rehearse(t)
	r.JSON = true
	broken := chapter{"broken", "Broken", func(context.Context, *stage) error {
		return &tokenkeep.Error{Class: tokenkeep.Throttled, Reason: "no tokens today", Until: time.Now()}
	}}
	err := r.play(t.Context(), []chapter{broken, broken}, nil)
	if err == nil || tokenkeep.ClassOf(err) != "" {
		t.Errorf("Run() = %v", err)
	}
	var got report
	if err := json.Unmarshal(r.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := failure{Chapter: "broken", Figure: "outcome", Expected: "no error", Seen: "no tokens today"}
	if got.OK || len(got.Failures) != 1 || got.Failures[0] != want || got.Folder != "" {
		t.Errorf("report %+v", got)
	}
	r.wantEmpty(t)
}

// TestReaderLeaves ends the demo when nobody listens any more.
func TestReaderLeaves(t *testing.T) {
	r := rehearse(t)
	r.IO.Out = &leaving{lines: 3}
	late := chapter{"late", "Too late", func(context.Context, *stage) error { t.Error("the demo went on"); return nil }}
	err := r.play(t.Context(), append(only(t, "login"), late), nil)
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Run() = %v", err)
	}
	r.wantEmpty(t)
}

// leaving takes a few lines, then none.
type leaving struct{ lines int }

func (l *leaving) Write(p []byte) (int, error) {
	if l.lines--; l.lines < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestNoTemporaryFolder(t *testing.T) {
	r := rehearse(t)
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, r.tmp+"/missing")
	}
	err := Run(t.Context(), r.Options)
	if err == nil || !strings.Contains(err.Error(), "temporary folder") || r.out.Len() != 0 {
		t.Errorf("Run() = %v, printed %q", err, r.out.String())
	}
}
