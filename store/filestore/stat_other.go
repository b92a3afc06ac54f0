//go:build !linux

package filestore

import (
	"errors"
	"io/fs"
	"os"
)

// statID returns what identifies the content of a file. A missing file has the
// zero fileID. Without inodes it is weaker than on Linux: two changes of one
// size in one tick of the clock look alike until the file is read again.
func statID(path string) (fileID, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fileID{}, nil
	}
	if err != nil {
		return fileID{}, err
	}
	return infoID(info), nil
}

// openID returns the fileID of an open file.
func openID(f *os.File) (fileID, error) {
	info, err := f.Stat()
	if err != nil {
		return fileID{}, err
	}
	return infoID(info), nil
}

func infoID(info fs.FileInfo) fileID {
	return fileID{exists: true, size: info.Size(), mtime: info.ModTime().UnixNano()}
}
