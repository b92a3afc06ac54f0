package tokenkeep

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// redacted is what every formatted Secret shows.
const redacted = "[redacted]"

// A Secret is a token, a code or a client secret that does not print itself:
// String, GoString, Format, LogValue and the JSON and text encodings show
// "[redacted]", also inside other structs. Only Reveal gives the value.
//
// The zero Secret is empty. Secrets are immutable and safe for concurrent use.
// Compare with Equal: == compares identity, not content.
type Secret struct {
	v *string // behind a pointer, so that printing by reflection shows an address
}

// NewSecret returns a Secret that holds value. The empty string gives the zero
// Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{v: &value}
}

// Reveal returns the value in clear.
func (s Secret) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.v == nil }

// Equal reports whether two secrets hold the same value. It takes the same time
// for every pair of values of one length.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Masked returns a form that people can tell apart and nobody can use, such as
// "1000.****9f3c": the part before the first dot and the last four characters.
// Values that are too short to hide anything show as "****", the empty one as "".
func (s Secret) Masked() string {
	v := s.Reveal()
	if v == "" {
		return ""
	}
	prefix, rest, found := strings.Cut(v, ".")
	if !found || len(prefix) > 5 {
		prefix, rest = "", v
	} else {
		prefix += "."
	}
	if len(rest) < 16 {
		return prefix + "****"
	}
	return prefix + "****" + rest[len(rest)-4:]
}

// String implements [fmt.Stringer] and shows nothing of the value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString implements [fmt.GoStringer] and shows nothing of the value.
func (s Secret) GoString() string { return "tokenkeep.Secret(" + s.String() + ")" }

// Format implements [fmt.Formatter]: every verb shows nothing of the value.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// LogValue implements [slog.LogValuer] and shows nothing of the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON implements [json.Marshaler] and shows nothing of the value.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText implements [encoding.TextMarshaler] and shows nothing of the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
