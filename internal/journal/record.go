package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MaxBytes is the longest record; whatever is longer is damaged.
const MaxBytes = 4 << 20

var (
	// ErrDamaged says that the file is torn, or is no record. It can be set aside.
	ErrDamaged = errors.New("the journal record is damaged")
	// ErrNewer says that a later version of this package wrote the record. It stays.
	ErrNewer = errors.New("the journal record is of a newer version")
)

const (
	family = "tokenkeep-journal/"
	format = family + "1 "
)

// Encode returns the content of a file that holds payload: a line with length and
// checksum, then payload. sealed says that payload is encrypted.
func Encode(payload []byte, sealed bool) []byte {
	return append(header(payload, sealed), payload...)
}

// Decode returns what Encode was given, or an error that wraps [ErrDamaged] or
// [ErrNewer].
func Decode(content []byte) (payload []byte, sealed bool, err error) {
	line, payload, found := bytes.Cut(content, []byte("\n"))
	if !found {
		return nil, false, fmt.Errorf("%w: it has no header", ErrDamaged)
	}
	line = content[:len(line)+1]
	for _, sealed := range []bool{false, true} {
		if bytes.Equal(line, header(payload, sealed)) {
			return payload, sealed, nil
		}
	}
	if bytes.HasPrefix(line, []byte(family)) && !bytes.HasPrefix(line, []byte(format)) {
		return nil, false, ErrNewer
	}
	return nil, false, fmt.Errorf("%w: header and content disagree", ErrDamaged)
}

func header(payload []byte, sealed bool) []byte {
	how := "plain"
	if sealed {
		how = "sealed"
	}
	return fmt.Appendf(nil, format+"%s %d %x\n", how, len(payload), sha256.Sum256(payload))
}
