//go:build !unix

package filestore

import "errors"

func isReadOnlyFS(error) bool { return false }

func isDiskFull(error) bool { return false }

var errIsDirectory = errors.New("is a directory")
