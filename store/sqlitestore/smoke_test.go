package sqlitestore

import (
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

func TestSmoke(t *testing.T) {
	for _, path := range []string{Memory, t.TempDir() + "/a b?c%20#d/x.db"} {
		s, err := Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		tok := &tokenkeep.Token{UserName: "u", RefreshToken: tokenkeep.NewSecret("r")}
		if err := s.SaveToken(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		got, err := s.FindToken(t.Context(), &tokenkeep.Token{UserName: "u"})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", got)
		if err := s.SaveToken(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for x, err := range s.GetTokens(t.Context()) {
			t.Log(x, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Log(s.SaveToken(t.Context(), got))
	}
}
