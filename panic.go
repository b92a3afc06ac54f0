package tokenkeep

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"
)

// The code of users runs on goroutines of the Keeper, where none of them can
// recover a panic. It ends what it happened in, not the process.

// guard runs f, and logs a panic of who, whose code f is.
func (k *Keeper) guard(ctx context.Context, who string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			_ = k.panicked(ctx, who, r)
		}
	}()
	f()
}

// panicked logs a panic with its stack and returns the error for it. The value of
// a panic may hold a secret: only that of a runtime error is shown.
func (k *Keeper) panicked(ctx context.Context, who string, value any) error {
	text := fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		text = err.Error()
	}
	k.logPanic(ctx, who, text)
	return &Error{
		Class: RetryLater, Op: "refresh", Until: time.Now(), Unknown: true,
		Reason: "the " + who + " panicked: " + text,
		Hint:   "this is a bug in the program; its log has the stack",
	}
}

func (k *Keeper) logPanic(ctx context.Context, who, text string) {
	defer func() { _ = recover() }() // it may be the logger that panics
	k.opts.Logger.LogAttrs(ctx, slog.LevelError, "tokenkeep: a panic was recovered",
		slog.String("in", who), slog.String("panic", text), slog.String("stack", string(debug.Stack())))
}

// step tells the hook where a refresh is.
func (k *Keeper) step(ctx context.Context, n int) {
	k.guard(ctx, "step hook", func() { k.opts.OnStep(ctx, n) })
}
