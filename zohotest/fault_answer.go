package zohotest

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// misbehave answers a call in the way of a fault.
func (f *Fake) misbehave(ft *Fault, c *call) answer {
	late := ft.DelayAfterCommit || ft.Kind == FaultSlowAfter
	if !late && !c.wait(ft.Delay) {
		return answer{cut: true}
	}
	a := f.faultyAnswer(ft, c)
	if late && !c.wait(ft.Delay) {
		return answer{cut: true}
	}
	for k, v := range ft.Header {
		a.header.Set(k, v)
	}
	return a
}

func (f *Fake) faultyAnswer(ft *Fault, c *call) answer {
	switch ft.Kind {
	case FaultNone, FaultSlowBefore, FaultSlowAfter:
		return f.route(c)
	case FaultNoExpiry:
		return without(f.route(c), "expires_in", "expires_in_sec")
	case FaultNoAPIDomain:
		return without(f.route(c), "api_domain")
	case FaultTruncate:
		a := f.route(c)
		a.truncate = true
		return a
	case FaultCutAfter:
		a := f.route(c)
		a.cut = true
		return a
	}
	if ft.AfterCommit {
		f.route(c)
	}
	return f.cannedAnswer(ft, c)
}

// cannedAnswer needs no processing.
func (f *Fake) cannedAnswer(ft *Fault, c *call) answer {
	switch ft.Kind {
	case FaultHTML200:
		return c.htmlError(http.StatusOK, "Maintenance", "We will be back shortly.")
	case FaultEmptyJSON:
		return rawAnswer(http.StatusOK, jsonType, []byte("{}"))
	case FaultEmptyBody:
		return rawAnswer(http.StatusOK, jsonType, nil)
	case FaultCutBefore:
		return answer{cut: true, header: make(http.Header)}
	case FaultThrottle:
		return f.throttled(c)
	case FaultBody:
		return rawAnswer(cmp.Or(ft.Status, http.StatusOK), jsonType, []byte(ft.Body))
	case FaultTooManyRequests:
		return c.crmError(http.StatusTooManyRequests, f.opts.TooManyRequestsCode,
			"You have made too many requests. Please try again after some time.", nil)
	}
	return ft.errorPage(c)
}

func (ft *Fault) errorPage(c *call) answer {
	status := cmp.Or(ft.Status, http.StatusInternalServerError)
	if ft.Body != "" {
		return rawAnswer(status, htmlType, []byte(ft.Body))
	}
	return c.htmlError(status, http.StatusText(status), "An internal error occurred.")
}

// without removes keys from a JSON answer.
func without(a answer, keys ...string) answer {
	var m map[string]any
	if json.Unmarshal(a.body, &m) != nil {
		return a
	}
	for _, k := range keys {
		delete(m, k)
	}
	return jsonAnswer(a.status, m)
}
