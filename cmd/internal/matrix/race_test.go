//go:build unix && race

package matrix

// The race detector makes processes slow: they get more time, and play fewer cells.
const (
	patienceFactor = 4
	fewer          = true
)
