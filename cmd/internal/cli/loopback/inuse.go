package loopback

import (
	"errors"
	"syscall"
)

// wsaeaddrinuse is EADDRINUSE as Windows says it.
const wsaeaddrinuse = syscall.Errno(10048)

func isAddrInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}
