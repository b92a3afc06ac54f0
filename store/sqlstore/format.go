package sqlstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// lastMillis is the end of the year 9999: a later expiry is damage.
const lastMillis = 253402300799999

// ParseExpiry returns the time that an expiry_time of Zoho's SDKs stands for:
// milliseconds since 1970 in decimal digits. The empty text gives the zero time,
// "nobody knows". A value that is no such number, or lies past the year 9999,
// gives a time that is long past, so that the token is refreshed and not used for
// ever; so does one in seconds, by its size.
func ParseExpiry(v string) time.Time {
	if v == "" {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || ms < 0 || ms > lastMillis {
		ms = 0
	}
	return time.UnixMilli(ms).UTC()
}

func formatExpiry(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// millis returns t in milliseconds since 1970, and 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// number reads a decimal number; what is not one is 0.
func number(v string) int64 {
	n, _ := strconv.ParseInt(v, 10, 64) // damage reads as absent
	return n
}

func parseScopes(v string) []string {
	if v == "" {
		return nil
	}
	return strings.Split(v, "\n")
}

// formatState returns "<class> <until> <since> <failures> <reason>", and "" for a
// healthy login.
func formatState(s tokenkeep.State) string {
	if s == (tokenkeep.State{}) {
		return ""
	}
	return strings.Join([]string{
		string(s.Class),
		strconv.FormatInt(millis(s.Until), 10),
		strconv.FormatInt(millis(s.Since), 10),
		strconv.Itoa(s.Failures),
		s.Reason,
	}, " ")
}

func parseState(v string) tokenkeep.State {
	if v == "" {
		return tokenkeep.State{}
	}
	var parts [5]string
	copy(parts[:], strings.SplitN(v, " ", len(parts)))
	return tokenkeep.State{
		Class:    tokenkeep.Class(parts[0]),
		Until:    fromMillis(number(parts[1])),
		Since:    fromMillis(number(parts[2])),
		Failures: int(number(parts[3])),
		Reason:   parts[4],
	}
}

// formatClaim returns "<since> <owner>", and "" when nobody holds the claim.
func formatClaim(c tokenkeep.Claim) string {
	if !c.Held() {
		return ""
	}
	return strconv.FormatInt(millis(c.Since), 10) + " " + c.Owner
}

func parseClaim(v string) tokenkeep.Claim {
	since, owner, _ := strings.Cut(v, " ")
	if owner == "" {
		return tokenkeep.Claim{}
	}
	return tokenkeep.Claim{Owner: owner, Since: fromMillis(number(since))}
}

// formatTimes returns the times in milliseconds, with commas between them.
func formatTimes(times []time.Time) string {
	var b []byte
	for i, t := range times {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, t.UnixMilli(), 10)
	}
	return string(b)
}

func parseTimes(v string) []time.Time {
	var times []time.Time
	for part := range strings.SplitSeq(v, ",") {
		if ms := number(part); ms != 0 {
			times = append(times, fromMillis(ms))
		}
	}
	return times
}

// formatSecrets returns one secret a line.
func formatSecrets(secrets []tokenkeep.Secret) string {
	lines := make([]string, len(secrets))
	for i, s := range secrets {
		lines[i] = s.Reveal()
	}
	return strings.Join(lines, "\n")
}

func parseSecrets(v string) []tokenkeep.Secret {
	if v == "" {
		return nil
	}
	var secrets []tokenkeep.Secret
	for line := range strings.SplitSeq(v, "\n") {
		secrets = append(secrets, tokenkeep.NewSecret(line))
	}
	return secrets
}
