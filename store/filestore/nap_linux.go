package filestore

import (
	"syscall"
	"time"
)

// nap sleeps for about d, which is short.
func nap(d time.Duration) {
	ts := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&ts, nil) // a signal ends it early, which does no harm
}
