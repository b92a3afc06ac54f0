package tokenkeep

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// loginAtDC logs ann in at a data centre.
func loginAtDC(t *testing.T, k *Keeper, dc string) error {
	t.Helper()
	time.Sleep(time.Hour)
	_, err := k.Adopt(t.Context(), &Token{
		UserName: "ann@example.com", DataCentre: dc, RefreshToken: NewSecret("1000.refresh." + dc + time.Now().String()),
		AccessToken: NewSecret("1000.access." + dc), Expiry: time.Now().Add(time.Hour),
	})
	return err
}

// A login beyond the limit ends the oldest, at the provider first.
func TestLoginBeyondTheLimitEndsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		savedLogin(t, rows, "bob@example.com", nil)
		savedLogin(t, rows, "ann@example.com", func(r *Token) { r.ClientID, r.DataCentre = "1000.OTHER", "jp" })
		k, told := policed(rows, p, Policy{MaxLogins: 2})
		for _, dc := range []string{"eu", "us", "eu"} {
			must(t, loginAtDC(t, k, dc))
		}
		p.revoke = func(r *Token) error {
			if rowsOf(t, rows)[r.UserName+"@"+r.DataCentre] == nil {
				t.Error("deleted before it was revoked")
			}
			return nil
		}
		must(t, loginAtDC(t, k, "in"))
		left := rowsOf(t, rows)
		if left["ann@example.com@us"] != nil || left["ann@example.com@in"] == nil || left["ann@example.com@eu"] == nil || left["bob@example.com@eu"] == nil || len(left) != 4 {
			t.Errorf("left: %v", left)
		}
		want := EndedByPolicy + ": 3 logins of the user, 2 allowed"
		if e := told.of(Deleted); len(e) != 1 || e[0].Reason != want || e[0].DataCentre != "us" {
			t.Errorf("told of %+v", e)
		}
	})
}

// What cannot be revoked stays, and the login stands.
func TestLoginBeyondTheLimitStandsIfTheOldestCannotBeRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		k, _ := policed(rows, p, Policy{MaxLogins: 1})
		must(t, loginAtDC(t, k, "eu"))
		p.revoke = func(*Token) error { return &Error{Class: RetryLater, Reason: "Zoho is down"} }
		must(t, loginAtDC(t, k, "us"))
		if left := rowsOf(t, rows); len(left) != 2 || left["ann@example.com@eu"].State != (State{}) {
			t.Errorf("left: %v", left)
		}
		p.revoke = nil
		must(t, loginAtDC(t, k, "us"))
		if left := rowsOf(t, rows); len(left) != 1 || left["ann@example.com@us"] == nil {
			t.Errorf("left: %v", left)
		}
	})
}

// A login beyond the limit is refused, if the policy says so, and revoked again. To
// log in again is not one more.
func TestLoginBeyondTheLimitIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, p := NewMemoryStore(), &stubProvider{}
		k, _ := policed(rows, p, Policy{MaxLogins: 1, RefuseLogins: true})
		must(t, loginAtDC(t, k, "eu"))
		if err := loginAtDC(t, k, "us"); !errors.Is(err, ErrLoginLimit) {
			t.Errorf("error %v", err)
		}
		if left := rowsOf(t, rows); len(left) != 1 || left["ann@example.com@eu"] == nil {
			t.Errorf("left: %v", left)
		}
		if len(p.revoked) != 1 || !slices.ContainsFunc(p.revoked, func(s string) bool { return s[len(s)-2:] == "us" }) {
			t.Errorf("revoked %v", p.revoked)
		}
		must(t, loginAtDC(t, k, "eu"))
	})
}

// Names that are no email addresses are compared whole: "tenant:1" and "tenant:2" are
// two users, whose logins do not end each other, and neither is meant by "tenant".
func TestNamesWithAColonAreUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := NewMemoryStore()
		k, _ := policed(rows, &stubProvider{}, Policy{MaxLogins: 1})
		for _, user := range []string{"tenant:1", "tenant:2"} {
			_, err := k.Adopt(t.Context(), &Token{UserName: user, RefreshToken: NewSecret("1000.r." + user), AccessToken: NewSecret("1000.a." + user)})
			must(t, err)
		}
		if left := rowsOf(t, rows); len(left) != 2 {
			t.Errorf("left: %v", left)
		}
		if _, err := k.Revoke(t.Context(), RevokeQuery{UserName: "tenant"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("revoke of a user who has no login: %v", err)
		}
	})
}

func TestEmailOf(t *testing.T) {
	for name, want := range map[string]string{
		"ann@example.com:7001": "ann@example.com", "ann@example.com": "ann@example.com", "": "",
		"ann@example.com:": "ann@example.com:", "ann@example.com:x": "ann@example.com:x",
		"tenant:7": "tenant:7", "a:b@example.com:7": "a:b@example.com:7",
	} {
		if got := EmailOf(name); got != want {
			t.Errorf("EmailOf(%q) = %q, want %q", name, got, want)
		}
	}
}
