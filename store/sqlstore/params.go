package sqlstore

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
)

// Params are the connection parameters of the DBStore of Zoho's SDKs, with its
// defaults. They print without the password.
type Params struct {
	// Host is the server's name or address, or the path of a Unix socket (for
	// PostgreSQL: of its folder). Defaults to "localhost".
	Host string
	// Database is the name of the database; defaults to "zohooauth".
	Database string
	// Table is the name of the table; defaults to [DefaultTable]. It is no part of
	// a DSN: give it in [Options] too, as [Params.Options] does.
	Table string
	// User is the user's name; defaults to "root" for MySQL, as in Zoho's SDKs, and
	// to "postgres" for PostgreSQL.
	User string
	// Password defaults to the empty one.
	Password tokenkeep.Secret
	// Port defaults to 3306 for MySQL and 5432 for PostgreSQL.
	Port int
	// TLS asks for TLS with a certificate that is valid for Host. Without it the
	// connection is in clear, as that of Zoho's SDKs is: keep it to networks where
	// nobody listens.
	TLS bool
}

// Options returns options for the table.
func (p Params) Options() *Options { return &Options{Table: p.Table} }

// MySQL returns the DSN for github.com/go-sql-driver/mysql. It fails if a parameter
// cannot be part of one.
func (p Params) MySQL() (tokenkeep.Secret, error) {
	user := cmp.Or(p.User, "root")
	if err := p.check(); err != nil {
		return tokenkeep.Secret{}, err
	}
	if strings.Contains(user, ":") {
		return tokenkeep.Secret{}, fmt.Errorf("sqlstore: parameters: %w: the user name contains a colon", tokenkeep.ErrInvalid)
	}
	host := cmp.Or(p.Host, "localhost")
	address := "tcp(" + net.JoinHostPort(host, strconv.Itoa(cmp.Or(p.Port, 3306))) + ")"
	if strings.HasPrefix(host, "/") {
		address = "unix(" + host + ")"
	}
	if p.Password.Reveal() != "" {
		user += ":" + p.Password.Reveal()
	}
	q := url.Values{"clientFoundRows": {"true"}, "parseTime": {"true"}, "charset": {"utf8mb4"}, "timeout": {"10s"}}
	if p.TLS {
		q.Set("tls", "true")
	}
	return tokenkeep.NewSecret(user + "@" + address + "/" + url.PathEscape(cmp.Or(p.Database, "zohooauth")) + "?" + q.Encode()), nil
}

// Postgres returns the DSN for github.com/jackc/pgx/v5/stdlib, a URL. It fails if a
// parameter cannot be part of one.
func (p Params) Postgres() (tokenkeep.Secret, error) {
	if err := p.check(); err != nil {
		return tokenkeep.Secret{}, err
	}
	u := url.URL{Scheme: "postgres", User: url.User(cmp.Or(p.User, "postgres")), Path: "/" + cmp.Or(p.Database, "zohooauth")}
	if p.Password.Reveal() != "" {
		u.User = url.UserPassword(cmp.Or(p.User, "postgres"), p.Password.Reveal())
	}
	q := url.Values{"sslmode": {"disable"}, "connect_timeout": {"10"}}
	if p.TLS {
		q.Set("sslmode", "verify-full")
	}
	host, port := cmp.Or(p.Host, "localhost"), strconv.Itoa(cmp.Or(p.Port, 5432))
	if strings.HasPrefix(host, "/") {
		q.Set("host", host)
		q.Set("port", port)
	} else {
		u.Host = net.JoinHostPort(host, port)
	}
	u.RawQuery = q.Encode()
	return tokenkeep.NewSecret(u.String()), nil
}

// check refuses what would change the meaning of a DSN.
func (p Params) check() error {
	for _, c := range []struct{ name, value, bad string }{
		{"host", p.Host, "@()?&#\x00 "},
		{"database name", p.Database, "\x00"},
		{"user name", p.User, "\x00"},
		{"password", p.Password.Reveal(), "\x00"},
	} {
		if strings.ContainsAny(c.value, c.bad) {
			return fmt.Errorf("sqlstore: parameters: %w: the %s contains a character that cannot be there", tokenkeep.ErrInvalid, c.name)
		}
	}
	if p.Port < 0 || p.Port > 65535 {
		return fmt.Errorf("sqlstore: parameters: %w: the port %d is not between 1 and 65535", tokenkeep.ErrInvalid, p.Port)
	}
	return nil
}
