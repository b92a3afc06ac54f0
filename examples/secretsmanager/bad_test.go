package secretsmanager_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

func token(user, refresh string) *tokenkeep.Token {
	return &tokenkeep.Token{UserName: user, RefreshToken: tokenkeep.NewSecret(refresh)}
}

// TestHostileIDs: an id cannot name a secret that is no token.
func TestHostileIDs(t *testing.T) {
	f, url := newStandIn(t, 0)
	s := open(newClient(), url)
	if err := s.SaveToken(t.Context(), token("ann", "1000.r")); err != nil {
		t.Fatal(err)
	}
	reads := f.sent("GetSecretValue")
	for _, id := range []string{"", "../count", "count", "01000000000", "+1000000000", " 1000000000", "-1000000000", "999999999"} {
		if _, err := s.FindTokenByID(t.Context(), id); !errors.Is(err, tokenkeep.ErrNotFound) {
			t.Errorf("find %q: %v", id, err)
		}
		if err := s.DeleteToken(t.Context(), id); !errors.Is(err, tokenkeep.ErrNotFound) {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	if n := f.sent("GetSecretValue") - reads; n != 0 {
		t.Errorf("%d requests for ids that this store cannot have given", n)
	}
}

// TestChangedByHand: a secret that somebody else wrote is not taken for a token,
// and not overwritten.
func TestChangedByHand(t *testing.T) {
	f, url := newStandIn(t, 0)
	s := open(newClient(), url)
	row := token("ann", "1000.r")
	if err := s.SaveToken(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	f.changeByHand("test/token/"+row.ID, `{"RefreshToken":"1000.by-hand"}`)
	written := f.sent("PutSecretValue")
	if _, err := s.FindToken(t.Context(), token("ann", "")); !errors.Is(err, tokenkeep.ErrCorrupt) || strings.Contains(err.Error(), "by-hand") {
		t.Errorf("find: %v", err)
	}
	if err := s.SaveToken(t.Context(), row); !errors.Is(err, tokenkeep.ErrCorrupt) {
		t.Errorf("save: %v", err)
	}
	if f.sent("PutSecretValue") != written {
		t.Error("what somebody changed was written over")
	}
}

// TestDeletedStaysDeleted: during its recovery window a secret is neither found
// nor written.
func TestDeletedStaysDeleted(t *testing.T) {
	_, url := newStandIn(t, 0)
	s := open(newClient(), url)
	row := token("ann", "1000.r")
	if err := s.SaveToken(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteToken(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveToken(t.Context(), row.Clone()); !errors.Is(err, tokenkeep.ErrConflict) {
		t.Errorf("save over a deleted row: %v", err)
	}
	again := token("ann", "1000.r")
	if err := s.SaveToken(t.Context(), again); err != nil || again.ID == row.ID {
		t.Errorf("a new login has the id %s again: %v", again.ID, err)
	}
}

// TestServiceFailures: what is no answer of the service is an error without
// secrets, and nothing is taken for missing.
func TestServiceFailures(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"an HTML page": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>503</html>", http.StatusServiceUnavailable)
		},
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no permission":  func(w http.ResponseWriter, _ *http.Request) { refuse(w, "AccessDeniedException") },
		"throttled":      func(w http.ResponseWriter, _ *http.Request) { refuse(w, "ThrottlingException") },
		"an empty value": func(w http.ResponseWriter, _ *http.Request) { answer(w, struct{}{}) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			s := open(srv.Client(), srv.URL)
			err := s.SaveToken(t.Context(), token("ann", "1000.secret"))
			if err == nil || errors.Is(err, tokenkeep.ErrNotFound) || errors.Is(err, tokenkeep.ErrConflict) || strings.Contains(err.Error(), "1000.secret") {
				t.Errorf("save: %v", err)
			}
			for row, err := range s.GetTokens(t.Context()) {
				if row != nil || err == nil {
					t.Errorf("list: %v, %v", row, err)
				}
			}
		})
	}
}

// TestSign: every request is signed, with its body; one that cannot be is not sent.
func TestSign(t *testing.T) {
	f, url := newStandIn(t, 0)
	s := open(newClient(), url)
	signed := 0
	s.Sign = func(r *http.Request) error {
		signed++
		if r.GetBody == nil {
			t.Error("a signer cannot read the body")
		}
		return nil
	}
	if err := s.SaveToken(t.Context(), token("ann", "1000.r")); err != nil {
		t.Fatal(err)
	}
	if sent := f.sent(""); signed != sent || signed == 0 {
		t.Errorf("%d of %d requests signed", signed, sent)
	}
	s.Sign = func(*http.Request) error { return context.DeadlineExceeded }
	if _, err := s.FindTokenByID(t.Context(), "1000000000"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("find with a signer that fails: %v", err)
	}
}
