package zohotest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// An answer is what the fake says to one call.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	cut      bool // close the connection without an answer
	truncate bool // close the connection in the middle of the body
}

const (
	jsonType = "application/json;charset=UTF-8"
	htmlType = "text/html;charset=UTF-8"
)

// jsonAnswer encodes v.
func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic("zohotest: encode answer: " + err.Error()) // only our own types come here
	}
	return rawAnswer(status, jsonType, body)
}

func rawAnswer(status int, contentType string, body []byte) answer {
	h := make(http.Header)
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return answer{status: status, header: h, body: body}
}

func emptyAnswer(status int) answer { return rawAnswer(status, "", nil) }

// redirect is a 302 without a body.
func redirect(to string) answer {
	a := emptyAnswer(http.StatusFound)
	a.header.Set("Location", to)
	return a
}

// oauthError is an error of the token endpoint: HTTP 200 (observed).
func (c *call) oauthError(code string) answer {
	c.outcome = code
	return jsonAnswer(http.StatusOK, map[string]string{"error": code})
}

// decorate adds the headers that every answer of Zoho's has.
func (f *Fake) decorate(a *answer, c *call) {
	if a.header == nil {
		a.header = make(http.Header)
	}
	a.header.Set("Server", "ZGS")
	if a.header.Get("Date") == "" {
		now := f.Now().Add(f.opts.ClockSkew)
		a.header.Set("Date", now.UTC().Format(http.TimeFormat))
	}
	if c.role == RoleAccounts {
		a.header.Add("Set-Cookie", "iamcsr="+randomHex(8)+";path=/;SameSite=None;Secure;priority=high")
		a.header.Add("Set-Cookie", "_zcsr_tmp="+randomHex(8)+";path=/;SameSite=Strict;Secure;priority=high")
	}
	if bodyAllowed(a.status) {
		a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// half is the part of the body that arrives before a truncation.
func (a *answer) half() []byte { return a.body[:len(a.body)/2] }
