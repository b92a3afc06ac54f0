//go:build unix && !race

package matrix

const (
	patienceFactor = 1
	fewer          = false
)
