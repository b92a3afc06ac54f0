package zoho

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/tokenkeep/tokenkeep"
)

// shown is how much of an unexpected answer goes into an error.
const shown = 200

// mask stands for what was scrubbed.
const mask = "[redacted]"

// A scrubber removes secrets from texts that come from outside: the secrets of
// the request at hand, in the spellings that an echo may have, and all that
// looks like a token.
type scrubber struct{ spellings []string }

// scrubber returns one for a request about t, if any, with more secrets. It
// knows the configured ones too: what answers may be no accounts server at all.
func (p *Provider) scrubber(t *tokenkeep.Token, more ...tokenkeep.Secret) scrubber {
	secrets := append(p.cfg.secrets(), more...)
	if t != nil {
		secrets = append(secrets, t.ClientSecret, t.RefreshToken, t.AccessToken, t.GrantToken)
	}
	return scrubberFor(secrets...)
}

func scrubberFor(secrets ...tokenkeep.Secret) scrubber {
	var s scrubber
	for _, secret := range secrets {
		// Shorter ones are no secrets of Zoho's, and would garble every text.
		if v := secret.Reveal(); len(v) >= 4 {
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

// exact returns text without the known secrets.
func (s scrubber) exact(text string) string {
	for _, v := range s.spellings {
		text = strings.ReplaceAll(text, v, mask)
	}
	return text
}

// text returns text without secrets and control characters.
func (s scrubber) text(text string) string {
	text = s.exact(text)
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

// excerpt returns the beginning of an unexpected body, scrubbed first and cut
// then.
func (s scrubber) excerpt(body []byte) string {
	text := s.text(string(body))
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "…"
	}
	return text
}
