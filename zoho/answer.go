package zoho

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The bounds of an access token's life.
const (
	usualLife = time.Hour // Zoho Accounts docs, Access token
	mostLife  = 24 * time.Hour
)

// A tokenAnswer is the body of an answer of the token endpoint.
type tokenAnswer struct {
	access, refresh string
	apiDomain       string
	scopes          []string
	life            time.Duration
	lifeGuessed     bool   // the answer had no usable life
	code            string // "error"
	description     string // "error_description"
	status          string
	location        string // "user_location" of the device flow
}

// parseTokenAnswer reads a body. It reports false for what is no JSON object.
// Keys are exact; values of the wrong type count as absent, numbers and strings
// stand for each other.
func parseTokenAnswer(body []byte) (tokenAnswer, bool) {
	fields, ok := parseObject(body)
	if !ok {
		return tokenAnswer{}, false
	}
	a := tokenAnswer{
		access:      fields.text("access_token"),
		refresh:     fields.text("refresh_token"),
		apiDomain:   strings.TrimRight(fields.text("api_domain"), "/"),
		scopes:      splitScopes(fields.text("scope")),
		code:        fields.text("error"),
		description: fields.text("error_description"),
		status:      fields.text("status"),
		location:    fields.text("user_location"),
	}
	a.life, a.lifeGuessed = fields.life()
	return a, true
}

// An object is a JSON object whose values are not read yet.
type object map[string]json.RawMessage

func parseObject(body []byte) (object, bool) {
	var o object
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	err := json.Unmarshal(body, &o)
	return o, err == nil && o != nil
}

// text returns a string or number as text, and "" for everything else.
func (o object) text(key string) string {
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

// seconds returns a positive number, which may be written as a string, and 0 for
// everything else.
func (o object) seconds(key string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(o.text(key)), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return 0
	}
	return f
}

// life returns how long the access token lives, and whether that is a guess.
// Until December 2019 Zoho gave expires_in in milliseconds, and the seconds in
// expires_in_sec (seen in the wild).
func (o object) life() (life time.Duration, guessed bool) {
	s := o.seconds("expires_in_sec")
	if s < 1 || s > mostLife.Seconds() {
		s = o.seconds("expires_in")
		if s > mostLife.Seconds() {
			s /= 1000
		}
	}
	if s < 1 || s > mostLife.Seconds() {
		return usualLife, true
	}
	return time.Duration(s * float64(time.Second)), false
}

// cutShort reports whether a body that is no JSON began as a JSON object.
func cutShort(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) }

// wellFormed reports whether v can be a token: visible ASCII, and of a length
// that a header takes.
func wellFormed(v string) bool {
	return len(v) <= 8<<10 && strings.Trim(v, visible) == ""
}

// visible are the characters from ! to ~.
const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// retryAfter returns when the Retry-After header allows another request, at
// most window from now, and the zero time when there is no such header.
func retryAfter(h http.Header, now time.Time, window time.Duration) time.Time {
	v := strings.TrimSpace(h.Get("Retry-After"))
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

func parseList(raw json.RawMessage) []object {
	var list []object
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}
