// Package stores opens a token store by its URL.
package stores

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// A Location is a parsed store URL.
type Location struct {
	// Scheme is "sqlite", "file", "memory", "mysql", "postgres", "redis" or
	// "rediss".
	Scheme string
	// Path is the file; empty for memory and for servers.
	Path string
	// Server is where a store on a server is; zero for the others.
	Server Server
}

// String returns the URL, with what it left to defaults and without a password.
func (l Location) String() string {
	if l.OnServer() {
		return l.Server.url(l.Scheme)
	}
	return l.Scheme + ":" + l.Path
}

// OnServer reports whether the store is on a server.
func (l Location) OnServer() bool { return l.Scheme != "" && l.Scheme != memory && !l.OnFile() }

// OnFile reports whether the store is a file, or SQLite's database in memory.
func (l Location) OnFile() bool { return l.Scheme == sqlite || l.Scheme == file }

// Transient reports whether the store ends with the process.
func (l Location) Transient() bool { return l.Scheme == memory || l.Path == inMemory }

// The schemes.
const (
	sqlite   = "sqlite"
	file     = "file"
	memory   = "memory"
	mysql    = "mysql"
	postgres = "postgres"
	redis    = "redis"
	rediss   = "rediss"
)

// inMemory is the path of SQLite's database in memory.
const inMemory = ":memory:"

// forms are the URLs that there are, for messages.
const forms = "memory:, file:PATH, sqlite:PATH, mysql://USER@HOST/DATABASE, postgres://USER@HOST/DATABASE or redis://HOST/0"

// ErrURL is wrapped by all errors about the URL itself.
var ErrURL = errors.New("store URL")

// Parse reads a store URL: "sqlite:PATH", "file:PATH", "memory:", or the URL of a
// server, see [Server]. A path may begin with "~/", which is home, and may be
// written as "///abs". The error wraps [ErrURL] and shows no password.
func Parse(raw, home string) (Location, error) {
	scheme, path, found := strings.Cut(raw, ":")
	if !found {
		return Location{}, fmt.Errorf("%w: it has no scheme; write %s", ErrURL, forms)
	}
	if scheme == memory {
		if path != "" && path != "//" {
			return Location{}, fmt.Errorf("%w: memory: takes no path", ErrURL)
		}
		return Location{Scheme: scheme}, nil
	}
	if scheme == sqlite || scheme == file {
		path, err := cleanPath(path, home)
		return Location{Scheme: scheme, Path: path}, err
	}
	if s := serverScheme(scheme); s != "" {
		server, err := parseServer(s, path)
		return Location{Scheme: s, Server: server}, err
	}
	return Location{}, fmt.Errorf("%w: no such kind of store; write %s", ErrURL, forms)
}

func cleanPath(path, home string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		u, err := url.PathUnescape(rest)
		if err != nil || !(strings.HasPrefix(u, "/") || strings.HasPrefix(u, "~/")) {
			return "", fmt.Errorf("%w: write an absolute path after //, or leave // out", ErrURL)
		}
		path = u
	}
	if path == "" {
		return "", fmt.Errorf("%w: the path is missing; write sqlite:PATH or file:PATH", ErrURL)
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home == "" {
			return "", fmt.Errorf("%w: there is no home directory for ~; write the whole path", ErrURL)
		}
		return filepath.Join(home, rest), nil
	}
	if path == inMemory {
		return path, nil
	}
	return filepath.Clean(path), nil
}
