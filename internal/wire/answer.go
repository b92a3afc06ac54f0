package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Object is a JSON object whose values are not read yet. Keys are exact; values
// of the wrong type count as absent, numbers and strings stand for each other.
type Object map[string]json.RawMessage

// ParseObject reads a body. It reports false for what is no JSON object.
func ParseObject(body []byte) (Object, bool) {
	var o Object
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	err := json.Unmarshal(body, &o)
	return o, err == nil && o != nil
}

// Text returns a string or number as text, and "" for everything else.
func (o Object) Text(key string) string {
	var s string
	if json.Unmarshal(o[key], &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(o[key], &n) == nil {
		return n.String()
	}
	return ""
}

// Seconds returns a positive number, which may be written as a string, and 0 for
// everything else.
func (o Object) Seconds(key string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(o.Text(key)), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return 0
	}
	return f
}

// List returns a list of objects, and nil for everything else.
func (o Object) List(key string) []Object {
	var list []Object
	if json.Unmarshal(o[key], &list) != nil {
		return nil
	}
	return list
}

// Quote shows the beginning of the body, scrubbed, as the end of a sentence.
func (r *Reply) Quote() string {
	text := r.Scrub.Excerpt(r.Body)
	switch {
	case text == "":
		return ", with an empty body"
	case cutShort(r.Body) && !strings.HasSuffix(strings.TrimSpace(string(r.Body)), "}"):
		return ", cut short: " + text
	}
	return ": " + text
}

// cutShort reports whether a body that is no JSON began as a JSON object.
func cutShort(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) }

// WellFormed reports whether v can be a token: visible ASCII, and of a length
// that a header takes.
func WellFormed(v string) bool {
	return len(v) <= 8<<10 && strings.Trim(v, visible) == ""
}

// visible are the characters from ! to ~.
const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// RetryAfter returns when the Retry-After header allows another request, at
// most window from now, and the zero time when there is no such header.
func (r *Reply) RetryAfter(now time.Time, window time.Duration) time.Time {
	v := strings.TrimSpace(r.Header.Get("Retry-After"))
	if v == "" {
		return time.Time{}
	}
	at, err := http.ParseTime(v)
	if s, atoiErr := strconv.Atoi(v); atoiErr == nil {
		at, err = now.Add(time.Duration(min(max(s, 0), int(window.Seconds())))*time.Second), nil
	}
	if err != nil || !at.After(now) {
		return time.Time{}
	}
	if most := now.Add(window); at.After(most) {
		return most
	}
	return at
}
