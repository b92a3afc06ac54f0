package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// A digest stands for a row.
type digest [sha256.Size]byte

// A field is a part of a row that a copy must have too.
type field struct{ name, value string }

// fields are what a copy must have: all but id, version, claim, and the times of
// the row's own saves.
func fields(t *tokenkeep.Token) []field {
	list := loginFields(t)
	return append(list,
		field{"user name", t.UserName},
		field{"client secret", t.ClientSecret.Reveal()},
		field{"access token", t.AccessToken.Reveal()},
		field{"grant token", t.GrantToken.Reveal()},
		field{"expiry", millis(t.Expiry)},
		field{"redirect URL", t.RedirectURL},
		field{"API domain", t.APIDomain},
		field{"accounts server", t.AccountsServer},
		field{"data centre", t.DataCentre},
		field{"scopes", strings.Join(t.Scopes, "\n")},
		field{"state", stateText(t.State)},
		field{"mint times", timesText(t.Mints)},
		field{"time of a login", timesText(t.Logins)},
		field{"candidate", candidatesText(t.Candidates)},
		field{"time of use", millis(t.UsedAt)},
	)
}

// loginFields are what a login is, whatever a refresh changes. Without a refresh
// token it is its access or grant token.
func loginFields(t *tokenkeep.Token) []field {
	kind, value := "refresh token", t.RefreshToken
	if value.IsZero() {
		kind, value = "access token", t.AccessToken
	}
	if value.IsZero() {
		kind, value = "grant token", t.GrantToken
	}
	return []field{{"client id", t.ClientID}, {kind, value.Reveal()}}
}

func millis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func stateText(s tokenkeep.State) string {
	if s == (tokenkeep.State{}) {
		return ""
	}
	return strings.Join([]string{string(s.Class), s.Reason, millis(s.Until), millis(s.Since), strconv.Itoa(s.Failures)}, "\n")
}

func timesText(times []time.Time) string {
	texts := make([]string, len(times))
	for i, t := range times {
		texts[i] = millis(t)
	}
	return strings.Join(texts, ",")
}

// candidatesText joins them by what no token may contain.
func candidatesText(candidates []tokenkeep.Secret) string {
	texts := make([]string, len(candidates))
	for i, c := range candidates {
		texts[i] = c.Reveal()
	}
	return strings.Join(texts, "\n")
}

// difference names the first field in which two rows differ, "" for none.
func difference(a, b *tokenkeep.Token) string {
	x, y := fields(a), fields(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i].name
		}
	}
	return ""
}

func contentDigest(t *tokenkeep.Token) digest { return digestOf(fields(t)) }
func loginDigest(t *tokenkeep.Token) digest   { return digestOf(loginFields(t)) }

func digestOf(list []field) digest {
	h := sha256.New()
	for _, f := range list {
		for _, part := range []string{f.name, f.value} {
			_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(part)))) // a hash takes everything
			_, _ = h.Write([]byte(part))
		}
	}
	return digest(h.Sum(nil))
}

// A sum stands for a set of rows, whatever their order: how many, and their
// digests added up.
type sum struct {
	rows   int
	digits [4]uint64
}

func (s *sum) add(d digest) { s.rows++; s.carry(d, bits.Add64) }
func (s *sum) sub(d digest) { s.rows--; s.carry(d, bits.Sub64) }

func (s *sum) carry(d digest, op func(x, y, c uint64) (uint64, uint64)) {
	var c uint64
	for i := range s.digits {
		s.digits[i], c = op(s.digits[i], binary.LittleEndian.Uint64(d[8*i:]), c)
	}
}

// String returns the sum in hexadecimal.
func (s sum) String() string {
	var b []byte
	for _, n := range s.digits {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return hex.EncodeToString(b)
}
