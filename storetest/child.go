package storetest

import (
	"os"
	"testing"
)

const canStop = true

// IsChild reports whether this process was started by the suite to play a part
// in one of its checks. A test asks it to skip what only the parent needs.
func IsChild() bool { return os.Getenv("STORETEST_TASK") != "" }

func playChild(tb testing.TB, cfg Config) {}
