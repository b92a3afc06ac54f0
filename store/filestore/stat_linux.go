package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// statID returns what identifies the content of a file. A missing file has the
// zero fileID.
func statID(path string) (fileID, error) {
	var st syscall.Stat_t
	for {
		err := syscall.Stat(path, &st)
		switch {
		case err == nil:
			return idOf(&st), nil
		case errors.Is(err, fs.ErrNotExist):
			return fileID{}, nil
		case !errors.Is(err, syscall.EINTR):
			return fileID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
		}
	}
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
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return idOf(st)
	}
	return fileID{size: info.Size(), mtime: info.ModTime().UnixNano()}
}

//nolint:unconvert // the types differ between architectures
func idOf(st *syscall.Stat_t) fileID {
	return fileID{
		exists: true,
		dev:    uint64(st.Dev), ino: uint64(st.Ino), size: st.Size,
		mtime: time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)).UnixNano(),
		ctime: time.Unix(int64(st.Ctim.Sec), int64(st.Ctim.Nsec)).UnixNano(),
	}
}
