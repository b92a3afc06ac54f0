//go:build unix && !linux

package cli

import "golang.org/x/sys/unix"

// forbidCore keeps the kernel from writing this process's memory into a core file.
// Programs that it starts inherit that, and may raise the limit again.
func forbidCore() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return err
	}
	limit.Cur = 0
	return unix.Setrlimit(unix.RLIMIT_CORE, &limit)
}
