package redisstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// format is the number that a row begins with.
const format = "1"

// A field is one line of a row.
type field struct{ name, value string }

// fields returns what a row says about t, for a save at now. What is not set is
// left out.
func fields(t *tokenkeep.Token, now time.Time) []field {
	all := []field{
		{"user_name", t.UserName},
		{"client_id", t.ClientID},
		{"client_secret", t.ClientSecret.Reveal()},
		{"refresh_token", t.RefreshToken.Reveal()},
		{"access_token", t.AccessToken.Reveal()},
		{"grant_token", t.GrantToken.Reveal()},
		{"expiry", millis(t.Expiry)},
		{"redirect_url", t.RedirectURL},
		{"api_domain", t.APIDomain},
		{"accounts_server", t.AccountsServer},
		{"data_centre", t.DataCentre},
		{"state", string(t.State.Class)},
		{"state_reason", t.State.Reason},
		{"state_until", millis(t.State.Until)},
		{"state_since", millis(t.State.Since)},
		{"failures", count(t.State.Failures)},
		{"claim", t.Claim.Owner},
		{"claim_since", millis(t.Claim.Since)},
		{"created", millis(t.CreatedAt)},
		{"updated", millis(now)},
		{"used", millis(t.UsedAt)},
	}
	for _, scope := range t.Scopes {
		all = append(all, field{"scope", scope})
	}
	for _, mint := range t.Mints {
		all = append(all, field{"mint", strconv.FormatInt(mint.UnixMilli(), 10)})
	}
	for _, login := range t.Logins {
		all = append(all, field{"login", strconv.FormatInt(login.UnixMilli(), 10)})
	}
	for _, candidate := range t.Candidates {
		all = append(all, field{"candidate", candidate.Reveal()})
	}
	return all
}

// body returns the lines of a row after the first.
func body(t *tokenkeep.Token, now time.Time) string {
	var b strings.Builder
	b.Grow(1024)
	for _, f := range fields(t, now) {
		if f.value == "" && f.name != "scope" && f.name != "candidate" {
			continue
		}
		b.WriteString(f.name)
		b.WriteByte(' ')
		b.WriteString(escape(f.value))
		b.WriteByte('\n')
	}
	return b.String()
}

// parse returns the row id. The error wraps ErrCorrupt, or ErrSchema when a newer
// version wrote the row, and names the id.
func parse(id, value string) (*tokenkeep.Token, error) {
	first, rest, _ := strings.Cut(value, "\n")
	head := strings.Split(first, " ")
	if number, err := strconv.Atoi(head[0]); err == nil && number > 1 {
		return nil, newer(id)
	}
	if len(head) != 5 || head[0] != format || head[1] != id {
		return nil, damaged(id)
	}
	version, err := strconv.ParseInt(head[2], 10, 64)
	if err != nil || version < 1 {
		return nil, damaged(id)
	}
	t := &tokenkeep.Token{ID: id, Version: version}
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		name, text, found := strings.Cut(line, " ")
		if !found || set(t, name, unescape(text)) != nil {
			return nil, damaged(id)
		}
	}
	return t, nil
}

// damaged returns the error for a row that cannot be understood.
func damaged(id string) error {
	return fmt.Errorf("%w: row %s cannot be read; restore it from a backup, or delete the token and log in again; nothing was changed", tokenkeep.ErrCorrupt, id)
}

// newer returns the error for a row of a format that this version does not know.
func newer(id string) error {
	return fmt.Errorf("%w: a newer version of tokenkeep wrote row %s; use that one", tokenkeep.ErrSchema, id)
}

// set sets the field that a line names.
func set(t *tokenkeep.Token, name, value string) (err error) {
	switch name {
	case "user_name":
		t.UserName = value
	case "client_id":
		t.ClientID = value
	case "client_secret":
		t.ClientSecret = tokenkeep.NewSecret(value)
	case "refresh_token":
		t.RefreshToken = tokenkeep.NewSecret(value)
	case "access_token":
		t.AccessToken = tokenkeep.NewSecret(value)
	case "grant_token":
		t.GrantToken = tokenkeep.NewSecret(value)
	case "redirect_url":
		t.RedirectURL = value
	case "api_domain":
		t.APIDomain = value
	case "accounts_server":
		t.AccountsServer = value
	case "data_centre":
		t.DataCentre = value
	case "scope":
		t.Scopes = append(t.Scopes, value)
	case "candidate":
		t.Candidates = append(t.Candidates, tokenkeep.NewSecret(value))
	case "state":
		t.State.Class = tokenkeep.Class(value)
	case "state_reason":
		t.State.Reason = value
	case "failures":
		t.State.Failures, err = strconv.Atoi(value)
	case "claim":
		t.Claim.Owner = value
	default:
		return setTime(t, name, value)
	}
	return err
}

// setTime sets the field that a line names, which is a time.
func setTime(t *tokenkeep.Token, name, value string) error {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return err
	}
	at := time.UnixMilli(ms).UTC()
	switch name {
	case "expiry":
		t.Expiry = at
	case "state_until":
		t.State.Until = at
	case "state_since":
		t.State.Since = at
	case "claim_since":
		t.Claim.Since = at
	case "mint":
		t.Mints = append(t.Mints, at)
	case "login":
		t.Logins = append(t.Logins, at)
	case "created":
		t.CreatedAt = at
	case "updated":
		t.UpdatedAt = at
	case "used":
		t.UsedAt = at
	default:
		return tokenkeep.ErrCorrupt
	}
	return nil
}

// millis returns milliseconds since 1970, and "" for the zero time.
func millis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// count returns a number, and "" for 0.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// escape returns v on one line.
func escape(v string) string {
	if !strings.ContainsAny(v, "\\\n") {
		return v
	}
	return strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), "\n", `\n`)
}

// unescape undoes escape.
func unescape(v string) string {
	if !strings.Contains(v, `\`) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
			if v[i] == 'n' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}
