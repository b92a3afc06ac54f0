package zoho

import (
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep/internal/wire"
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
func parseTokenAnswer(body []byte) (tokenAnswer, bool) {
	fields, ok := wire.ParseObject(body)
	if !ok {
		return tokenAnswer{}, false
	}
	a := tokenAnswer{
		access:      fields.Text("access_token"),
		refresh:     fields.Text("refresh_token"),
		apiDomain:   strings.TrimRight(fields.Text("api_domain"), "/"),
		scopes:      splitScopes(fields.Text("scope")),
		code:        fields.Text("error"),
		description: fields.Text("error_description"),
		status:      fields.Text("status"),
		location:    fields.Text("user_location"),
	}
	a.life, a.lifeGuessed = lifeIn(fields)
	return a, true
}

// lifeIn returns how long the access token lives, and whether that is a guess.
// Until December 2019 Zoho gave expires_in in milliseconds, and the seconds in
// expires_in_sec (seen in the wild).
func lifeIn(o wire.Object) (life time.Duration, guessed bool) {
	s := o.Seconds("expires_in_sec")
	if s < 1 || s > mostLife.Seconds() {
		s = o.Seconds("expires_in")
		if s > mostLife.Seconds() {
			s /= 1000
		}
	}
	if s < 1 || s > mostLife.Seconds() {
		return usualLife, true
	}
	return time.Duration(s * float64(time.Second)), false
}
