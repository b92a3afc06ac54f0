// Package stores opens a token store by its URL.
package stores

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/filestore"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// A Location is a parsed store URL.
type Location struct {
	// Scheme is "sqlite", "file" or "memory".
	Scheme string
	// Path is the file; empty for memory.
	Path string
}

// String returns the URL.
func (l Location) String() string { return l.Scheme + ":" + l.Path }

// ErrURL is wrapped by all errors about the URL itself.
var ErrURL = errors.New("store URL")

// Parse reads a store URL: "sqlite:PATH", "file:PATH" or "memory:". A path may
// begin with "~/", which is home, and may be written as "///abs". The error wraps
// [ErrURL] and shows no password.
func Parse(raw, home string) (Location, error) {
	scheme, path, found := strings.Cut(raw, ":")
	if !found {
		return Location{}, fmt.Errorf("%w: it has no scheme; write memory:, file:PATH or sqlite:PATH", ErrURL)
	}
	switch scheme {
	case "memory":
		if path != "" && path != "//" {
			return Location{}, fmt.Errorf("%w: memory: takes no path", ErrURL)
		}
		return Location{Scheme: scheme}, nil
	case "sqlite", "file":
		path, err := cleanPath(path, home)
		if err != nil {
			return Location{}, err
		}
		return Location{Scheme: scheme, Path: path}, nil
	case "mysql", "mariadb", "postgres", "postgresql", "redis", "rediss":
		return Location{}, fmt.Errorf("%w: %s: stores are not in this build yet; use sqlite:PATH or file:PATH", ErrURL, scheme)
	}
	return Location{}, fmt.Errorf("%w: no such kind of store; write memory:, file:PATH or sqlite:PATH", ErrURL)
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
	if path == ":memory:" {
		return path, nil
	}
	return filepath.Clean(path), nil
}

// Open opens the store at l and tells log what an operator should know. Missing
// files and folders are made, readable by their owner alone. The caller closes
// what it gets.
func Open(ctx context.Context, l Location, log *slog.Logger) (tokenkeep.TokenStore, io.Closer, error) {
	switch l.Scheme {
	case "memory":
		return tokenkeep.NewMemoryStore(), nopCloser{}, nil
	case "file":
		s, err := filestore.Open(l.Path, &filestore.Options{Logger: log})
		if err != nil {
			return nil, nil, err
		}
		return s, s, nil
	}
	s, err := sqlitestore.Open(ctx, l.Path, &sqlitestore.Options{Logger: log})
	if err != nil {
		return nil, nil, err
	}
	return s, s, nil
}

type nopCloser struct{}

func (nopCloser) Close() error { return nil }
