package lineage_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/lineage"
)

// plain is a store without a history.
type plain struct{ tokenkeep.TokenStore }

// stored saves ann's dead row r1 and others, and returns the store and the row.
func stored(t *testing.T, others ...*tokenkeep.Token) (*tokenkeep.MemoryStore, *tokenkeep.Token) {
	t.Helper()
	s := tokenkeep.NewMemoryStore()
	for _, tok := range append([]*tokenkeep.Token{row()}, others...) {
		tok.ID, tok.Version = "", 0
		if err := s.SaveToken(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.FindTokenByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s, got
}

func remember(t *testing.T, s tokenkeep.Historian, events ...tokenkeep.Event) {
	t.Helper()
	if err := s.AppendEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func gather(t *testing.T, s tokenkeep.TokenStore, q lineage.Query) *lineage.Facts {
	t.Helper()
	q.Now, q.Provider = noon, "Zoho"
	q.Limits = tokenkeep.Limits{Mints: 10, Live: 15, RefreshTokens: 20}
	f, err := lineage.Gather(t.Context(), s, q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// theirs is an event of another login.
func theirs(minutes int, kind tokenkeep.EventKind, tokenID, user, client string) tokenkeep.Event {
	return event(minutes, kind, of(tokenID), func(e *tokenkeep.Event) { e.TokenID, e.UserName, e.ClientID = tokenID, user, client })
}

func TestGatherFromHistory(t *testing.T) {
	s, r := stored(t)
	remember(t, s, usual()[0],
		theirs(4000, tokenkeep.LoggedIn, "1000000001", ann, other),
		theirs(100, tokenkeep.Refreshed, "1000000001", ann, other), usual()[1],
		theirs(90, tokenkeep.LoggedIn, "1000000002", bob, app), usual()[2],
		theirs(40, tokenkeep.Refreshed, "1000000003", "carl", "1000.UNRELATED"),
		theirs(30, tokenkeep.Refreshed, "1000000001", ann, other),
		theirs(20, tokenkeep.Refreshed, "1000000002", bob, app), usual()[3])
	failed := theirs(8, tokenkeep.Failed, "1000000001", ann, other)
	failed.Class = tokenkeep.NeedsLogin
	remember(t, s, failed, theirs(3, tokenkeep.Refreshed, "1000000002", bob, app))

	f := gather(t, s, lineage.Query{Row: r})
	if len(f.Events) != 4 || !f.Recorded || !f.Begins.Equal(ago(5000)) || f.Bounded {
		t.Errorf("%d events, recorded %v, begins %v, bounded %v", len(f.Events), f.Recorded, f.Begins, f.Bounded)
	}
	if len(f.Neighbours) != 2 {
		t.Fatalf("neighbours %+v", f.Neighbours)
	}
	if n := f.Neighbours[0]; !n.Ended.Worked.Equal(ago(30)) || !n.Ended.Found.Equal(ago(8)) {
		t.Errorf("ann's other login %+v", n)
	}
	if n := f.Neighbours[1]; !n.LoggedIn.Equal(ago(90)) || !n.Worked.Equal(ago(3)) {
		t.Errorf("bob's login %+v", n)
	}
	want(t, f, lineage.LoginNeeded, "password_changed likely, evicted possible, app_removed possible, revoked_elsewhere possible, -client_deleted")
}

// TestGatherFromRows: without a history the other rows still speak, as far as they
// tell when their logins were made.
func TestGatherFromRows(t *testing.T) {
	two := row()
	two.UserName, two.RefreshToken, two.AccessToken = "ann@example.com:2", secret("r2"), secret("a2")
	live := row()
	live.UserName, live.ClientID, live.RefreshToken, live.AccessToken = ann, other, secret("r3"), secret("a3")
	live.State, live.UsedAt, live.Logins = tokenkeep.State{}, ago(2), nil
	s, r := stored(t, two, live)
	f := gather(t, plain{s}, lineage.Query{Row: r})
	if f.Recorded || len(f.Neighbours) != 2 {
		t.Fatalf("facts %+v", f)
	}
	want(t, f, lineage.LoginNeeded, "app_removed likely, evicted possible, password_changed possible, client_deleted possible, revoked_elsewhere possible")
	live.Logins = []time.Time{ago(4000)}
	if err := s.SaveToken(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	want(t, gather(t, plain{s}, lineage.Query{Row: r}), lineage.LoginNeeded,
		"app_removed likely, evicted possible, client_deleted possible, revoked_elsewhere possible, -password_changed")
}

// TestGatherDeleted: by name, by address, by id, and with the events that tell only
// one of them.
func TestGatherDeleted(t *testing.T) {
	s := tokenkeep.NewMemoryStore()
	nameless := event(5000, tokenkeep.LoggedIn, func(e *tokenkeep.Event) { e.UserName = "" })
	remember(t, s, nameless, event(4000, tokenkeep.Refreshed), theirs(3000, tokenkeep.Refreshed, "1000000009", bob, app),
		event(3, tokenkeep.Revoked, asked("ops on host7", "host7:1:R")),
		event(3, tokenkeep.Deleted, asked("ops on host7", "host7:1:R"), func(e *tokenkeep.Event) { e.UserName = "" }))
	for _, user := range []string{ann, "ann@example.com", id} {
		f := gather(t, s, lineage.Query{User: user})
		if f.User != ann || len(f.Events) != 4 {
			t.Errorf("%s: user %q, %d events", user, f.User, len(f.Events))
		}
		want(t, f, lineage.Gone, "revoked_by_operator sure")
	}
	for _, user := range []string{"dora@example.com", "1000000099"} {
		_, err := lineage.Gather(t.Context(), s, lineage.Query{User: user})
		if !errors.Is(err, tokenkeep.ErrNotFound) || !strings.Contains(err.Error(), user) {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// TestGatherSameLogin: a revocation under another id, of the same refresh token.
func TestGatherSameLogin(t *testing.T) {
	s, r := stored(t)
	remember(t, s, usual()[:3]...)
	remember(t, s, event(12, tokenkeep.Revoked, asked("ops", "host7:1:R"), func(e *tokenkeep.Event) { e.TokenID, e.UserName = "1000000001", "copy" }), usual()[3])
	want(t, gather(t, s, lineage.Query{Row: r}), lineage.LoginNeeded, "revoked_by_operator sure")
}

// older makes every row as old as the usual history.
type older struct{ *tokenkeep.MemoryStore }

func (s older) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return func(yield func(*tokenkeep.Token, error) bool) {
		for row, err := range s.MemoryStore.GetTokens(ctx) {
			row.CreatedAt = ago(5000)
			if !yield(row, err) {
				return
			}
		}
	}
}

// TestWhatWasNotReadProvesNothing: a login among the events that were not read may be
// why another row works.
func TestWhatWasNotReadProvesNothing(t *testing.T) {
	live := row()
	live.UserName, live.ClientID, live.RefreshToken, live.AccessToken = ann, other, secret("r3"), secret("a3")
	live.State, live.UsedAt = tokenkeep.State{}, ago(2)
	mem, r := stored(t, live)
	s := older{mem}
	remember(t, s, usual()...)
	remember(t, s, theirs(2, tokenkeep.Refreshed, "1000000001", ann, other))
	const excluded = ", -password_changed"
	if got := brief(lineage.Explain(gather(t, s, lineage.Query{Row: r}))); !strings.HasSuffix(got, excluded) {
		t.Errorf("with all events read: %q", got)
	}
	if got := brief(lineage.Explain(gather(t, s, lineage.Query{Row: r, MaxEvents: 2}))); strings.HasSuffix(got, excluded) {
		t.Errorf("with some events read: %q", got)
	}
}

// TestNeighboursAreWhatTheyAre: a death that was seen stays one after a new login; one
// that was explained is none; and another program's login is as old as its first sign.
func TestNeighboursAreWhatTheyAre(t *testing.T) {
	mem, r := stored(t)
	their := func(minutes int, kind tokenkeep.EventKind, login string) tokenkeep.Event {
		e := theirs(minutes, kind, "1000000001", ann, other)
		e.Login = login
		if kind == tokenkeep.Failed {
			e.Class = tokenkeep.NeedsLogin
		}
		return e
	}
	for _, tt := range []struct {
		name   string
		events []tokenkeep.Event
		want   lineage.Neighbour
	}{
		{
			"died, and replaced since",
			[]tokenkeep.Event{their(40, tokenkeep.Refreshed, "A"), their(20, tokenkeep.Failed, "A"), their(9, tokenkeep.LoggedIn, "B"), their(9, tokenkeep.Revoked, "A")},
			lineage.Neighbour{Worked: ago(9), LoggedIn: ago(9), Since: ago(9), Ended: lineage.Ending{Worked: ago(40), Found: ago(20)}},
		},
		{
			"revoked, and found so",
			[]tokenkeep.Event{their(40, tokenkeep.Refreshed, "A"), their(30, tokenkeep.Revoked, "A"), their(20, tokenkeep.Failed, "A")},
			lineage.Neighbour{Worked: ago(40)},
		},
		{
			"replaced by another program",
			[]tokenkeep.Event{their(90, tokenkeep.LoggedIn, "A"), their(8, tokenkeep.Adopted, "X"), their(7, tokenkeep.Refreshed, "X")},
			lineage.Neighbour{Worked: ago(7), Since: ago(8)},
		},
		{
			"adopted from another process",
			[]tokenkeep.Event{their(90, tokenkeep.LoggedIn, "A"), their(8, tokenkeep.Adopted, "A")},
			lineage.Neighbour{Worked: ago(90), LoggedIn: ago(90), Since: ago(90)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := mem.PruneEvents(t.Context(), noon); err != nil {
				t.Fatal(err)
			}
			remember(t, mem, usual()...)
			remember(t, mem, tt.events...)
			f := gather(t, mem, lineage.Query{Row: r})
			if len(f.Neighbours) != 1 {
				t.Fatalf("neighbours %+v", f.Neighbours)
			}
			n := f.Neighbours[0]
			got := lineage.Neighbour{Worked: n.Worked, LoggedIn: n.LoggedIn, Since: n.Since, Ended: n.Ended}
			if got != tt.want {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestGatherIsBounded: no more is read than is allowed, and the story says so.
func TestGatherIsBounded(t *testing.T) {
	var others []*tokenkeep.Token
	for range 30 {
		o := row()
		o.UserName, o.RefreshToken, o.AccessToken = "u"+secretName(len(others)), secret("r"+secretName(len(others))), secret("a"+secretName(len(others)))
		others = append(others, o)
	}
	s, r := stored(t, others...)
	c := &counting{MemoryStore: s}
	remember(t, s, usual()...)
	for n := range 60 {
		remember(t, s, theirs(9, tokenkeep.Refreshed, "2"+secretName(n), bob, app))
	}
	f := gather(t, c, lineage.Query{Row: r, MaxRows: 10, MaxEvents: 20})
	if !f.Bounded || c.rows > 11 || c.events > 21+1+64 {
		t.Errorf("bounded %v after %d rows and %d events", f.Bounded, c.rows, c.events)
	}
	if notes := strings.Join(lineage.Explain(f).Notes, "\n"); !strings.Contains(notes, "not all of it was read") {
		t.Errorf("notes %q", notes)
	}
	// A login in which nothing is wrong needs nobody else.
	r.State, c.rows = tokenkeep.State{}, 0
	remember(t, s, event(1, tokenkeep.LoggedIn))
	if _, err := s.PruneEvents(t.Context(), ago(2)); err != nil {
		t.Fatal(err)
	}
	if gather(t, c, lineage.Query{Row: r}); c.rows != 0 {
		t.Errorf("read %d rows for a healthy login", c.rows)
	}
}

func secretName(n int) string { return strings.Repeat("x", n+1) }

// counting counts what is read.
type counting struct {
	*tokenkeep.MemoryStore
	rows, events int
}

func (c *counting) GetTokens(ctx context.Context) iter.Seq2[*tokenkeep.Token, error] {
	return counted(c.MemoryStore.GetTokens(ctx), &c.rows)
}

func (c *counting) Events(ctx context.Context, q tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return counted(c.MemoryStore.Events(ctx, q), &c.events)
}

func counted[T any](seq iter.Seq2[T, error], n *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			*n++
			if !yield(v, err) {
				return
			}
		}
	}
}

// failing is a store whose history cannot be read, or that has none after all.
type failing struct {
	*tokenkeep.MemoryStore
	err error
}

func (f failing) Events(context.Context, tokenkeep.EventQuery) iter.Seq2[tokenkeep.Event, error] {
	return func(yield func(tokenkeep.Event, error) bool) { yield(tokenkeep.Event{}, f.err) }
}

func TestGatherWithoutAHistoryThatWorks(t *testing.T) {
	s, r := stored(t)
	if f := gather(t, failing{s, tokenkeep.ErrNoHistory}, lineage.Query{Row: r}); f.Recorded {
		t.Error("a store that has no history is said to have one")
	}
	broken := errors.New("the disk is gone")
	if _, err := lineage.Gather(t.Context(), failing{s, broken}, lineage.Query{Row: r}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
