package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

const (
	processCount = 4
	perProcess   = 16 // goroutines
)

// playProcesses lets several processes find the same expired token at once.
func playProcesses(ctx context.Context, st *stage) error {
	row, err := st.row(ctx, st.bo)
	if err != nil {
		return err
	}
	_, accepted := st.alive(row)
	st.claim("bo's access token ended with the first hour, and nobody has noticed yet.", is("old_token_accepted", accepted, false))
	before, began := st.fake.Counters(), time.Now()
	replies, err := st.together(ctx, st.bo)
	if err != nil {
		return err
	}
	took, used := time.Since(began), st.since(before)
	answered, refreshed, first := 0, 0, ""
	for _, r := range replies {
		answered += r.Tally.Answered
		refreshed += r.Events[tokenkeep.Refreshed]
		first = cmp.Or(first, r.Tally.Error)
	}
	all := processCount * perProcess
	st.claim(fmt.Sprintf("%d processes with %d goroutines each: %d of %d calls answered, in %.1f s with the start.", len(replies), perProcess, answered, all, took.Seconds()),
		is("processes", len(replies), processCount), is("calls_answered", answered, all), is("first_error", first, ""))
	st.claim(fmt.Sprintf("They cost %d token request; %d process made it, the others took the new token from the store.", used.TokenRequests, refreshed),
		is("token_requests", used.TokenRequests, 1), is("processes_that_refreshed", refreshed, 1))
	return nil
}

// together starts the processes, waits until all are ready, and lets them begin
// at once.
func (st *stage) together(ctx context.Context, u *user) ([]reply, error) {
	group := make([]*process, processCount)
	for i := range group {
		var err error
		if group[i], err = st.start(ctx, u, 0); err != nil {
			return nil, err
		}
	}
	replies, errs := make([]reply, len(group)), make([]error, len(group))
	var wg sync.WaitGroup
	for i, p := range group {
		wg.Go(func() { replies[i], errs[i] = p.ask(ctx, order{Do: "calls", Callers: perProcess}) })
	}
	wg.Wait()
	return replies, errors.Join(errs...)
}
