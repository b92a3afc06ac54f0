package cli

import "golang.org/x/sys/unix"

// forbidCore keeps the kernel from writing this process's memory into a core file,
// and other processes of the same user from reading it. Programs that it starts are
// not concerned: the kernel forgets it when they begin.
func forbidCore() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
