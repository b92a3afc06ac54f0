//go:build !linux

package filestore

import "time"

// nap sleeps for about d, which is short.
func nap(d time.Duration) { time.Sleep(d) }
