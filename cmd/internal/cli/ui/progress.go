package ui

import (
	"fmt"
	"sync"
	"time"
)

// patience is how long an operation may take before it is worth a word.
const patience = time.Second

// Progress says what on standard error if the operation takes longer than a
// second, and that it still goes on every ten seconds after. Call the function
// it returns when the operation is over; calling it again is harmless.
func (u *IO) Progress(what string) (stop func()) {
	if u.Quiet {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { u.report(what, done) })
	var once sync.Once
	return func() {
		once.Do(func() { close(done) })
		wg.Wait()
	}
}

func (u *IO) report(what string, done <-chan struct{}) {
	begin := time.Now()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
			fmt.Fprintf(u.Err, "- %s… (%s)\n", what, time.Since(begin).Round(time.Second))
			timer.Reset(10 * patience)
		}
	}
}
