//go:build !unix

package sqlitestore_test

import (
	"context"
	"errors"
)

func playUnprivileged(context.Context, string) error { return errors.ErrUnsupported }
