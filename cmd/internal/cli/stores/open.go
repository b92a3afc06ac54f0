package stores

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	mysqldriver "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
	"github.com/tokenkeep/tokenkeep/store/redisstore"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
	"github.com/tokenkeep/tokenkeep/store/sqlstore"
)

// Open opens the store at l and tells logger what an operator should know. Missing
// files and folders are made, readable by their owner alone; on a server the
// tables are made, or those of Zoho's SDKs are taken over. The caller closes what
// it gets.
func Open(ctx context.Context, l Location, logger *slog.Logger) (tokenkeep.TokenStore, io.Closer, error) {
	switch l.Scheme {
	case memory:
		return tokenkeep.NewMemoryStore(), nopCloser{}, nil
	case file:
		return opened(filestore.Open(l.Path, &filestore.Options{Logger: logger}))
	case sqlite:
		return opened(sqlitestore.Open(ctx, l.Path, &sqlitestore.Options{Logger: logger}))
	case redis, rediss:
		return opened(redisstore.Open(ctx, l.redisURL(), l.redisOptions(ctx, logger)))
	}
	driver, dsn, err := l.dsn()
	if err != nil {
		return nil, nil, err
	}
	dialect := sqlstore.MySQL()
	if l.Scheme == postgres {
		dialect = sqlstore.Postgres()
	}
	return opened(sqlstore.Open(ctx, driver, dsn, dialect, &sqlstore.Options{Table: l.Server.Table, Logger: logger}))
}

// opened keeps a nil pointer from becoming a store.
func opened[S interface {
	tokenkeep.TokenStore
	io.Closer
}](s S, err error,
) (tokenkeep.TokenStore, io.Closer, error) {
	if err != nil {
		return nil, nil, err
	}
	return s, s, nil
}

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

// quiet silences MySQL's driver, whose logger is the whole program's and not to be
// set while another goroutine opens a store.
var quiet = sync.OnceValue(func() error { return mysqldriver.SetLogger(log.New(io.Discard, "", 0)) })

// dsn returns what database/sql needs to reach the server or the file; the file
// for reading only.
func (l Location) dsn() (driver string, dsn tokenkeep.Secret, err error) {
	if l.Scheme == sqlite {
		path, err := filepath.Abs(l.Path)
		u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro&_busy_timeout=5000"}
		return sqlite, tokenkeep.NewSecret(u.String()), err
	}
	s := l.Server
	p := sqlstore.Params{
		Host: cmp.Or(s.Socket, s.Host), Port: s.Port, Database: s.Database, Table: s.Table,
		User: s.User, Password: s.Password, TLS: s.TLS,
	}
	if l.Scheme == postgres {
		dsn, err = p.Postgres()
		return "pgx", dsn, urlError(err)
	}
	// What the driver logs is in the errors too.
	if err := quiet(); err != nil {
		return "", dsn, err
	}
	dsn, err = p.MySQL()
	return mysql, dsn, urlError(err)
}

func urlError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrURL, err)
}

// redisURL returns a URL for the client, without user and password.
func (l Location) redisURL() string {
	s := l.Server
	u := url.URL{Scheme: l.Scheme, Host: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Path: "/" + s.Database, RawQuery: s.Params}
	return u.String()
}

// redisOptions leaves the logger out when nobody would see what it costs to find
// out.
func (l Location) redisOptions(ctx context.Context, logger *slog.Logger) *redisstore.Options {
	o := &redisstore.Options{Prefix: l.Server.Table, Username: l.Server.User, Password: l.Server.Password}
	if logger.Enabled(ctx, slog.LevelWarn) {
		o.Logger = logger
	}
	return o
}

// sameFile reports whether two paths lead to one file, there or not.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return os.SameFile(x, y)
	}
	return resolved(a) == resolved(b)
}

func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs))
	}
	return abs
}
