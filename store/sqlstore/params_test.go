package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

func TestParams(t *testing.T) {
	password := tokenkeep.NewSecret("p@ss:w/o?r&d")
	for _, c := range []struct {
		p               Params
		mysql, postgres string
	}{
		{
			Params{},
			"root@tcp(localhost:3306)/zohooauth?charset=utf8mb4&clientFoundRows=true&parseTime=true&timeout=10s",
			"postgres://postgres@localhost:5432/zohooauth?connect_timeout=10&sslmode=disable",
		},
		{
			Params{Host: "db.example", Database: "a/b", User: "u", Password: password, Port: 1234, TLS: true},
			"u:p@ss:w/o?r&d@tcp(db.example:1234)/a%2Fb?charset=utf8mb4&clientFoundRows=true&parseTime=true&timeout=10s&tls=true",
			"postgres://u:p%40ss%3Aw%2Fo%3Fr&d@db.example:1234/a/b?connect_timeout=10&sslmode=verify-full",
		},
		{
			Params{Host: "/run/db"},
			"root@unix(/run/db)/zohooauth?charset=utf8mb4&clientFoundRows=true&parseTime=true&timeout=10s",
			"postgres://postgres@/zohooauth?connect_timeout=10&host=%2Frun%2Fdb&port=5432&sslmode=disable",
		},
		{
			Params{Host: "::1"},
			"root@tcp([::1]:3306)/zohooauth?charset=utf8mb4&clientFoundRows=true&parseTime=true&timeout=10s",
			"postgres://postgres@[::1]:5432/zohooauth?connect_timeout=10&sslmode=disable",
		},
	} {
		if got, err := c.p.MySQL(); err != nil || got.Reveal() != c.mysql {
			t.Errorf("MySQL: %s, %v", got.Reveal(), err)
		}
		if got, err := c.p.Postgres(); err != nil || got.Reveal() != c.postgres {
			t.Errorf("PostgreSQL: %s, %v", got.Reveal(), err)
		}
	}
}

func TestParamsRefused(t *testing.T) {
	for name, p := range map[string]Params{
		"host with an address behind it": {Host: "a)/x?allowAllFiles=true&(b"},
		"host with a user before it":     {Host: "me@there"},
		"port":                           {Port: 65536},
		"negative port":                  {Port: -1},
		"NUL in the password":            {Password: tokenkeep.NewSecret("canary\x00")},
	} {
		for product, dsn := range map[string]func() (tokenkeep.Secret, error){"mysql": p.MySQL, "postgres": p.Postgres} {
			_, err := dsn()
			if !errors.Is(err, tokenkeep.ErrInvalid) {
				t.Errorf("%s, %s: %v", product, name, err)
			} else if strings.Contains(err.Error(), "canary") {
				t.Errorf("%s, %s: the error shows a secret", product, name)
			}
		}
	}
	if _, err := (Params{User: "a:b"}).MySQL(); !errors.Is(err, tokenkeep.ErrInvalid) {
		t.Errorf("a user name with a colon: %v", err)
	}
}

func TestParamsPrintNoPassword(t *testing.T) {
	p := Params{Password: tokenkeep.NewSecret("canary")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, p); strings.Contains(s, "canary") {
			t.Errorf("%s shows the password", verb)
		}
	}
}
