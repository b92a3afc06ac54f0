package filestore

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// What is encrypted for one row opens in no other, and nowhere when it was changed.
func TestSealedCandidatesBelongToTheirRow(t *testing.T) {
	w := &row{}
	w.val[colID], w.val[colRefreshToken] = "1000000000", "1000.refresh"
	sealed, err := sealCandidates([]tokenkeep.Secret{tokenkeep.NewSecret("1000.next")}, w)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(sealed); err != nil || strings.Contains(string(raw), "1000.next") {
		t.Errorf("not encrypted: %v", err)
	}
	if got := openCandidates(sealed, w); len(got) != 1 || got[0].Reveal() != "1000.next" {
		t.Fatalf("%d candidates came back", len(got))
	}
	other := w.withID("1000000001")
	changed := *w
	changed.val[colRefreshToken] = "1000.another"
	for what, got := range map[string][]tokenkeep.Secret{
		"another id":            openCandidates(sealed, other),
		"another refresh token": openCandidates(sealed, &changed),
		"a changed text":        openCandidates(strings.ToUpper(sealed), w),
		"a cut text":            openCandidates(sealed[:len(sealed)/2], w),
		"a short text":          openCandidates("AAAA", w),
		"no base64":             openCandidates("=", w),
	} {
		if got != nil {
			t.Errorf("%s: opened", what)
		}
	}
}

// A candidate, and the time of a login, must survive a power failure: a save of
// either is synced.
func TestCandidatesAndLoginsAreOfTheLogin(t *testing.T) {
	w := &row{}
	w.val[colID], w.val[colRefreshToken] = "1000000000", "1000.refresh"
	rec := func(change func(*tokenkeep.Token)) *record {
		tok := &tokenkeep.Token{Logins: []time.Time{time.UnixMilli(1)}}
		change(tok)
		r, err := recordOf(tok, w)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	base := rec(func(*tokenkeep.Token) {})
	if !base.sameLogin(rec(func(tok *tokenkeep.Token) { tok.UsedAt = time.UnixMilli(5) })) {
		t.Error("the time of use counts as another login")
	}
	if base.sameLogin(rec(func(tok *tokenkeep.Token) { tok.Candidates = []tokenkeep.Secret{tokenkeep.NewSecret("x")} })) {
		t.Error("a new candidate is not synced")
	}
	if base.sameLogin(rec(func(tok *tokenkeep.Token) { tok.Logins[0] = time.UnixMilli(2) })) {
		t.Error("a new login is not synced")
	}
}

// Logins of other programs are counted from the first on, and not without end.
func TestLoginsOfOtherProgramsAreCounted(t *testing.T) {
	r := &record{CreatedAt: time.UnixMilli(1).UTC()}
	for n := range 200 {
		r.Logins = r.loginsAnd(time.UnixMilli(int64(n) + 2))
		if want := min(n+2, maxLogins); len(r.Logins) != want || r.Logins[want-1].UnixMilli() != int64(n)+2 {
			t.Fatalf("%d logins after %d, want %d", len(r.Logins), n+2, want)
		}
		if n == 0 && !r.Logins[0].Equal(r.CreatedAt) {
			t.Errorf("the login that the row began with does not count: %v", r.Logins)
		}
	}
}

// FuzzEvent: whatever a line of the history holds, it is read or passed over, and
// what was read is written on one line that reads the same.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"kind":"refreshed","token_id":"1000000000","time":"2026-11-26T00:00:00Z"}`))
	f.Add([]byte(`{"kind":"failed","time":"0001-01-01T00:00:00Z","reason":"a\nb` + "\u2028" + `"}`))
	f.Add([]byte(`{"kind":`))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := parseEvent(line)
		if !ok {
			return
		}
		lines, err := eventLines([]tokenkeep.Event{e})
		if err != nil {
			t.Skip() // a time that JSON can hold and Go cannot write
		}
		var again []tokenkeep.Event
		err = readEvents(t.Context(), strings.NewReader(string(lines)+"{"), func(e tokenkeep.Event, line eventLine) bool {
			again = append(again, e)
			return !line.damaged
		})
		if err != nil || len(again) != 1 || again[0].Time.Compare(e.Time) != 0 || again[0].Reason != e.Reason || again[0].Kind != e.Kind {
			t.Errorf("%q came back as %+v, %v", lines, again, err)
		}
	})
}

// FuzzSidecar: whatever a sidecar holds, it is taken in or refused, and rows keep
// versions and ids.
func FuzzSidecar(f *testing.F) {
	line := func(v any) string {
		b, err := appendLine(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		return string(b)
	}
	head := line(header{Schema: schema, Last: tokenkeep.FirstID})
	f.Add(head + line(record{ID: "1000000000", Version: 7, Candidates: "AAAA", Logins: []time.Time{time.UnixMilli(1)}}) + "torn")
	f.Add(line(header{Schema: schema + 1}))
	f.Add("x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := newSidecar("x"+sidecarSuffix, true)
		for l := range strings.Lines(text) {
			ok, err := s.take([]byte(strings.TrimSuffix(l, "\n")))
			if err != nil || !ok {
				break
			}
			s.size += int64(len(l))
		}
		for id, h := range s.rows {
			w := &row{}
			w.val[colID], w.val[colRefreshToken] = id, "r"
			newEntry(w, h.cur)
			if h.cur.ID != id {
				t.Errorf("a record of %q for %q", h.cur.ID, id)
			}
		}
		if s.last < tokenkeep.FirstID-1 {
			t.Errorf("the last id went back to %d", s.last)
		}
	})
}
