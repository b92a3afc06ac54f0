package sealedstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// event returns an event of a user.
func event(kind tokenkeep.EventKind, user string) tokenkeep.Event {
	return tokenkeep.Event{Kind: kind, UserName: user, Time: time.UnixMilli(1767225600000).UTC()}
}

// told returns the kinds of events that a query selects, and the error that ended it.
func told(t *testing.T, s tokenkeep.Historian, q tokenkeep.EventQuery) (kinds []tokenkeep.EventKind, last error) {
	t.Helper()
	for e, err := range s.Events(t.Context(), q) {
		if err != nil {
			return kinds, err
		}
		kinds = append(kinds, e.Kind)
	}
	return kinds, nil
}

// The history is that of the inner store, where anybody can read it.
func TestHistoryIsTheInnerStores(t *testing.T) {
	inner := tokenkeep.NewMemoryStore()
	s := newStore(t, inner, newKeyring(t), nil)
	if err := s.AppendEvents(t.Context(), []tokenkeep.Event{event(tokenkeep.LoggedIn, "ann"), event(tokenkeep.Refreshed, "bob")}); err != nil {
		t.Fatal(err)
	}
	for what, h := range map[string]tokenkeep.Historian{"sealed": s, "inner": inner} {
		if kinds, err := told(t, h, tokenkeep.EventQuery{UserName: "ann"}); err != nil || len(kinds) != 1 || kinds[0] != tokenkeep.LoggedIn {
			t.Errorf("%s: %v, %v", what, kinds, err)
		}
	}
	if n, err := s.PruneEvents(t.Context(), time.Now()); n != 2 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AppendEvents(ctx, []tokenkeep.Event{event(tokenkeep.Deleted, "ann")}); !errors.Is(err, context.Canceled) {
		t.Errorf("append with a cancelled context: %v", err)
	}
}

// Over a store that keeps no history there is none, and the error says so.
func TestNoHistoryWithoutAnInnerOne(t *testing.T) {
	s := newStore(t, struct{ tokenkeep.TokenStore }{tokenkeep.NewMemoryStore()}, newKeyring(t), nil)
	_, prune := s.PruneEvents(t.Context(), time.Now())
	_, read := told(t, s, tokenkeep.EventQuery{})
	for what, err := range map[string]error{
		"append": s.AppendEvents(t.Context(), []tokenkeep.Event{event(tokenkeep.LoggedIn, "ann")}), "prune": prune, "read": read,
	} {
		if !errors.Is(err, tokenkeep.ErrNoHistory) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// earlier returns the inner rows that a tokenkeep which knew no candidates wrote: a
// sealed one, and a plain one.
func earlier(t *testing.T) (inner *tokenkeep.MemoryStore, keys *sealedstore.Keyring) {
	t.Helper()
	text, err := os.ReadFile("testdata/earlier_tokenkeep.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ User, Client_Secret, Refresh_Token, Access_Token, Grant_Token string }
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	inner = tokenkeep.NewMemoryStore()
	for _, r := range rows {
		row := token(r.User)
		row.Candidates = nil
		row.ClientSecret, row.RefreshToken = tokenkeep.NewSecret(r.Client_Secret), tokenkeep.NewSecret(r.Refresh_Token)
		row.AccessToken, row.GrantToken = tokenkeep.NewSecret(r.Access_Token), tokenkeep.NewSecret(r.Grant_Token)
		save(t, inner, row)
	}
	return inner, openKeyring(t, fixedSource("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
}

// Rows of a tokenkeep that knew no candidates open as they were, and get them.
func TestRowsOfAnEarlierTokenkeep(t *testing.T) {
	inner, keys := earlier(t)
	s := newStore(t, inner, keys, nil)
	for _, user := range []string{"ann", "bob"} {
		want := token(user)
		got, err := s.FindToken(t.Context(), &tokenkeep.Token{ClientID: want.ClientID, RefreshToken: want.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		next := want.Candidates
		want.Version, want.Candidates = 1, nil
		same(t, got, want, "a row from before")
		if got.Candidates != nil {
			t.Errorf("%d candidates out of nothing", len(got.Candidates))
		}
		got.Candidates = next
		save(t, s, got)
		same(t, get(t, s, got.ID), got, "the row with candidates")
		if in := get(t, inner, got.ID); len(in.Candidates) > 0 {
			t.Error("the inner row has candidates")
		}
	}
}
