//go:build !unix

package storetest

import "errors"

// canStop says that this system can stop a process and let it go on.
const canStop = false

func (c *child) stop() error { return errors.ErrUnsupported }
func (c *child) goOn() error { return errors.ErrUnsupported }
