package wire

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// shown is how much of an unexpected answer goes into an error.
const shown = 200

// mask stands for what was scrubbed.
const mask = "[redacted]"

// A Scrubber removes secrets from texts that come from outside: the secrets of
// the request at hand, in the spellings that an echo may have, and all that
// looks like a token. The zero value knows no secrets.
type Scrubber struct{ spellings []string }

// NewScrubber returns one that knows these secrets. Empty ones do not matter.
func NewScrubber(secrets ...string) Scrubber {
	var s Scrubber
	for _, v := range secrets {
		// Shorter ones are no secrets of a provider's, and would garble every text.
		if len(v) >= 4 {
			s.spellings = append(s.spellings, spellings(v)...)
		}
	}
	// Longer ones first: a secret may contain another.
	slices.SortFunc(s.spellings, func(a, b string) int { return len(b) - len(a) })
	s.spellings = slices.Compact(s.spellings)
	return s
}

// spellings returns the forms in which an answer may repeat v.
func spellings(v string) []string {
	quoted, _ := json.Marshal(v) //nolint:errchkjson // strings always marshal
	return []string{
		v,
		url.QueryEscape(v),
		url.PathEscape(v),
		html.EscapeString(v),
		strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(v)),
	}
}

// tokenLike is what Zoho's ids, codes and tokens look like ("1000." and more),
// and any long run of characters of which secrets are made.
func tokenLike() *regexp.Regexp {
	return regexp.MustCompile(`(?i)100\d(\.|%2e)[0-9a-z._%-]+|[0-9a-z_+/=-]{24,}`)
}

// secretField is a JSON field that holds a secret, complete or cut short.
func secretField() *regexp.Regexp {
	return regexp.MustCompile(`(?i)("(?:access_token|refresh_token|id_token|token|code|device_code|client_secret)"\s*:\s*)"[^"]*"?`)
}

// Exact returns text without the known secrets.
func (s Scrubber) Exact(text string) string {
	for _, v := range s.spellings {
		text = strings.ReplaceAll(text, v, mask)
	}
	return text
}

// Text returns text without secrets and control characters.
func (s Scrubber) Text(text string) string {
	text = s.Exact(text)
	text = secretField().ReplaceAllString(text, `${1}"`+mask+`"`)
	text = tokenLike().ReplaceAllString(text, mask)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// Excerpt returns the beginning of an unexpected body, scrubbed first and cut
// then.
func (s Scrubber) Excerpt(body []byte) string {
	text := s.Text(string(body))
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "…"
	}
	return text
}
