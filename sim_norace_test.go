//go:build !race

package tokenkeep

// simRace says that the race detector makes everything some ten times slower.
const simRace = false
