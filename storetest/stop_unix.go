//go:build unix

package storetest

import "syscall"

// canStop says that this system can stop a process and let it go on.
const canStop = true

func (c *child) stop() error { return c.cmd.Process.Signal(syscall.SIGSTOP) }
func (c *child) goOn() error { return c.cmd.Process.Signal(syscall.SIGCONT) }
