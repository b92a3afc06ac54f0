package matrix

import (
	"os"
	"path/filepath"
	"syscall"
)

// A disk is a small file system of a cell. Without the right to mount there is
// none, and the store is told to fail instead.
type disk struct{ path string }

// mount gives the cell a disk.
func (x *cell) mount() *disk {
	x.t.Helper()
	d := &disk{path: filepath.Join(x.folder, "disk")}
	x.must(os.Mkdir(d.path, 0o700))
	if err := syscall.Mount("tmpfs", d.path, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		x.t.Logf("no disk of its own: %v", err)
		return nil
	}
	x.onEnd(func() {
		if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
			x.t.Error(err)
		}
	})
	return d
}

func (d *disk) ballast() string { return filepath.Join(d.path, "ballast") }

// fill leaves no space on the disk.
func (d *disk) fill() {
	_ = os.WriteFile(d.ballast(), make([]byte, 2<<20), 0o600) // as far as it goes
}

// empty makes space again.
func (d *disk) empty() error { return os.Remove(d.ballast()) }
