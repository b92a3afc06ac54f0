package stores

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// A Server is where a store on a server is:
//
//	mysql://user@host:port/database?table=NAME&tls=false&socket=PATH
//	postgres://user@host:port/database?table=NAME&tls=false&socket=FOLDER
//	redis://user@host:port/number?prefix=NAME        rediss:// is the same over TLS
//
// What is left out is as in Zoho's SDKs: database zohooauth, table oauthtoken. To
// MySQL and PostgreSQL on another machine the connection is TLS with a verified
// certificate, unless the URL says tls=false.
type Server struct {
	Host string
	Port int
	User string
	// Password is no part of the URL; the caller sets it.
	Password tokenkeep.Secret
	// Database is its name, or Redis's number of it.
	Database string
	// Table is the table, or what the names of Redis's keys begin with.
	Table string
	// Socket is the path of a Unix socket instead of Host and Port; for
	// PostgreSQL that of its folder.
	Socket string
	// TLS asks for TLS with a verified certificate. Redis has a scheme for that.
	TLS bool
	// Params are further parameters of Redis's client.
	Params string
}

// serverScheme returns what we call the scheme of a server, or "".
func serverScheme(scheme string) string {
	switch scheme {
	case mysql, "mariadb":
		return mysql
	case postgres, "postgresql":
		return postgres
	case redis, rediss:
		return scheme
	}
	return ""
}

// IsServer reports whether raw is meant to be the URL of a store on a server, and
// not the path of a file.
func IsServer(raw string) bool {
	scheme, _, found := strings.Cut(raw, "://")
	return found && serverScheme(scheme) != ""
}

// defaults of the servers, by scheme.
func defaults(scheme string) Server {
	switch scheme {
	case mysql:
		return Server{Host: "localhost", Port: 3306, User: "root", Database: "zohooauth", Table: sqlstore.DefaultTable}
	case postgres:
		return Server{Host: "localhost", Port: 5432, User: "postgres", Database: "zohooauth", Table: sqlstore.DefaultTable}
	}
	return Server{Host: "localhost", Port: 6379, Database: "0", Table: redisstore.DefaultPrefix}
}

// parseServer reads what follows the scheme and its colon. Its errors show
// nothing of it but names of parameters.
func parseServer(scheme, rest string) (Server, error) {
	s := defaults(scheme)
	example := scheme + "://HOST/0"
	if scheme == mysql || scheme == postgres {
		example = scheme + "://USER@HOST/DATABASE"
	}
	u, err := url.Parse(scheme + ":" + rest)
	if err != nil || !strings.HasPrefix(rest, "//") || u.Opaque != "" || u.Fragment != "" {
		return s, fmt.Errorf("%w: it cannot be read; write %s, and letters that have a meaning in a URL with a percent sign", ErrURL, example)
	}
	if _, has := u.User.Password(); has {
		return s, fmt.Errorf("%w: there is a password in it; give it apart", ErrURL)
	}
	s.User = cmp.Or(u.User.Username(), s.User)
	s.Host = cmp.Or(u.Hostname(), s.Host)
	s.Database = cmp.Or(strings.TrimPrefix(u.Path, "/"), s.Database)
	if s.Port, err = portOf(u.Port(), s.Port); err != nil {
		return s, err
	}
	if strings.Contains(s.Database, "/") {
		return s, fmt.Errorf("%w: there is a slash in the name of the database; write %s", ErrURL, example)
	}
	if scheme == redis || scheme == rediss {
		return s, s.redisParams(u.Query())
	}
	return s, s.sqlParams(u.Query())
}

func portOf(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%w: the port is not between 1 and 65535", ErrURL)
	}
	return n, nil
}

// sqlParams reads the parameters of MySQL and PostgreSQL.
func (s *Server) sqlParams(q url.Values) error {
	s.TLS = !loopback(s.Host)
	for name := range q {
		v := q.Get(name)
		switch {
		case name == "table":
			s.Table = v
		case name == "socket", name == "host" && strings.HasPrefix(v, "/"):
			s.Socket, s.TLS = v, false
		case name == "tls" && v == "true", name == "sslmode" && v == "verify-full":
			s.TLS = true
		case name == "tls" && v == "false", name == "sslmode" && v == "disable":
			s.TLS = false
		case name == "tls", name == "sslmode":
			return fmt.Errorf("%w: %s: TLS without a verified certificate is none; write tls=true (sslmode=verify-full) or tls=false (sslmode=disable)", ErrURL, name)
		default:
			return fmt.Errorf("%w: no such parameter %q; there are table, tls and socket", ErrURL, name)
		}
	}
	if s.Table == "" || (s.Socket != "" && !strings.HasPrefix(s.Socket, "/")) {
		return fmt.Errorf("%w: a parameter is empty, or the socket has no absolute path", ErrURL)
	}
	return nil
}

// redisParams reads the prefix and leaves the rest to Redis's client.
func (s *Server) redisParams(q url.Values) error {
	if n, err := strconv.Atoi(s.Database); err != nil || n < 0 {
		return fmt.Errorf("%w: Redis's databases have numbers; write redis://HOST/0", ErrURL)
	}
	if q.Has("prefix") {
		s.Table = q.Get("prefix")
		q.Del("prefix")
	}
	if s.Table == "" {
		return fmt.Errorf("%w: the prefix is empty", ErrURL)
	}
	for _, secret := range []string{"password", "username"} {
		if q.Has(secret) {
			return fmt.Errorf("%w: no such parameter %q", ErrURL, secret)
		}
	}
	s.Params = q.Encode()
	return nil
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// url returns the URL with what it left to defaults and without the password.
func (s Server) url(scheme string) string {
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Path: "/" + s.Database}
	if s.User != "" {
		u.User = url.User(s.User)
	}
	var params []string
	add := func(name, value string) { params = append(params, name+"="+url.QueryEscape(value)) }
	switch {
	case scheme == mysql || scheme == postgres:
		add("table", s.Table)
		if s.Socket != "" {
			u.Host = ""
			add("socket", s.Socket)
		} else if s.TLS == loopback(s.Host) {
			add("tls", strconv.FormatBool(s.TLS))
		}
	case s.Table != redisstore.DefaultPrefix:
		add("prefix", s.Table)
	}
	if s.Params != "" {
		params = append(params, s.Params)
	}
	u.RawQuery = strings.Join(params, "&")
	return u.String()
}

// Same reports whether two locations are one store, as far as their names tell:
// two names of one machine are not recognised.
func Same(a, b Location) bool {
	if a.OnServer() != b.OnServer() {
		return false
	}
	if !a.OnServer() {
		return a.Scheme == memory && b.Scheme == memory || a.Path != "" && sameFile(a.Path, b.Path)
	}
	x, y := a.Server, b.Server
	return slices.Equal(x.place(a.Scheme), y.place(b.Scheme))
}

// place is what tells stores on servers apart.
func (s Server) place(scheme string) []string {
	host := strings.ToLower(s.Host)
	if loopback(host) || s.Socket != "" {
		host = "localhost"
	}
	if scheme == rediss {
		scheme = redis
	}
	port := strconv.Itoa(s.Port)
	return []string{scheme, host, port, s.Database, s.Table}
}
