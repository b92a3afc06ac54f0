package tokenkeep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const canary = "1000.c4n4ry00000000000000.0000000000009f3c"

func TestSecretsDoNotPrint(t *testing.T) {
	s := NewSecret(canary)
	type wrap struct {
		Public Secret
		hidden Secret
		ptr    *Secret
		list   []Secret
		m      map[string]Secret
	}
	row := &Token{AccessToken: s, RefreshToken: s, GrantToken: s, ClientSecret: s}
	store := NewMemoryStore()
	must(t, store.SaveToken(t.Context(), row))
	k := New(store, &stubProvider{}, nil)
	session := open(t, k, row.ID)
	tok, err := session.Token(t.Context())
	must(t, err)
	values := []any{
		s, &s,
		wrap{s, s, &s, []Secret{s}, map[string]Secret{"k": s}},
		row, *row, tok, &tok, session, *session.st.snap.Load(),
		Match{Value: s},
		Grant{Code: s, RefreshToken: s, Verifier: s},
		&minted{token: row, asked: row},
		[]*Token{row},
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%o"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("m", "v", v)
		text.Info("m", "v", v)
		_ = json.NewEncoder(&out).Encode(v)
	}
	hexed := fmt.Sprintf("%x", canary)
	for _, leak := range []string{canary, hexed, strings.ToUpper(hexed)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("a secret was printed")
		}
	}
	if s.Reveal() != canary || s.Masked() != "1000.****9f3c" || s.String() != "[redacted]" {
		t.Errorf("masked %q, string %q", s.Masked(), s)
	}
}

func TestMaskedHidesShortValues(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "****", "1000.abc": "1000.****", "abcdef0123456789abcdef": "****cdef", "verylongprefix.0123456789abcdef": "****cdef",
	} {
		if got := NewSecret(in).Masked(); got != want {
			t.Errorf("%q is masked as %q, want %q", in, got, want)
		}
	}
}

func TestMatchForOrder(t *testing.T) {
	s := NewSecret
	for _, c := range []struct {
		name string
		in   Token
		want Field
	}{
		{"user first", Token{UserName: "u", AccessToken: s("a"), RefreshToken: s("r"), ClientID: "c"}, ByUserName},
		{"access alone", Token{AccessToken: s("a")}, ByAccessToken},
		{"access alone with refresh", Token{AccessToken: s("a"), RefreshToken: s("r")}, ByAccessToken},
		{"grant before refresh", Token{ClientID: "c", GrantToken: s("g"), RefreshToken: s("r"), AccessToken: s("a")}, ByGrantToken},
		{"refresh", Token{ClientID: "c", RefreshToken: s("r")}, ByRefreshToken},
		{"access with client", Token{ClientID: "c", AccessToken: s("a")}, 0},
		{"refresh without client", Token{RefreshToken: s("r")}, 0},
		{"id only", Token{ID: "1000000000"}, 0},
		{"empty", Token{}, 0},
	} {
		m, err := MatchFor(&c.in)
		if m.Field != c.want || (c.want == 0) != errors.Is(err, ErrNoKey) {
			t.Errorf("%s: %v, %v", c.name, m.Field, err)
		}
	}
}

func TestMergeKeepsWhatIsNotSet(t *testing.T) {
	at := time.Now()
	old := &Token{
		ID: "1000000000", Version: 7, UserName: "u", ClientID: "c", RefreshToken: NewSecret("r"), AccessToken: NewSecret("a"), Expiry: at,
		Scopes: []string{"s"}, State: State{Class: NeedsLogin}, Claim: Claim{Owner: "o"}, Mints: []time.Time{at}, APIDomain: "d", CreatedAt: at,
	}
	m := Merge(old, &Token{UserName: "u", AccessToken: NewSecret("a2")})
	if m.RefreshToken.Reveal() != "r" || m.AccessToken.Reveal() != "a2" || !m.Expiry.IsZero() || m.APIDomain != "d" || len(m.Scopes) != 1 || m.State.Class != NeedsLogin || m.ID != old.ID || m.Version != 7 {
		t.Errorf("merged %+v", m)
	}
	m = Merge(old, &Token{RefreshToken: NewSecret("r2")})
	if m.State != (State{}) || m.Claim.Held() || m.Mints != nil || m.RefreshToken.Reveal() != "r2" {
		t.Errorf("a new refresh token keeps state, claim or mints: %+v", m)
	}
	if old.State.Class != NeedsLogin || old.RefreshToken.Reveal() != "r" {
		t.Error("Merge changed its argument")
	}
}

func TestValidate(t *testing.T) {
	ok := Token{RefreshToken: NewSecret("r"), UserName: "O'Brien \U0001F600 %s \",\""}
	must(t, ok.Validate())
	for name, bad := range map[string]Token{
		"nothing to keep": {UserName: "u"},
		"printed secret":  {RefreshToken: NewSecret(redacted)},
		"line feed":       {RefreshToken: NewSecret("r\n")},
		"NUL":             {RefreshToken: NewSecret("r"), UserName: "a\x00b"},
		"not UTF-8":       {RefreshToken: NewSecret("r"), UserName: "\xff"},
		"too long":        {RefreshToken: NewSecret(strings.Repeat("r", MaxFieldBytes+1))},
	} {
		err := bad.Validate()
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), bad.RefreshToken.Reveal()) && len(bad.RefreshToken.Reveal()) > 2 && name != "printed secret" {
			t.Errorf("%s: the error shows the value", name)
		}
	}
}

func TestErrorClasses(t *testing.T) {
	err := fmt.Errorf("outer: %w", &Error{Class: Throttled, Op: "refresh", Reason: "too many", Hint: "wait", Err: ErrConflict})
	if !errors.Is(err, ErrThrottled) || errors.Is(err, ErrNeedsLogin) || !errors.Is(err, ErrConflict) || ClassOf(err) != Throttled {
		t.Error("classes do not tell errors apart")
	}
	if got := err.Error(); got != "outer: refresh: too many: the stored token has changed since it was read; wait" {
		t.Errorf("message %q", got)
	}
	if ClassOf(fmt.Errorf("x: %w", ErrCorrupt)) != StoreUnavailable || ClassOf(ErrNotFound) != "" {
		t.Error("ClassOf of store errors")
	}
}
