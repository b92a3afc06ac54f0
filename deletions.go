package tokenkeep

import "sync"

// A deletions remembers the rows that a Keeper deleted last. A look-up that read a row
// before its deletion asks it afterwards, for there may have been no state then that
// could be ended.
type deletions struct {
	mu  sync.Mutex // guards what follows
	n   int64
	ids [64]string // the n-th at n modulo 64
}

// add notes a deletion. It comes before the state of the row is looked for.
func (d *deletions) add(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids[d.n%int64(len(d.ids))] = id
	d.n++
}

// count returns how many there were.
func (d *deletions) count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// since reports whether id may have been deleted since the count was n. It is sure,
// but for very many deletions in between.
func (d *deletions) since(n int64, id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n-n > int64(len(d.ids)) {
		return true
	}
	for ; n < d.n; n++ {
		if d.ids[n%int64(len(d.ids))] == id {
			return true
		}
	}
	return false
}
