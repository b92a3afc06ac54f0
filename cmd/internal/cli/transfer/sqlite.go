package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tokenkeep/tokenkeep"
	"github.com/tokenkeep/tokenkeep/store/sqlitestore"
)

// readLegacy reads the table oauthtoken of a SQLite file and changes nothing.
func readLegacy(ctx context.Context, path string) (*Source, error) {
	s := &Source{Kind: KindSQLite}
	log := slog.New(&warnings{to: &s.Warnings})
	for t, err := range sqlitestore.ReadLegacy(ctx, path, &sqlitestore.Options{Logger: log}) {
		if errors.Is(err, tokenkeep.ErrCorrupt) || errors.Is(err, tokenkeep.ErrSchema) {
			return nil, fmt.Errorf("%w (%s)", ErrUnknown, reason(err))
		}
		if err != nil {
			return nil, err
		}
		s.Tokens = append(s.Tokens, t)
	}
	return s, nil
}

// warnings is a log of which the warnings are kept as text.
type warnings struct {
	slog.Handler // nil: groups and attributes of loggers are not used

	to *[]string
}

// Enabled implements [slog.Handler].
func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, ", %s %s", a.Key, a.Value)
		return true
	})
	*w.to = append(*w.to, b.String())
	return nil
}
