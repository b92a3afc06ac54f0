//go:build unix

package matrix

import (
	"path/filepath"

	"github.com/tokenkeep/tokenkeep/store/sealedstore"
)

// A column is a store.
type column struct {
	name  string
	alone bool // it lives and ends with its process
	file  bool // it is a file of the cell
	// provide gives the cell a place that nobody else uses, and skips if there is no
	// such store here.
	provide func(x *cell)
}

// columns are the stores, in the order of the tables.
func columns() []*column {
	return []*column{
		{name: "SQLite", file: true, provide: func(x *cell) { x.place.URL = "sqlite:" + filepath.Join(x.files(), "tokens.db") }},
		{name: "SQLite, sealed", file: true, provide: provideSealed},
		{name: "file", file: true, provide: func(x *cell) { x.place.URL = "file:" + filepath.Join(x.files(), "tokens.txt") }},
		{name: "MariaDB", provide: onHost("mysql")},
		{name: "PostgreSQL", provide: onHost("postgres")},
		{name: "Redis", provide: onHost("redis")},
		{name: "memory", alone: true, provide: func(x *cell) { x.place.URL = "memory:" }},
	}
}

func provideSealed(x *cell) {
	x.place = place{URL: "sqlite:" + filepath.Join(x.files(), "tokens.db"), Key: filepath.Join(x.folder, "tokens.key")}
	_, err := sealedstore.GenerateKey(x.place.Key)
	x.must(err)
}

// onHost takes a place on a server: on one that may be killed, for a fault that
// does so.
func onHost(kind string) func(x *cell) {
	return func(x *cell) {
		x.t.Helper()
		if x.fault.server {
			x.host = killable(x.t, kind)
			x.host.mu.Lock()
			x.onEnd(func() {
				x.host.up(x.t)
				x.host.mu.Unlock()
			})
		} else {
			x.host = shared(x.t, kind)
		}
		x.place = x.host.place
	}
}
