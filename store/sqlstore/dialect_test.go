package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/tokenkeep/tokenkeep"
)

func TestNames(t *testing.T) {
	d := SQLite()
	for _, bad := range []string{
		"", "a b", "a-b", "a.b", `a"b`, "a;b", "1a", "ünïcode", "a\x00", "sqlite_a", "SQLite_a", strings.Repeat("a", 41),
		"oauthtoken; drop table oauthtoken", "a\n",
	} {
		if _, err := newNames(&d, bad); err == nil {
			t.Errorf("the table name %q was accepted", bad)
		}
	}
	for _, good := range []string{"oauthtoken", "_", "Tokens2", "select", strings.Repeat("a", 40)} {
		if _, err := newNames(&d, good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestNewRefusesTable(t *testing.T) {
	if _, err := New(t.Context(), nil, SQLite(), &Options{Table: "a b"}); err == nil {
		t.Error("the table name was accepted")
	}
}

// codedError is an error as the driver of SQLite makes it.
type codedError int

func (e codedError) Error() string { return "driver says no" }
func (e codedError) Code() int     { return int(e) }

func TestFail(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context //nolint:containedctx // a case of the table
		err  error
		want error
	}{
		{t.Context(), codedError(8), tokenkeep.ErrReadOnly},
		{t.Context(), codedError(1032), tokenkeep.ErrReadOnly},
		{t.Context(), codedError(11), tokenkeep.ErrCorrupt},
		{t.Context(), codedError(26), tokenkeep.ErrCorrupt},
		{t.Context(), codedError(1), tokenkeep.ErrSchema},
		{t.Context(), codedError(5), tokenkeep.ErrStoreUnavailable},
		{t.Context(), codedError(13), tokenkeep.ErrStoreUnavailable},
		{t.Context(), sql.ErrConnDone, tokenkeep.ErrStoreUnavailable},
		{t.Context(), tokenkeep.ErrConflict, tokenkeep.ErrConflict},
		{ended, codedError(9), context.Canceled},
		{ended, tokenkeep.ErrConflict, tokenkeep.ErrConflict},
	} {
		s := &Store{dialect: SQLite()}
		err := s.fail(c.ctx, "save", c.err)
		if !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "sqlite: save: ") {
			t.Errorf("%v became %v, want %v", c.err, err, c.want)
		}
		if !errors.Is(c.want, c.err) && c.ctx.Err() == nil && !errors.Is(err, c.err) {
			t.Errorf("%v has lost its cause", err)
		}
		s.closed.Store(true)
		if err := s.fail(t.Context(), "save", codedError(21)); !errors.Is(err, tokenkeep.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := (&Store{}).fail(t.Context(), "save", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
