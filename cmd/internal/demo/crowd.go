package demo

import (
	"context"
	"slices"
	"sync"

	"github.com/tokenkeep/tokenkeep"
)

// A tally is the outcome of calls that were made at once.
type tally struct {
	Answered int             `json:"answered"`
	Failed   int             `json:"failed"`
	Class    tokenkeep.Class `json:"class,omitempty"` // of the first failure
	Error    string          `json:"error,omitempty"` // the first failure
}

// crowd lets n goroutines list leads at once, each on the session that it is
// given.
func crowd(ctx context.Context, n int, session func(i int) *tokenkeep.Session) tally {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			_, errs[i] = listLeads(ctx, session(i))
		})
	}
	close(start)
	wg.Wait()
	return tallied(errs)
}

// same gives every goroutine of a crowd the same session.
func same(s *tokenkeep.Session) func(int) *tokenkeep.Session {
	return func(int) *tokenkeep.Session { return s }
}

func tallied(errs []error) tally {
	failed := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	t := tally{Answered: len(errs) - len(failed), Failed: len(failed)}
	if len(failed) > 0 {
		t.Class, t.Error = tokenkeep.ClassOf(failed[0]), failed[0].Error()
	}
	return t
}
