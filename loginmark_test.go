package tokenkeep

import (
	"strings"
	"testing"
)

func TestLoginMark(t *testing.T) {
	one, other := LoginMark(NewSecret("1000.abc.def")), LoginMark(NewSecret("1000.abc.deg"))
	if len(one) != 12 || strings.Trim(one, "0123456789abcdef") != "" {
		t.Errorf("mark %q, want 12 hexadecimal digits", one)
	}
	if one == other || one != LoginMark(NewSecret("1000.abc.def")) {
		t.Error("marks must tell logins apart, and be the same each time")
	}
	if strings.HasPrefix(mark(NewSecret("1000.abc.def")), one) {
		t.Error("the mark is the beginning of the one in journals: it would tell which login a record belongs to")
	}
	if m := LoginMark(Secret{}); m != "" {
		t.Errorf("mark %q of no token", m)
	}
}
