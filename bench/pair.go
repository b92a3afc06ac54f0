// Package bench compares tokenkeep with its peers, both in one run.
//
// A machine that is shared is faster one second and slower the next, so a peer
// measured yesterday proves nothing. [Pair] takes turns: a batch of the peer, a
// batch of ours, and so on, and reports the ratio of the medians.
package bench

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// A Side is one of two things that are compared.
type Side struct {
	// Name labels the side's metric, such as "oauth2".
	Name string
	// Run does the operation n times. It may be called by several goroutines.
	Run func(n int)
}

// turns is how often the sides take turns in one benchmark.
const turns = 15

// Pair runs peer and ours in turns, each operation b.N times in all or a little
// more, and reports the median time of one operation on either side in
// nanoseconds, and their ratio: below 1, ours is faster. With goroutines above 1
// that many run the operation at once.
func Pair(b *testing.B, peer, ours Side, goroutines int) {
	b.Helper()
	batch := max(b.N/turns, 1)
	var p, o []float64
	b.ResetTimer()
	for range turns {
		p = append(p, measure(peer.Run, batch, goroutines))
		o = append(o, measure(ours.Run, batch, goroutines))
	}
	b.StopTimer()
	pm, om := median(p), median(o)
	b.ReportMetric(0, "ns/op") // the sum of both says nothing
	b.ReportMetric(pm, peer.Name+"-ns")
	b.ReportMetric(om, ours.Name+"-ns")
	b.ReportMetric(om/pm, "ratio")
}

// measure returns nanoseconds per operation.
func measure(run func(n int), n, goroutines int) float64 {
	began := time.Now()
	if goroutines <= 1 {
		run(n)
		return float64(time.Since(began)) / float64(n)
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() { run(n) })
	}
	wg.Wait()
	return float64(time.Since(began)) / float64(n) / float64(goroutines)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
