package wire

import (
	"net/http"
	"runtime/debug"
	"time"
)

// ownTransport gives up idle connections early: on one that the server has
// closed at the same moment, a request fails, because it is not sent twice.
func ownTransport() http.RoundTripper {
	own := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		own = t.Clone()
	}
	own.IdleConnTimeout = 30 * time.Second
	return own
}

// userAgent returns "tokenkeep/<version>", the version from the build.
func userAgent() string {
	const module = "github.com/tokenkeep/tokenkeep"
	version := "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "tokenkeep/" + version
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			version = m.Version
		}
	}
	return "tokenkeep/" + version
}
