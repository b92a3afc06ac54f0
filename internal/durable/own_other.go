//go:build !unix

package durable

import (
	"io/fs"
	"os"
)

// Own does nothing: files have no owner to keep here.
func Own(*os.File, fs.FileInfo) error { return nil }
