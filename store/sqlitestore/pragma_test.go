package sqlitestore

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every connection flushes what it saves, and waits for others.
func TestPragmas(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tokens.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for range 3 {
		conn, err := s.db.Conn(t.Context()) // a new one: the others are in use
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "foreign_keys": "0", "secure_delete": "2",
		} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || !strings.EqualFold(got, want) {
				t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
			}
		}
	}
}
