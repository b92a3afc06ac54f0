//go:build unix

package durable

import (
	"io/fs"
	"os"
	"syscall"
)

// Own gives f the owner of info when this process is the superuser and they
// differ, so that a file which an administrator's command replaces stays
// readable for the program it belongs to. Other processes cannot give files
// away: for them it does nothing.
func Own(f *os.File, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 && st.Gid == 0 {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
