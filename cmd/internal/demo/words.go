package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// words returns a class in words.
func words(c tokenkeep.Class) string {
	switch c {
	case tokenkeep.RetryLater:
		return "try again later"
	case tokenkeep.Throttled:
		return "wait"
	case tokenkeep.NeedsLogin:
		return "login needed"
	case "":
		return "nothing"
	}
	return string(c)
}

// times says how often.
func times(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitOf returns how long an error says to wait; zero if it does not say.
func waitOf(err error) time.Duration {
	e, ok := errors.AsType[*tokenkeep.Error](err)
	if !ok || e.Until.IsZero() {
		return 0
	}
	return time.Until(e.Until)
}
