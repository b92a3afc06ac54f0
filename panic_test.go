package tokenkeep

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A panic in a provider, a store, a hook or a logger ends one refresh, not the
// process: no caller could recover it.
func TestPanicEndsOneRefresh(t *testing.T) {
	for name, arm := range map[string]func(p *stubProvider, s *faultyStore, o *Options){
		"provider": func(p *stubProvider, _ *faultyStore, _ *Options) {
			p.refresh = func(context.Context, int64, *Token) (*Token, error) { panic("1000.secret") }
		},
		"store": func(_ *stubProvider, s *faultyStore, _ *Options) {
			s.onSave = func(*Token) error { panic("1000.secret") }
		},
		"hook": func(_ *stubProvider, _ *faultyStore, o *Options) {
			o.OnStep = func(_ context.Context, step int) {
				if step == 8 {
					panic("1000.secret")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, p, o := &faultyStore{TokenStore: NewMemoryStore()}, &stubProvider{}, Options{}
				row := stored(t, store, -time.Minute)
				arm(p, store, &o)
				_, err := open(t, New(store, p, &o), row.ID).Token(t.Context())
				if (name == "hook") != (err == nil) || (err != nil && !errors.Is(err, ErrRetryLater)) {
					t.Errorf("%v", err)
				}
				if err != nil && strings.Contains(err.Error(), "1000.secret") {
					t.Error("the error shows the panic's value")
				}
				p.refresh, store.onSave = nil, nil
				time.Sleep(time.Minute)
				_, err = open(t, New(store, p, nil), row.ID).Token(t.Context())
				must(t, err)
			})
		})
	}
}

func TestLoggerPanicDisturbsNothing(t *testing.T) {
	store, p := NewMemoryStore(), &stubProvider{}
	row := stored(t, store, -time.Minute)
	_, err := open(t, New(store, p, &Options{Logger: slog.New(panicHandler{slog.DiscardHandler})}), row.ID).Token(t.Context())
	must(t, err)
}

type panicHandler struct{ slog.Handler }

func (panicHandler) Enabled(context.Context, slog.Level) bool { return true }

func (panicHandler) Handle(context.Context, slog.Record) error { panic("a user's bug") }

func (h panicHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h panicHandler) WithGroup(string) slog.Handler { return h }

// A provider that ignores ctx does not hold the row for ever.
func TestDeafProviderDoesNotHoldTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, p := NewMemoryStore(), &stubProvider{}
		row := stored(t, store, -time.Minute)
		hang := make(chan struct{})
		p.refresh = func(context.Context, int64, *Token) (*Token, error) { <-hang; return p.mint(), nil }
		k := New(store, p, nil)
		if _, err := open(t, k, row.ID).Token(t.Context()); !errors.Is(err, ErrRetryLater) {
			t.Errorf("%v", err)
		}
		close(hang)
		must(t, k.Close())
	})
}
