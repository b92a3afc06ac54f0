package zohotest

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
)

// serve takes one call through faults, routing, counters and the log.
func (f *Fake) serve(c *call) answer {
	f.begin(c)
	a := f.process(c)
	f.decorate(&a, c)
	f.finish(c, a)
	return a
}

func (f *Fake) process(c *call) answer {
	if c.role == RoleAccounts && !c.wait(f.opts.Latency) {
		return answer{cut: true}
	}
	ft := f.pickFault(c)
	if ft == nil {
		return f.route(c)
	}
	return f.misbehave(ft, c)
}

func (f *Fake) route(c *call) answer {
	switch c.role {
	case RoleAccounts:
		return f.accounts(c)
	case RoleAPI:
		return f.api(c)
	}
	return c.crmError(http.StatusNotFound, "INVALID_URL_PATTERN",
		"Please check if the URL trying to access is a correct one", nil)
}

// accounts routes the calls of an accounts server.
func (f *Fake) accounts(c *call) answer {
	switch c.path {
	case "/oauth/v2/auth":
		return f.authorize(c)
	case consentPath:
		return f.consent(c)
	case "/oauth/v2/token":
		return f.token(c)
	case "/oauth/v2/token/revoke", "/oauth/v2/revoke/token":
		return f.revoke(c)
	case "/oauth/v3/device/code":
		return f.deviceCode(c)
	case "/oauth/v3/device/token":
		return f.devicePoll(c)
	case devicePath:
		return f.devicePage(c)
	case "/oauth/serverinfo":
		return f.serverInfo(c)
	case "/oauth/user/info":
		return f.userInfo(c)
	}
	return c.htmlError(http.StatusNotFound, "Page not found", "The URL is not valid.")
}

// finish counts the answer and writes the log.
func (f *Fake) finish(c *call, a answer) {
	if c.outcome == "" {
		c.outcome = "ok"
	}
	entry := f.record(c, a)
	f.log.LogAttrs(context.WithoutCancel(c.ctx), slog.LevelDebug, "request",
		slog.String("method", entry.Method), slog.String("dc", entry.DC),
		slog.String("role", string(entry.Role)), slog.String("path", entry.Path),
		slog.Int("status", entry.Status), slog.String("outcome", entry.Outcome),
		slog.String("grant", entry.Grant), slog.String("token", entry.Token),
		slog.String("fault", string(entry.Fault)))
}

// handler serves one endpoint over HTTP.
func (f *Fake) handler(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := newCall(r, e)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller is gone
		}
		f.serve(c).write(w)
	})
}

// write sends the answer, or breaks the connection as the answer says.
func (a answer) write(w http.ResponseWriter) {
	if a.cut {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	if !a.truncate {
		_, _ = w.Write(a.body) // the caller may be gone
		return
	}
	_, _ = w.Write(a.half()) //nolint:gosec // as encoded by the pages and the JSON encoder
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
