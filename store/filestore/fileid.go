package filestore

import "time"

// A fileID identifies the content of a file as far as stat can tell. Inode
// numbers are used again as soon as a file is gone, so whoever remembers one
// keeps the file open.
type fileID struct {
	exists       bool
	dev, ino     uint64
	size         int64
	mtime, ctime int64
}

// tick is longer than the clock of any file system stands still.
const tick = 20 * time.Millisecond

// fresh reports whether the file changed so recently that another change might
// give it the same times.
func (id fileID) fresh(now time.Time) bool { return id.age(now) < tick }

// age returns how long ago the file changed; a time in the future counts as long
// ago, because then the clocks differ.
func (id fileID) age(now time.Time) time.Duration {
	age := now.Sub(time.Unix(0, id.mtime))
	if age < -time.Second {
		return time.Hour
	}
	return age
}
